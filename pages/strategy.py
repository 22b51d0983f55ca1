"""One strategy: its flow, a backtest of it, and what came out."""

from app.components.strategy_view import strategy_view
from app.navigation import current_strategy

strategy_view(current_strategy())
