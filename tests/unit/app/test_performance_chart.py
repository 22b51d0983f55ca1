"""The equity chart: what is left out of a long curve changes nothing one can see or read."""

from __future__ import annotations

import numpy as np
import pytest

from app.charts.performance import drawdown, performance_chart, telling
from app.theme import LIGHT

COUNT = 7_826


def curve(seed: int, count: int = COUNT):
    return np.exp(np.random.default_rng(seed).normal(0.0003, 0.01, count).cumsum())


def test_a_short_curve_is_kept_whole():
    assert telling([curve(1, 50)], 50).tolist() == list(range(50))


@pytest.mark.parametrize("most", [10, 100, 2_000, COUNT - 1])
def test_both_ends_and_all_extremes_are_kept(most):
    curves = [curve(1), curve(2)]
    rows = telling(curves, most)
    assert len(rows) <= most
    assert (rows[0], rows[-1]) == (0, COUNT - 1)
    assert (np.diff(rows) > 0).all()
    for one in curves:
        assert one[rows].min() == one.min()
        assert one[rows].max() == one.max()


def test_a_flat_curve_and_one_that_ends_lowest_stay_within_their_rows():
    for one in (np.ones(COUNT), np.linspace(2, 1, COUNT), np.linspace(1, 2, COUNT)):
        rows = telling([one], 100)
        assert rows[-1] == COUNT - 1
        assert len(rows) <= 100


def test_the_sessions_drawn_have_their_own_numbers():
    sessions = np.datetime64("1995-01-03") + np.arange(COUNT)
    equity = curve(3)
    figure = performance_chart(sessions, equity, 1000.0, LIGHT, name="run", most=500)
    top, below = figure.data
    rows = np.searchsorted(sessions, np.asarray(top.x, dtype="datetime64[D]"))
    assert 200 < len(rows) <= 500
    np.testing.assert_array_equal(top.y, equity[rows] * 1000)
    np.testing.assert_array_equal(below.y, drawdown(equity)[rows])
