"""Medians and pages made of one column of the runs."""

from __future__ import annotations

import numpy as np
import pytest

from core.db.run_values import RunValues, medians, runs_between


@pytest.fixture
def values() -> np.ndarray:
    found = np.random.default_rng(4).normal(size=997).astype(np.float32)
    found[:40] = np.repeat([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, 1e-40, 3e38], 5)
    return found


def test_medians_are_those_of_each_cell(values):
    cells = np.random.default_rng(5).integers(0, 60, len(values))
    cells[cells == 7] = 8  # a cell without a value
    found = medians(cells, values, 60)
    assert np.isnan(found[7])
    for cell in np.unique(cells):
        with np.errstate(invalid="ignore"):
            expected = np.median(values[cells == cell].astype(np.float64))
        np.testing.assert_array_equal(found[cell], expected)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(("begin", "end"), [(0, 10), (3, 33), (480, 530), (900, 1100), (996, 997)])
def test_a_page_is_a_part_of_all_in_order(begin, end, descending, values):
    values[100:130] = np.nan
    runs = np.random.default_rng(6).permutation(len(values)).astype(np.int64)
    keys = -values if descending else values
    order = np.lexsort((runs, keys))  # NaN last
    found = runs_between(RunValues(runs, values), begin, end, descending=descending)
    np.testing.assert_array_equal(found, runs[order][begin:end])


def test_behind_the_last_run_is_nothing(values):
    runs = np.arange(len(values))
    assert len(runs_between(RunValues(runs, values), 2000, 2100, descending=True)) == 0
