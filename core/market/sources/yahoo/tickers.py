"""Sluice's symbols in Yahoo's spelling: ``BRK.B`` is ``BRK-B`` there, ``^GSPC`` is the same."""

from __future__ import annotations

import re

from core.errors import BadInput, UnknownName

_SYMBOL = re.compile(r"\^?[A-Z0-9]+(\.[A-Z0-9]+)?")
_AROUND_THE_CLOCK = re.compile(r"[A-Z0-9]+-(USD|USDT|EUR|GBP|BTC|ETH)|[A-Z0-9]+=[A-Z]")


def ticker(symbol: str) -> str:
    """Yahoo's ticker of a US-listed symbol; BadInput or UnknownName when it cannot be one."""
    if _SYMBOL.fullmatch(symbol):
        return symbol.replace(".", "-")
    if _AROUND_THE_CLOCK.fullmatch(symbol.upper()):
        raise BadInput(
            "symbols",
            f"'{symbol}' trades outside New York's sessions, which are all source yahoo has.",
            "Use source bybit for crypto (BTCUSDT).",
        )
    raise unknown(symbol)


def unknown(symbol: str) -> UnknownName:
    """The error for a name Yahoo does not know (its tickers cannot be listed)."""
    likely = symbol.upper().replace("-", ".").replace("/", ".")
    if likely != symbol and _SYMBOL.fullmatch(likely):
        return UnknownName("symbols", "symbol", symbol, fix=f"Did you mean '{likely}'?")
    return UnknownName(
        "symbols",
        "symbol",
        symbol,
        fix="Check the spelling: source yahoo has what trades in New York now; share classes are "
        "written with a dot, as in BRK.B, indices as ^GSPC.",
    )
