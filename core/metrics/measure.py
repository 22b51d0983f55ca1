"""Metrics of a backtest by name."""

from __future__ import annotations

import numpy as np

from core.calendar import Sessions
from core.market.bars import Float
from core.metrics.definitions import METRICS
from core.metrics.kernel import compare_returns, measure_returns


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
    days = sessions.astype("datetime64[D]").astype(np.int64)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    own = measure_returns(np.ascontiguousarray(returns), days, months, periods, rate)
    found: dict[str, float] = own._asdict()
    if benchmark is not None:
        other = np.ascontiguousarray(benchmark)
        found |= compare_returns(np.ascontiguousarray(returns), other, periods, rate)._asdict()
    return found


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
        "rebalances": float(np.count_nonzero(turnover)),
        "cost": yearly * cost,
    }


def in_order(found: dict[str, float]) -> dict[str, float]:
    """The same metrics in the order of the definitions."""
    return {metric.name: found[metric.name] for metric in METRICS if metric.name in found}
