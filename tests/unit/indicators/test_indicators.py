"""Every indicator against an independent computation, its warm-up, and no look ahead."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput, UnknownName
from core.indicators.columns import ColumnSpec, ColumnTable  # noqa: F401  registers every indicator
from core.indicators.registry import INDICATORS, find_indicator, indicator
from core.market.bars import Ohlcv
from tests.reference.indicators_pandas import REFERENCES

NAMES = sorted(INDICATORS)
OTHER_PARAMETERS = {"window": 7, "short_window": 4, "long_window": 9, "smooth_window": 2,
                    "rsi_window": 5, "range_window": 6, "signal_window": 4, "multiplier": 1.3,
                    "acceleration": 0.05, "maximum": 0.3, "periods_per_year": 365}  # fmt: skip


def frame(seed: int, sessions: int = 400, volatility: float = 0.015) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    close = 80 * np.exp(np.cumsum(generator.normal(0.0002, volatility, sessions)))
    opened = close * np.exp(generator.normal(0, volatility / 2, sessions))
    spread = np.abs(generator.normal(0, volatility / 2, (2, sessions)))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1 + spread[0]),
            "low": np.minimum(opened, close) * (1 - spread[1]),
            "close": close,
            "volume": np.round(generator.lognormal(12, 0.4, sessions)),
        }
    )


def ohlcv(f: pd.DataFrame) -> Ohlcv:
    return Ohlcv(*(np.ascontiguousarray(f[name].to_numpy()) for name in Ohlcv._fields))


def compute(name: str, f: pd.DataFrame, other: pd.DataFrame, **parameters) -> np.ndarray:
    found = INDICATORS[name]
    bars = (ohlcv(f), ohlcv(other)) if found.pair else (ohlcv(f),)
    return found.compute(*bars, **found.bind(parameters, "test"))


def expected(name: str, f: pd.DataFrame, other: pd.DataFrame, **parameters) -> np.ndarray:
    found = INDICATORS[name]
    frames = (f, other) if found.pair else (f,)
    return REFERENCES[name](*frames, **found.bind(parameters, "test")).to_numpy()


def parameters_of(name: str) -> dict[str, float]:
    return {p.name: OTHER_PARAMETERS[p.name] for p in INDICATORS[name].parameters}


def test_every_indicator_has_a_reference_and_every_reference_an_indicator():
    assert sorted(REFERENCES) == NAMES
    assert len(NAMES) >= 40


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("usual", [True, False], ids=["defaults", "other parameters"])
@pytest.mark.parametrize("name", NAMES)
def test_equals_an_independent_computation(name, usual, seed):
    f, other = frame(seed), frame(seed + 50)
    parameters = {} if usual else parameters_of(name)
    found, reference = compute(name, f, other, **parameters), expected(name, f, other, **parameters)
    assert np.isfinite(found).any()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(reference))
    np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("usual", [True, False], ids=["defaults", "other parameters"])
@pytest.mark.parametrize("name", NAMES)
def test_the_warm_up_stated_is_that_of_the_first_value(name, usual):
    found = INDICATORS[name]
    parameters = found.bind({} if usual else parameters_of(name), "test")
    values = compute(name, frame(4), frame(5), **parameters)
    assert int(np.flatnonzero(np.isfinite(values))[0]) == found.warm_up(**parameters)
    assert np.isfinite(values[found.warm_up(**parameters) :]).all()


@pytest.mark.parametrize("name", NAMES)
def test_history_too_short_is_unknown_and_no_error(name):
    for sessions in (0, 1, 2, 3):
        values = compute(name, frame(6, sessions), frame(7, sessions))
        assert len(values) == sessions


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**31), cut=st.integers(1, 119), name=st.sampled_from(NAMES))
def test_a_value_knows_nothing_of_what_comes_later(name, seed, cut):
    """On the sessions up to a day an indicator is what it is on all of them, to the bit."""
    f, other = frame(seed, 120), frame(seed + 1, 120)
    whole = compute(name, f, other, **parameters_of(name))
    prefix = compute(name, f[:cut], other[:cut], **parameters_of(name))
    assert prefix.tobytes() == whole[:cut].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_price_that_never_moves_gives_no_infinity(name):
    still = frame(8, 300)
    for field in ("open", "high", "low", "close"):
        still[field] = 50.0
    values = compute(name, still, still)
    assert not np.isinf(values).any()


@pytest.mark.parametrize(
    "name", [n for n in NAMES if INDICATORS[n].unit in ("percent", "0 to 100")]
)
def test_percentages_do_not_depend_on_the_unit_of_money(name):
    f, other = frame(9), frame(10)
    scaled = f.copy()
    scaled[["open", "high", "low", "close"]] *= 8.0
    np.testing.assert_allclose(
        compute(name, scaled, other), compute(name, f, other), rtol=1e-7, atol=1e-7
    )


# -- the registry --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_indicator_says_what_it_is(name):
    found = INDICATORS[name]
    assert found.meaning.endswith(".")
    assert inspect.getdoc(found.compute)
    assert found.label
    for p in found.parameters:
        assert p.low <= p.default <= p.high
        assert p.meaning


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window": 1}, "from 2 to 500"),
        ({"window": 501}, "from 2 to 500"),
        ({"window": 2.5}, "whole"),
        ({"window": "ten"}, "number"),
        ({"window": True}, "number"),
        ({"widnow": 3}, "'window'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(given, said):
    with pytest.raises(BadInput, match=said) as caught:
        INDICATORS["rsi"].bind(given, "root.when.left")
    assert caught.value.field.startswith("root.when.left")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownName, match="'rsi'"):
        find_indicator("rsj", "root.when.left")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="twice"):
        indicator("rsi", label="", meaning="", unit="percent", warm_up=lambda: 0)(lambda _: None)
