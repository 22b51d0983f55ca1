"""Indicators. Importing this package registers them all."""

from core.indicators import momentum, price, returns, trend, volatility, volume

__all__ = ["momentum", "price", "returns", "trend", "volatility", "volume"]
