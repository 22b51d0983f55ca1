"""Correlations over the sessions a pair has in common."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from core.metrics.correlation import LEAST_SHARED, correlation

DAYS = [date(2026, 1, 1) + timedelta(i) for i in range(60)]
DRAWN = np.random.default_rng(7)


def series(values, start=0):
    return dict(zip(DAYS[start:], map(float, values), strict=False))


def test_it_is_numpys_over_the_sessions_in_common():
    a, b = DRAWN.normal(size=60), DRAWN.normal(size=45)
    found = correlation({"a": series(a), "b": series(b, 15), "c": series(-a)})
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found[0, 1], np.corrcoef(a[15:], b)[0, 1], atol=1e-12)
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(found[0, 2], -1)
    assert list(np.diag(found)) == [1, 1, 1]


def test_too_few_in_common_or_no_movement_is_unknown():
    few = DRAWN.normal(size=LEAST_SHARED - 1)
    found = correlation(
        {"a": series(DRAWN.normal(size=60)), "few": series(few), "flat": series(np.full(60, 0.01))}
    )
    assert np.isnan(found[0, 1])
    assert np.isnan(found[0, 2])
    assert found[2, 2] == 1
