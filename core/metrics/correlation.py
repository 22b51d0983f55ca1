"""How much several series of returns move together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from core.market.bars import Float

LEAST_SHARED = 5
"""Sessions two series need in common; with fewer, a number would say nothing."""


def correlation(series: Mapping[str, Mapping[date, float]]) -> Float:
    """Pearson's correlation of each pair [N, N], over the sessions both of the pair have.

    NaN where they have too few in common, or where one of them never moves; 1 on the diagonal.
    """
    names = list(series)
    days = sorted({day for one in series.values() for day in one})
    place = {day: t for t, day in enumerate(days)}
    returns = np.full((len(names), len(days)), np.nan)
    for i, name in enumerate(names):
        for day, value in series[name].items():
            returns[i, place[day]] = value
    known = ~np.isnan(returns)
    x, k = np.where(known, returns, 0.0), known.astype(float)
    shared = k @ k.T
    with np.errstate(divide="ignore", invalid="ignore"):
        # Sums over what both have: of one, of its squares, of the products.
        mean = (x @ k.T) / shared
        variance = (x**2 @ k.T) / shared - mean**2
        covariance = (x @ x.T) / shared - mean * mean.T
        found: Float = covariance / np.sqrt(variance * variance.T)
    found[(shared < LEAST_SHARED) | (variance <= 1e-18) | (variance.T <= 1e-18)] = np.nan
    np.fill_diagonal(found, 1.0)
    return np.clip(found, -1.0, 1.0)
