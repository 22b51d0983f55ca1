"""Maps of a metric over two variables: made of runs at hand, and what their shape says."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.market.bars import Float
from core.sweep.grid import Grid, Index
from core.sweep.kernel import METRICS
from core.sweep.run import Measured

Aggregate = Literal["mean", "median", "min", "max"]
AGGREGATES: tuple[Aggregate, ...] = ("mean", "median", "min", "max")
_REDUCE: dict[Aggregate, Callable[..., Any]] = {
    "mean": np.nanmean,
    "median": np.nanmedian,
    "min": np.nanmin,
    "max": np.nanmax,
}


def standing_at(grid: Grid, points: Index, values: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    """Which points have these values of these variables, by number."""
    digits = grid.digits(points)
    kept = np.ones(len(points), dtype=np.bool_)
    for name, digit in values.items():
        kept &= digits[:, grid.axis_of[name]] == digit
    return kept


def sliced(grid: Grid, points: Index, slices: Mapping[str, int]) -> Index:
    """The points at which these variables have these values, by number."""
    return points[standing_at(grid, points, slices)]


def map_of(grid: Grid, found: Measured, x: str, y: str, metric: str, how: Aggregate) -> Float:
    """A metric over two variables [values of y, values of x], the rest aggregated; NaN if none."""
    cube = np.full(grid.size, np.nan)
    cube[found.points] = found.metrics[:, METRICS.index(metric)]
    i, j = grid.axis_of[y], grid.axis_of[x]
    order = [i, j, *(a for a in range(len(grid.axes)) if a not in (i, j))]
    rows = cube.reshape(grid.shape).transpose(order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a cell of nothing but NaN is NaN
        reduced: Float = _REDUCE[how](rows.reshape(*rows.shape[:2], -1), axis=2)
    return reduced


def plateau(values: Float) -> Float:
    """How much each cell's neighbours agree with it: 1 where they are equal, 0 or less on a peak.

    1 less the mean distance to the up to eight neighbours, in units of the map's spread (from its
    5 % to its 95 % quantile). NaN where the cell or all its neighbours are.
    """
    known = values[~np.isnan(values)]
    spread = float(np.subtract(*np.quantile(known, [0.95, 0.05]))) if len(known) else 0.0
    padded = np.pad(values, 1, constant_values=np.nan)
    height, width = values.shape
    around = [
        padded[1 + i : 1 + i + height, 1 + j : 1 + j + width]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        distance = np.nanmean(np.abs(np.stack(around) - values), axis=0)
    if spread <= 0:
        return np.where(np.isnan(values), np.nan, 1.0)
    score: Float = 1.0 - distance / spread
    return score
