"""What a book was worth, and how its growth is chained over sessions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

TOTAL = "total"
"""The book of everything in an account together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """``stale``: some price behind it was older than the account allows."""

    book: str
    at: datetime
    equity: Decimal
    cash: Decimal
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A book at a session's close.

    ``flow``      capital that came since the snapshot before (went, when negative): no result
    ``result``    return on the snapshot before, flows taken out; on the first, on what came
    ``growth``    of one unit since the first snapshot
    ``drawdown``  how far below its peak, 0 to 1
    """

    book: str
    session: date
    at: datetime
    equity: Decimal
    cash: Decimal
    flow: Decimal
    result: float | None
    growth: float
    drawdown: float
    metrics: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


def chained(
    before: Snapshot | None, peak: float, equity: Decimal, flow: Decimal
) -> tuple[float | None, float, float]:
    """Return, growth and drawdown of the next snapshot.

    The return is time-weighted: money that came is taken to have come before the session's result,
    ``equity ÷ (equity before + flow) - 1``. On money that was nothing there is no return.
    ``peak`` is the highest growth before; the one it began with is a peak as well.
    """
    base = flow if before is None else before.equity + flow
    result = float(equity / base) - 1.0 if base > 0 else None
    growth = (1.0 if before is None else before.growth) * (1.0 + (result or 0.0))
    peak = max(peak, growth, 1.0)
    return result, growth, 1.0 - growth / peak if peak > 0 else 0.0
