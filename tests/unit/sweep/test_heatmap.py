"""Maps of runs, and what their shape says."""

from __future__ import annotations

import numpy as np
import pytest

from core.sweep.grid import parse_grid
from core.sweep.heatmap import map_of, plateau, sliced
from core.sweep.kernel import METRICS
from core.sweep.run import Measured

GRID = parse_grid(["a=1:3", "b=10,20", "c=5:8"])


def measured(points, values) -> Measured:
    metrics = np.full((len(points), len(METRICS)), np.nan)
    metrics[:, METRICS.index("sharpe")] = values
    return Measured(np.asarray(points), metrics, np.zeros(len(points), dtype=np.int16))


@pytest.mark.parametrize(
    ("how", "reduce"),
    [("mean", np.mean), ("median", np.median), ("min", np.min), ("max", np.max)],
)
def test_a_cell_puts_the_runs_of_the_other_variables_together(how, reduce):
    points = GRID.points()
    values = np.random.default_rng(1).normal(size=len(points))
    found = map_of(GRID, measured(points, values), "c", "a", "sharpe", how)
    assert found.shape == (3, 4)
    for row, a in enumerate((1, 2, 3)):
        for column, c in enumerate((5, 6, 7, 8)):
            there = [v for p, v in zip(points, values, strict=True)
                     if GRID.values_at(int(p)) | {"b": 0} == {"a": a, "b": 0, "c": c}]  # fmt: skip
            assert found[row, column] == pytest.approx(reduce(there), abs=1e-15)


def test_cells_without_a_run_are_unknown():
    found = map_of(GRID, measured([0, 1], [1.0, np.nan]), "c", "a", "sharpe", "mean")
    assert found[0, 0] == 1.0
    assert np.isnan(found).sum() == found.size - 1


def test_a_slice_has_the_points_with_these_values():
    chosen = sliced(GRID, GRID.points(), {"b": 1, "c": 2})
    assert [GRID.values_at(int(p)) for p in chosen] == [
        {"a": a, "b": 20, "c": 7} for a in (1, 2, 3)
    ]


def test_a_plateau_scores_one_and_a_peak_nothing():
    hill = np.fromfunction(lambda i, j: -((i - 5) ** 2 + (j - 5) ** 2) / 50, (11, 11))
    peak = hill.copy()
    peak[5, 5] = 3.0
    assert plateau(hill)[5, 5] > 0.9
    assert plateau(peak)[5, 5] < 0
    assert (plateau(np.ones((3, 4))) == 1).all()


def test_a_score_needs_a_neighbour():
    values = np.full((5, 5), np.nan)
    values[2, 2] = 1.0
    assert np.isnan(plateau(values)[0, 0])
    values[2, 3] = 2.0
    assert plateau(values)[2, 2] == pytest.approx(1 - 1 / 0.9)
