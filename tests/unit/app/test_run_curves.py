"""A run's curve: what is left out of a long one changes nothing one can see or read."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.requests import Request

from app.charts.performance import drawdown
from app.charts.run_curve import run_curve, telling
from app.fetched import fetched
from app.run_curves import RunCurves
from core.errors import BadInput

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


def result_of(equity, other=None):
    return SimpleNamespace(
        sessions=np.datetime64("1995-01-03") + np.arange(len(equity)),
        equity=equity,
        settings=SimpleNamespace(capital=1000.0),
        benchmark=None if other is None else SimpleNamespace(label="SPY", equity=other),
    )


def test_the_sessions_drawn_have_their_own_numbers():
    result = result_of(curve(3), curve(4))
    drawn = run_curve(result, "run", most=500)
    rows = np.array(drawn["sessions"]) - result.sessions[0].astype(int)
    assert 200 < len(rows) <= 500
    other, own = drawn["lines"]
    assert (drawn["name"], own["label"], own["own"], other["label"], other["own"]) == (
        "run", "run", True, "SPY", False,
    )  # fmt: skip
    for line, equity in ((own, result.equity), (other, result.benchmark.equity)):
        np.testing.assert_allclose(line["equity"], equity[rows] * 1000, atol=0.005)
        np.testing.assert_allclose(line["drawdown"], drawdown(equity)[rows], atol=5e-6)


def asked(curves, query=""):
    request = Request(
        {"type": "http", "path_params": {"token": curves.token}, "query_string": query.encode()}
    )
    # On a thread of its own: browser tests before these leave their loop running on this one.
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(lambda: asyncio.run(fetched(request))).result()
    return json.loads(response.body), response.headers["cache-control"]


def test_each_cell_has_the_curve_of_its_run():
    equity = {None: curve(1, 9), (2, 1): curve(2, 9)}
    curves = RunCurves(
        lambda cell: (str(cell), result_of(equity[cell])) if cell in equity else None
    )
    assert asked(curves)[0]["name"] == "None"
    found, kept = asked(curves, "across=2&down=1")
    assert found == run_curve(result_of(equity[2, 1]), "(2, 1)")
    assert "immutable" in kept
    assert "No run" in asked(curves, "across=3&down=1")[0]["problem"]


def test_why_a_run_cannot_be_is_said_and_asked_again():
    def refuse(_cell):
        raise BadInput("symbol", "there is no such symbol.")

    found, kept = asked(RunCurves(refuse), "across=0&down=0")
    assert "no such symbol" in found["problem"]
    assert kept == "no-store"
