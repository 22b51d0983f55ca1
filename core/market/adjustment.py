"""Corporate actions, and what they make of raw prices.

A split of ``value`` new shares for one old divides the prices before its ex-date by ``value`` and
multiplies the volumes. A cash dividend of ``value`` per raw share multiplies the prices before
its ex-date by one less its share of the close before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from core.calendar import Sessions
from core.errors import BadInput
from core.market.bars import Float, Ohlcv, SymbolBars

Kind = Literal["split", "dividend"]


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One split or cash dividend of one symbol."""

    symbol: str
    ex_date: date
    kind: Kind
    value: float


def adjust_for_splits(bars: SymbolBars, actions: Iterable[CorporateAction]) -> SymbolBars:
    """Raw bars on the share count after the last of ``actions``, later than the bars or not."""
    ratio = _splits_to_come(bars.sessions, actions)
    opened, high, low, close, volume = bars.ohlcv
    return SymbolBars(
        bars.symbol,
        bars.sessions,
        Ohlcv(opened / ratio, high / ratio, low / ratio, close / ratio, volume * ratio),
    )


def adjust_for_all(bars: SymbolBars, actions: Iterable[CorporateAction]) -> SymbolBars:
    """Raw bars as total returns: for splits as above, and for dividends among the bars.

    Raises BadInput for a dividend that is worth more than the share.
    """
    actions = tuple(actions)
    factor = _dividends_to_come(bars, actions)
    split = adjust_for_splits(bars, actions)
    opened, high, low, close, volume = split.ohlcv
    return SymbolBars(
        bars.symbol,
        bars.sessions,
        Ohlcv(opened * factor, high * factor, low * factor, close * factor, volume),
    )


def _splits_to_come(sessions: Sessions, actions: Iterable[CorporateAction]) -> Float:
    """New shares for each share held at ``sessions``."""
    ratio = np.ones(len(sessions))
    for action in actions:
        if action.kind == "split":
            ratio[sessions < np.datetime64(action.ex_date)] *= action.value
    return ratio


def _dividends_to_come(bars: SymbolBars, actions: Iterable[CorporateAction]) -> Float:
    """What is left of a raw price when the dividends still to come are taken out."""
    factor = np.ones(len(bars.sessions))
    for action in actions:
        before = int(np.searchsorted(bars.sessions, np.datetime64(action.ex_date)))
        if action.kind != "dividend" or before == 0 or before == len(bars.sessions):
            continue
        close = bars.ohlcv.close[before - 1]
        if action.value >= close:
            raise BadInput(
                "data",
                f"the dividend of {action.symbol} on {action.ex_date}, {action.value:g}, is not "
                f"less than the close before, {close:g}.",
                "Dividends are written per share as traded then: mend the corporate action.",
            )
        factor[:before] *= 1.0 - action.value / close
    return factor
