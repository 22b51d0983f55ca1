"""Corporate actions on raw prices, against numbers worked out by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.errors import BadInput
from core.market.adjustment import CorporateAction, adjust_for_all, adjust_for_splits
from core.market.bars import Ohlcv, SymbolBars
from tests.unit.market.series import days

SESSIONS = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")


def bars(*close: float) -> SymbolBars:
    price = np.array(close)
    return SymbolBars(
        "X", SESSIONS, Ohlcv(price - 1, price + 2, price - 2, price, np.full(4, 1000.0))
    )


def split(day: str, ratio: float) -> CorporateAction:
    return CorporateAction("X", date.fromisoformat(day), "split", ratio)


def dividend(day: str, amount: float) -> CorporateAction:
    return CorporateAction("X", date.fromisoformat(day), "dividend", amount)


def test_a_split_divides_prices_before_its_date_and_multiplies_volumes():
    got = adjust_for_splits(bars(400, 404, 102, 103), [split("2024-01-04", 4)]).ohlcv
    assert got.close.tolist() == [100, 101, 102, 103]
    assert got.open.tolist() == [99.75, 100.75, 101, 102]
    assert got.volume.tolist() == [4000, 4000, 1000, 1000]


def test_a_reverse_split_does_the_opposite():
    got = adjust_for_splits(bars(2, 2, 20, 20), [split("2024-01-04", 0.1)]).ohlcv
    np.testing.assert_allclose(got.close, [20, 20, 20, 20])
    np.testing.assert_allclose(got.volume, [100, 100, 1000, 1000])


def test_splits_add_up_and_one_after_the_bars_counts_for_all_of_them():
    actions = [split("2024-01-03", 2), split("2024-01-05", 3), split("2030-01-02", 10)]
    got = adjust_for_splits(bars(60, 30, 30, 10), actions).ohlcv
    np.testing.assert_allclose(got.close, [1, 1, 1, 1])


def test_a_dividend_lowers_prices_before_it_by_its_share_of_the_close_before():
    got = adjust_for_all(bars(100, 100, 98, 98), [dividend("2024-01-04", 2)]).ohlcv
    np.testing.assert_allclose(got.close, [98, 98, 98, 98])
    np.testing.assert_allclose(got.open, [99 * 0.98, 99 * 0.98, 97, 97])
    assert got.volume.tolist() == [1000] * 4


def test_a_dividend_is_per_share_as_traded_whatever_splits_later():
    actions = [dividend("2024-01-03", 4), split("2024-01-05", 4)]
    got = adjust_for_all(bars(400, 396, 396, 99), actions).ohlcv
    np.testing.assert_allclose(got.close, [99, 99, 99, 99])


def test_of_an_ex_date_without_a_bar_the_close_before_it_counts():
    given = bars(100, 100, 98, 98)
    gap = SymbolBars("X", days("2024-01-02", "2024-01-03", "2024-01-08", "2024-01-09"), given.ohlcv)
    got = adjust_for_all(gap, [dividend("2024-01-06", 2)]).ohlcv
    np.testing.assert_allclose(got.close, [98, 98, 98, 98])


@pytest.mark.parametrize("day", ["2023-12-29", "2024-01-02", "2024-01-08"])
def test_a_dividend_outside_the_bars_changes_nothing(day):
    got = adjust_for_all(bars(100, 100, 100, 100), [dividend(day, 2)]).ohlcv
    assert got.close.tolist() == [100] * 4


def test_only_dividends_are_left_out_of_split_adjusted_prices():
    got = adjust_for_splits(bars(100, 100, 98, 98), [dividend("2024-01-04", 2)]).ohlcv
    assert got.close.tolist() == [100, 100, 98, 98]


@pytest.mark.parametrize("amount", [100, 250])
def test_a_dividend_not_less_than_the_share_is_refused(amount):
    with pytest.raises(BadInput, match=f"dividend of X on 2024-01-04, {amount}, is not less"):
        adjust_for_all(bars(100, 100, 98, 98), [dividend("2024-01-04", amount)])


def test_what_is_given_is_not_changed():
    given = bars(400, 404, 102, 103)
    adjust_for_all(given, [split("2024-01-04", 4), dividend("2024-01-03", 1)])
    assert given.ohlcv.close.tolist() == [400, 404, 102, 103]
