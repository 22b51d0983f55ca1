"""The fields of a bar themselves."""

from __future__ import annotations

from core.indicators.registry import indicator
from core.market.bars import Float, Ohlcv


def _known_at_once() -> int:
    return 0


@indicator("close", label="Price", meaning="The close.", unit="price", pane="price",
           warm_up=_known_at_once)  # fmt: skip
def close(bars: Ohlcv) -> Float:
    """close[t]"""
    return bars.close


@indicator("open", label="Open", meaning="The open.", unit="price", pane="price",
           inputs=("open",), warm_up=_known_at_once)  # fmt: skip
def opening(bars: Ohlcv) -> Float:
    """open[t]"""
    return bars.open


@indicator("high", label="High", meaning="The session's highest price.", unit="price",
           pane="price", inputs=("high",), warm_up=_known_at_once)  # fmt: skip
def high(bars: Ohlcv) -> Float:
    """high[t]"""
    return bars.high


@indicator("low", label="Low", meaning="The session's lowest price.", unit="price",
           pane="price", inputs=("low",), warm_up=_known_at_once)  # fmt: skip
def low(bars: Ohlcv) -> Float:
    """low[t]"""
    return bars.low


@indicator("volume", label="Volume", meaning="What was traded in the session.", unit="volume",
           inputs=("volume",), warm_up=_known_at_once)  # fmt: skip
def volume(bars: Ohlcv) -> Float:
    """volume[t]"""
    return bars.volume
