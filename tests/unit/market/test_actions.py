"""Dividends and splits read from the difference of price series."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.calendar import calendar
from core.market.actions import actions_between
from core.market.bars import Bars, Ohlcv, Provenance, SymbolBars, align
from tests.unit.market.series import AS_OF

DAYS = calendar("XNYS").between(date(2024, 6, 3), date(2024, 6, 14))
BEFORE = date(2024, 5, 31)


def bars(adjustment, **closes: list[float]) -> Bars:
    series = []
    for symbol, prices in closes.items():
        values = np.array(prices, dtype=float)
        known = ~np.isnan(values)
        close = values[known]
        series.append(
            SymbolBars(symbol, DAYS[: len(values)][known], Ohlcv(close, close, close, close, close))
        )
    provenance = Provenance(source="t", feed="t", adjustment=adjustment, as_of=AS_OF)
    return align(series, DAYS, calendar="XNYS", provenance=provenance)


def found(raw, split, whole, after=BEFORE):
    return actions_between(
        bars("raw", A=raw), bars("split_adjusted", A=split), bars("adjusted", A=whole), after
    )


def test_nothing_happened():
    assert found([10, 11, 12], [10, 11, 12], [9, 9.9, 10.8]) == ()


def test_a_dividend_is_what_total_return_has_and_price_has_not():
    (action,) = found([100, 99], [100, 99], [99, 99])
    assert (action.session, action.ratio) == (date(2024, 6, 4), 1.0)
    assert action.dividend == pytest.approx((99 / 99) / (99 / 100) * 99 - 99)


@pytest.mark.parametrize(
    "ratio", [2, 3, 1.5, 10, 20, 0.5, 0.1, 0.125, 1 / 6, 0.05, 1 / 150, 1 / 250, 1.281]
)
def test_a_split_is_what_raw_prices_have_and_adjusted_ones_have_not(ratio):
    before, now = 64.0, 66.0
    (action,) = found(
        [before, now / ratio], [before / ratio, now / ratio], [before / ratio, now / ratio]
    )
    assert action.ratio == pytest.approx(ratio, rel=1e-12)
    assert action.dividend == 0


@pytest.mark.parametrize(("ratio", "raw"), [(2, 33.33), (0.1, 651.23), (1 / 3, 20.05)])
def test_prices_rounded_to_the_cent_still_say_the_ratio(ratio, raw):
    before = round(raw * ratio, 2)
    (action,) = found([before, raw], [before / ratio, raw], [before / ratio, raw])
    assert action.ratio == pytest.approx(ratio, rel=1e-9)


def test_a_split_and_a_dividend_of_one_session():
    """2:1 and 1 a new share: 100 became 49 and 1."""
    (action,) = found([100, 49], [50, 49], [49, 49])
    assert action.ratio == 2
    worth = 2 * (49 + action.dividend)
    assert worth == pytest.approx(100)


def test_what_is_owned_is_worth_what_total_return_says():
    raw, split, whole = [100, 25.3, 26.1], [25, 25.3, 26.1], [24.1, 24.9, 26.1]
    shares, cash, reinvested = 1.0, 0.0, []
    for action in found(raw, split, whole):
        shares *= action.ratio
        cash = shares * action.dividend
        reinvested.append(
            (shares * raw[DAYS.tolist().index(action.session)] + cash, action.session)
        )
        shares += cash / raw[DAYS.tolist().index(action.session)]
    assert reinvested[-1][0] == pytest.approx(100 * whole[2] / whole[0])


def test_only_after_a_session():
    series = [100, 99, 98], [100, 99, 98], [97, 98, 98]
    assert [a.session.day for a in found(*series)] == [4, 5]
    assert [a.session.day for a in found(*series, after=date(2024, 6, 4))] == [5]
    assert found(*series, after=date(2024, 6, 5)) == ()


def test_over_a_gap_the_next_bar_carries_the_whole_move():
    gap = float("nan")
    (action,) = found([100, gap, 99], [100, gap, 99], [99, gap, 99])
    assert action.session == date(2024, 6, 5)


def test_symbols_in_order_of_time():
    raw = bars("raw", B=[10.0, 10.0, 10.0], A=[10.0, 10.0, 10.0])
    whole = bars("adjusted", B=[9.5, 10.0, 10.0], A=[9.5, 9.5, 10.0])
    assert [a.symbol for a in actions_between(raw, raw, whole, BEFORE)] == ["B", "A"]
