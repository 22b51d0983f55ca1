"""Perpetual futures from Bybit: daily bars, funding, open interest, instruments; needs no keys."""

from core.market.sources.bybit.source import BybitSource

__all__ = ["BybitSource"]
