"""The deflated Sharpe ratio, against the example its authors work through."""

from __future__ import annotations

import math

import pytest

from core.metrics.deflated import deflated_sharpe, expected_best_sharpe

PAPER = {"sessions": 1250, "periods": 250, "skew": -3.0, "kurtosis": 7.0}
"""Bailey and López de Prado (2014), "A numerical example"; their kurtosis of 10 is not the excess."""


def test_the_example_of_the_paper():
    assert expected_best_sharpe(math.sqrt(0.5 / 250), 100) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(2.5, math.sqrt(0.5), 100, **PAPER)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_fewer_trials_make_the_same_ratio_surer():
    fewer = [deflated_sharpe(2.5, math.sqrt(0.5), n, **PAPER) for n in (1, 10, 46, 100, 100_000)]
    assert fewer == sorted(fewer, reverse=True)
    assert fewer[2] == pytest.approx(0.95, abs=0.005)  # the paper: 0.9505 at 46 trials


def test_what_is_not_defined_is_nan():
    assert math.isnan(deflated_sharpe(math.nan, 0.5, 100, **PAPER))
    assert math.isnan(deflated_sharpe(2.5, math.nan, 100, **PAPER))
    assert math.isnan(deflated_sharpe(2.5, 0.5, 100, **{**PAPER, "sessions": 1}))
