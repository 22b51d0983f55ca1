"""Metrics of a backtest by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from core.calendar import Sessions
from core.lanes import LANES
from core.market.bars import Float
from core.metrics.definitions import METRICS
from core.metrics.kernel import (
    Comparison,
    Measures,
    Moments,
    compare_block,
    comparison_of,
    measure_block,
    measures_of,
    moments_of,
)
from core.metrics.passes import dates_of, room_for

ROUNDING = 1e-12
"""Turnover up to this, a part of equity, is arithmetic's and no trade."""


def measure(
    returns: Float,
    sessions: Sessions,
    periods: int,
    *,
    benchmark: Float | None = None,
    risk_free_rate: float = 0.0,
) -> dict[str, float]:
    """Metrics of ``returns`` [T], each session's on the one before, at ``sessions`` [T].

    ``periods`` is the number of sessions in a year, ``risk_free_rate`` is per year; it is taken
    off in the Sharpe and Sortino families, omega and Treynor. Metrics against the benchmark [T]
    are there only if there is one. NaN where undefined.
    """
    rate = (1 + risk_free_rate) ** (1 / periods) - 1
    n = len(returns)
    if n == 0:
        return dict.fromkeys(names(benchmark is not None), math.nan)
    room = room_for(n)
    room.returns[::LANES] = returns
    measure_block(room, n, dates_of(sessions), rate)
    found: dict[str, float] = measures_of(room, n, 0, periods, rate)._asdict()
    if benchmark is not None:
        other = benchmark_moments(benchmark, sessions)
        compare_block(room, n, np.ascontiguousarray(benchmark), other.mean)
        found |= comparison_of(room, n, 0, other, periods, rate)._asdict()
    return found


def benchmark_moments(returns: Float, sessions: Sessions) -> Moments:
    """What ``comparison_of`` has to know of a benchmark's returns [T]."""
    room = room_for(len(returns))
    room.returns[::LANES] = returns
    measure_block(room, len(returns), dates_of(sessions), 0.0)
    found: Moments = moments_of(room, len(returns), 0)
    return found


def names(compared: bool) -> tuple[str, ...]:
    """The metrics of returns, in the order the kernels give them; with a benchmark or without."""
    return Measures._fields + (Comparison._fields if compared else ())


def measure_trading(turnover: Float, held: Float, cost: float, periods: int) -> dict[str, float]:
    """Metrics of what was traded and held.

    ``turnover`` [T] of each session, ``held`` [T, N] weights at each session's end, ``cost`` as a
    fraction of what is traded.
    """
    earning = held[:-1]
    yearly = float(turnover.mean()) * periods
    return {
        "turnover": yearly,
        "gross_exposure": float(np.abs(earning).sum(axis=1).mean()),
        "rebalances": float(np.count_nonzero(turnover > ROUNDING)),
        "cost": yearly * cost,
    }


def in_order(found: Mapping[str, float]) -> dict[str, float]:
    """The same metrics in the order of the definitions."""
    return {metric.name: found[metric.name] for metric in METRICS if metric.name in found}
