"""Indicators. Importing this package registers them all."""

from core.indicators import momentum, price, returns, trend, volatility, volume
from core.indicators.registry import INDICATORS, Indicator

__all__ = ["momentum", "price", "registered", "returns", "trend", "volatility", "volume"]


def registered() -> dict[str, Indicator]:
    """Every indicator by its name."""
    return INDICATORS
