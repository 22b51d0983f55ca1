"""Symbols as Alpaca writes them, which is also how Sluice does: ``SPY``, ``BRK.B``."""

from __future__ import annotations

import re

from core.errors import UnknownName

_SYMBOL = re.compile(r"[A-Z0-9]+(\.[A-Z0-9]+)*")


def is_symbol(name: str) -> bool:
    return _SYMBOL.fullmatch(name) is not None


def unknown(name: str) -> UnknownName:
    """The error for a name that is no symbol of Alpaca's (which cannot be listed)."""
    if not is_symbol(name) and is_symbol(name.upper()):
        return UnknownName("symbols", "symbol", name, fix=f"Did you mean '{name.upper()}'?")
    return UnknownName(
        "symbols",
        "symbol",
        name,
        fix="Check the spelling: Alpaca has US stocks and ETFs; share classes are written with a "
        "dot, as in BRK.B.",
    )
