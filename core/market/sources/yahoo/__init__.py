"""Daily bars of US-listed stocks, ETFs and indices from Yahoo Finance; needs no keys."""

from core.market.sources.yahoo.source import YahooSource

__all__ = ["YahooSource"]
