"""Returns by month and year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.metrics.periods import monthly_returns


def test_months_and_years_compound_and_missing_months_are_unknown():
    days = pd.bdate_range("2019-11-20", "2021-02-10")
    returns = pd.Series(np.random.default_rng(7).normal(0, 0.01, len(days)), days)
    table = monthly_returns(returns.to_numpy(), days.values.astype("datetime64[D]"))
    assert table.years == (2019, 2020, 2021)
    by_month = (1 + returns).groupby([days.year, days.month]).prod() - 1
    for (year, month), expected in by_month.items():
        assert table.months[year - 2019, month - 1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(table.months[0, :10]).all()
    assert np.isnan(table.months[2, 2:]).all()
    by_year = (1 + returns).groupby(days.year).prod() - 1
    np.testing.assert_allclose(table.totals, by_year, rtol=1e-12)


def test_one_session_is_one_month():
    table = monthly_returns(np.array([0.02]), np.array(["2024-05-31"], dtype="datetime64[D]"))
    assert table.years == (2024,)
    assert table.months[0, 4] == pytest.approx(0.02)
    assert np.isnan(table.months).sum() == 11
