"""Returns by calendar month and year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.calendar import Sessions
from core.market.bars import Float


@dataclass(frozen=True, eq=False, slots=True)
class MonthlyReturns:
    """``months`` float64 [years, 12] and ``totals`` [years]; NaN where there was no session."""

    years: tuple[int, ...]
    months: Float
    totals: Float


def monthly_returns(returns: Float, sessions: Sessions) -> MonthlyReturns:
    """Compounded returns of each calendar month and year that ``sessions`` [T] touch."""
    numbers = sessions.astype("datetime64[M]").astype(np.int64)
    first_year = int(numbers[0]) // 12
    count = int(numbers[-1]) // 12 - first_year + 1
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    table = np.full(count * 12, np.nan)
    table[numbers[starts] - first_year * 12] = np.multiply.reduceat(1 + returns, starts) - 1
    months = table.reshape(count, 12)
    totals = np.nanprod(1 + months, axis=1) - 1
    return MonthlyReturns(
        tuple(range(1970 + first_year, 1970 + first_year + count)), months, totals
    )
