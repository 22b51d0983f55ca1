"""Corporate actions, read from the difference between a symbol's price series.

A vendor's adjusted series moves by the total return, its split-adjusted one without dividends, its
raw one as traded. What one has and the other has not, from one session to the next, is the
dividend a share was paid and the new shares an old one became.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np

from core.market.bars import Bars

_SMALLEST = 1e-6
"""Relative differences below it are the rounding of prices."""


@dataclass(frozen=True, slots=True)
class Action:
    """On ``session``, before it trades: ``dividend`` for each share held at the close before (in
    money, after the split), ``ratio`` new shares for each old one."""

    symbol: str
    session: date
    dividend: float
    ratio: float


def actions_between(
    raw: Bars, split_adjusted: Bars, adjusted: Bars, after: date
) -> tuple[Action, ...]:
    """What happened on sessions later than ``after``; all three on the same sessions and symbols.

    Sessions on which a symbol has no bar are passed over: the next bar carries the whole move.
    """
    found: list[Action] = []
    for symbol in raw.symbols:
        prices = [b.close[:, b.column(symbol)] for b in (raw, split_adjusted, adjusted)]
        known = np.flatnonzero(~np.isnan(np.vstack(prices)).any(axis=0))
        for before, now in pairwise(known):
            session: date = raw.sessions[now].item()
            if session > after:
                found += _action(symbol, session, [(p[before], p[now]) for p in prices])
    return tuple(sorted(found, key=lambda action: (action.session, action.symbol)))


def _action(symbol: str, session: date, moves: Sequence[tuple[float, float]]) -> list[Action]:
    (raw_before, raw_now), (split_before, split_now), (whole_before, whole_now) = moves
    ratio = (split_now / split_before) / (raw_now / raw_before)
    ratio = 1.0 if abs(ratio - 1.0) < 1e-3 else _simple(ratio, 0.01 / raw_before + 0.01 / raw_now)
    growth = (whole_now / whole_before) / (split_now / split_before)
    paid = (growth - 1.0) * raw_now
    dividend = paid if abs(growth - 1.0) > _SMALLEST else 0.0
    if ratio == 1.0 and not dividend:
        return []
    return [Action(symbol, session, float(dividend), float(ratio))]


def _simple(ratio: float, rounding: float) -> float:
    """A split's ratio is one of small whole numbers; prices round it a little.

    ``rounding`` is how far prices to the cent can be off. What is further from every such ratio (a
    spin-off written as a split) is taken as it is.
    """
    if ratio < 1.0:
        return 1.0 / _simple(1.0 / ratio, rounding)
    nearest = float(Fraction(ratio).limit_denominator(20))
    return nearest if abs(nearest / ratio - 1.0) < min(rounding, 2e-3) else ratio
