"""Daily bars of US stocks and ETFs from Alpaca's market data API."""

from core.market.sources.alpaca.source import AlpacaSource

__all__ = ["AlpacaSource"]
