"""Composer's tickers as symbols: BRK/B is BRK.B, CRYPTO::BTC//USD is BTCUSDT."""

from __future__ import annotations

import re
from typing import Any

from core.flow.formats import composer_constructs as cc
from core.flow.formats.report import Construct, Findings, Place
from core.flow.formats.unfold import shown
from core.flow.nodes import SYMBOL

_SHARE_CLASS = re.compile(r"([A-Z]{1,6})/([A-Z]{1,2})")
_CRYPTO = re.compile(r"CRYPTO::([A-Z0-9]{1,12})//USD")


def symbol_of(ticker: Any, place: Place, findings: Findings) -> str | None:
    """The symbol; None, and why in ``findings``, if the ticker is none."""
    symbol, construct = spelled(ticker)
    if construct is not None:
        findings.add(place, construct, f"The ticker is {shown(ticker)}.")
    return symbol


def spelled(ticker: Any) -> tuple[str | None, Construct | None]:
    """The symbol, and the construct if it is not simply the ticker."""
    if not isinstance(ticker, str):
        return None, cc.SYMBOL
    share_class, crypto = _SHARE_CLASS.fullmatch(ticker), _CRYPTO.fullmatch(ticker)
    if share_class:
        return f"{share_class[1]}.{share_class[2]}", cc.SHARE_CLASS
    if crypto:
        return f"{crypto[1]}USDT", cc.CRYPTO
    # The pattern refuses '$', with which a variable begins.
    return (str(ticker), None) if SYMBOL.fullmatch(ticker) else (None, cc.SYMBOL)
