"""The deflated Sharpe ratio: how sure the best of many trials is no luck."""

from __future__ import annotations

import math
from statistics import NormalDist

_EULER = 0.5772156649015329
_NORMAL = NormalDist()


def expected_best_sharpe(deviation: float, trials: int) -> float:
    """The Sharpe ratio the best of ``trials`` worthless strategies is expected to have.

    ``deviation`` is that of the trials' Sharpe ratios; the result has their unit.
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1 - 1 / trials)
    second = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return deviation * ((1 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    sharpe: float,
    deviation: float,
    trials: int,
    *,
    sessions: int,
    periods: int,
    skew: float,
    kurtosis: float,
) -> float:
    """Probability that the true Sharpe ratio of the best of ``trials`` is above what luck gives.

    ``sharpe`` and ``deviation`` (that of all trials' Sharpe ratios) are per year, ``kurtosis`` is
    the excess. NaN where it is not defined. Bailey and López de Prado (2014), eq. 2, with the
    expected maximum of eq. 1; trials are taken as independent, which errs on the strict side.
    """
    yearly = math.sqrt(periods)
    found = sharpe / yearly
    hurdle = expected_best_sharpe(deviation / yearly, trials)
    spread = 1 - skew * found + (kurtosis + 2) / 4 * found * found
    if not spread > 0 or sessions < 2:
        return math.nan
    return _NORMAL.cdf((found - hurdle) * math.sqrt(sessions - 1) / math.sqrt(spread))
