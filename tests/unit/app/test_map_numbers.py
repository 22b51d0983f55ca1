"""The numbers of maps: what is fetched is what was drawn, and only for as long as it is held."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from starlette.requests import Request

from app.charts.heat import heat_look, span_of
from app.fetched import fetched
from app.map_numbers import MapNumbers
from app.theme import LIGHT
from core.metrics.definitions import BY_NAME


def asked(address: str):
    request = Request({"type": "http", "path_params": {"token": address.rpartition("/")[2]}})
    # On a thread of its own: browser tests before these leave their loop running on this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(fetched(request))).result()


def test_they_come_row_by_row_with_what_is_missing():
    values = np.array([[1.5, np.nan, -2.0], [0.25, 3.0, np.nan]])
    numbers = MapNumbers(values)
    found = np.frombuffer(asked(numbers.address).body, "<f4")
    np.testing.assert_array_equal(found.reshape(2, 3), values)


def test_an_address_ends_with_its_numbers_and_is_nobody_elses():
    numbers, other = MapNumbers(np.zeros((2, 2))), MapNumbers(np.zeros((2, 2)))
    assert numbers.address != other.address
    gone = numbers.address
    del numbers
    gc.collect()
    assert asked(gone).status_code == 404
    assert asked(other.address).status_code == 200


def test_low_is_good_where_the_metric_says_so():
    def scale(metric: str) -> list[str]:
        look = heat_look("ab", "cd", ("x", "y"), BY_NAME[metric], (0.0, 1.0), LIGHT)
        return look["scale"]

    lower = next(name for name, metric in BY_NAME.items() if metric.better < 0)
    assert scale(lower) == scale("sharpe")[::-1]


def test_colours_end_at_the_same_values_on_all_maps():
    low, high = span_of(np.array([0.0, np.nan]), np.array([100.0]))
    assert 0 < low < high < 100
    assert span_of(np.full(3, np.nan)) == (0.0, 1.0)
    assert span_of(np.full(3, 2.0)) == (1.5, 2.5)
