"""Operations: trade windows, what stops trading, and what happened."""

from app.components.operations_view import operations_view

operations_view()
