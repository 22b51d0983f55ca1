"""DemoSource: a synthetic market that is the same for everybody for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import calendar
from core.errors import BadInput, RangeUnavailable, UnknownName
from core.market.bars import FIELDS
from core.market.sources.demo import DemoSource
from core.market.sources.demo.universe import DERIVED
from tests.fakes.clock import VirtualClock

ROOT = Path(__file__).resolve().parents[4]
NOW = "2024-07-02T15:00:00"
PERPETUALS = ("BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
TEN_YEARS = {"start": date(2014, 7, 1), "end": date(2024, 6, 28)}

GOLDEN = {
    "funds": "de444f20c02e3ef63a0d5ff9173e40a401d331868472c0071bd25503fb1f0e97",
    "perpetuals": "f87d0b71fa0f72e0b89a9be9955bbf99fddf1fc89dad70724fcc485f1ba2b5af",
}
"""Digests of TEN_YEARS and of the perpetuals since 2019. They may never change: saved results,
examples and documentation were made of these bars."""


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(VirtualClock(NOW))


@pytest.fixture(scope="module")
def funds(demo) -> tuple[str, ...]:
    return tuple(s for s in demo.symbols() if s not in PERPETUALS)


@pytest.fixture(scope="module")
def everything(demo, funds):
    """All bars of all funds, settled ones only."""
    return demo.bars(funds, end=date(2024, 7, 1))


# -- what there is ---------------------------------------------------------------------------------


def test_it_has_the_funds_that_examples_use_and_five_perpetuals(demo, funds):
    used = {"SPY", "QQQ", "TQQQ", "SQQQ", "TLT", "TMF", "BIL", "GLD", "UVXY", "UPRO", "IEF"}
    assert used <= set(funds)
    assert len(funds) >= 25
    assert set(PERPETUALS) <= set(demo.symbols())


def test_it_says_everywhere_that_it_is_invented(demo):
    assert demo.info.synthetic
    assert "invented" in demo.info.meaning
    provenance = demo.bars(["SPY"], **TEN_YEARS).provenance
    assert provenance.synthetic
    assert str(provenance) == "demo (synthetic, adjusted)"


def test_an_unknown_ticker_comes_with_the_nearest_known_ones(demo):
    with pytest.raises(UnknownName, match=r"symbol 'TQQ' does not exist\. Did you mean 'TQQQ'"):
        demo.bars(["SPY", "TQQ"])
    with pytest.raises(UnknownName, match=r"perpetual 'SPY' does not exist\. Choose one of BNB"):
        demo.funding("SPY", **TEN_YEARS)


def test_funds_and_perpetuals_share_no_calendar(demo):
    with pytest.raises(BadInput, match="SPY trades in New York's sessions and BTCUSDT all week"):
        demo.bars(["BTCUSDT", "SPY"])


@pytest.mark.parametrize(
    ("symbol", "first"),
    [
        ("SPY", "1995-01-03"),
        ("TQQQ", "2010-02-11"),
        ("UVXY", "2011-10-04"),
        ("BTCUSDT", "2019-01-01"),
        ("SOLUSDT", "2020-08-12"),
    ],
)
def test_each_begins_on_its_first_day(demo, symbol, first):
    assert demo.bars([symbol]).sessions[0] == np.datetime64(first)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"start": date(2010, 2, 9)}, "start"),
        ({"end": date(2010, 2, 10)}, "end"),
        ({"end": date(2024, 7, 3)}, "end"),
        ({"start": date(1990, 1, 2)}, "start"),
    ],
)
def test_a_range_without_bars_says_what_there_is(demo, asked, field):
    with pytest.raises(RangeUnavailable, match="from 2010-02-11 to 2024-07-02") as caught:
        demo.bars(["TQQQ"], **asked)
    assert caught.value.field == field


def test_a_start_on_a_holiday_just_before_the_first_bar_is_no_error(demo):
    assert len(demo.bars(["SPY"], start=date(1995, 1, 1), end=date(1995, 1, 31))) == 21


# -- the same for ever -----------------------------------------------------------------------------


def test_bars_never_change(demo, funds):
    assert demo.bars(funds, **TEN_YEARS).digest() == GOLDEN["funds"]
    settled = demo.bars(PERPETUALS, end=date(2024, 6, 30))
    assert settled.digest() == GOLDEN["perpetuals"]


@pytest.mark.parametrize("hashing", ["0", "4711"])
def test_another_process_makes_the_same_bits(demo, funds, hashing):
    """Also with other seeds of Python's and numpy's own randomness, and other threads."""
    script = (
        "import numpy as np; from datetime import date\n"
        "np.random.seed(1)\n"
        "from tests.fakes.clock import VirtualClock\n"
        "from core.market.sources.demo import DemoSource\n"
        "demo = DemoSource(VirtualClock('2025-11-03T02:00:00'))\n"
        f"demo.bars({PERPETUALS!r})\n"
        f"print(demo.bars({funds!r}, start=date(2014, 7, 1), "
        "end=date(2024, 6, 28)).digest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hashing, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == GOLDEN["funds"]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_range_and_any_company_of_symbols_gives_the_same_bars(everything, funds, data):
    symbols = data.draw(st.lists(st.sampled_from(funds), min_size=1, max_size=4, unique=True))
    days = everything.select(symbols)
    first = min(days.first_session(s) for s in symbols)
    start = data.draw(st.dates(first, date(2024, 6, 3)))
    end = data.draw(st.dates(start + timedelta(days=5), date(2024, 7, 1)))
    anew = DemoSource(VirtualClock(data.draw(st.sampled_from([NOW, "2031-05-01T00:00:00"]))))
    part, whole = anew.bars(symbols, start=start, end=end), days.between(start, end)
    np.testing.assert_array_equal(part.sessions, whole.sessions)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_a_later_clock_changes_no_settled_bar(everything, funds):
    later = DemoSource(VirtualClock("2039-03-01T12:00:00"))
    assert later.bars(funds, end=date(2024, 7, 1)).digest() == everything.digest()


# -- plausible -------------------------------------------------------------------------------------


def test_bars_are_complete_and_enclose_their_prices(everything):
    for j, symbol in enumerate(everything.symbols):
        life = everything.between(everything.first_session(symbol), None)
        opened, high, low, close, volume = (getattr(life, name)[:, j] for name in FIELDS)
        assert np.isfinite([opened, high, low, close, volume]).all(), symbol
        assert (high >= np.maximum(opened, close)).all(), symbol
        assert (low <= np.minimum(opened, close)).all(), symbol
        assert (low > 0).all(), symbol
        assert (volume >= 1).all(), symbol


@pytest.mark.parametrize("fund", DERIVED, ids=lambda fund: fund.symbol)
def test_a_leveraged_or_inverse_fund_returns_its_multiple_of_each_day(demo, fund):
    bars = demo.bars([fund.of, fund.symbol], start=date(2012, 1, 3), end=date(2024, 6, 28))
    index, own = (np.diff(bars.close, axis=0) / bars.close[:-1]).T
    # What is left is the fee, the short rate on what is borrowed, and on an ex-date the index's
    # dividend. A weekend or holiday holds several days, and compounds them.
    usual = np.diff(bars.sessions).astype(int) == 1
    left = np.abs(own - fund.times * index)[usual]
    assert np.median(left) < 0.0006
    assert left.max() < 0.002
    assert np.corrcoef(index, own)[0, 1] * np.sign(fund.times) > 0.99


def test_funds_relate_as_their_namesakes_do(demo):
    bars = demo.bars(["SPY", "QQQ", "VTI", "TLT", "BIL", "UVXY"], **TEN_YEARS)
    moves = np.diff(np.log(bars.close), axis=0)
    correlation = np.corrcoef(moves.T)[0]
    assert correlation[1] > 0.7
    assert correlation[2] > 0.97
    assert -0.6 < correlation[3] < 0.1
    assert correlation[5] < -0.5
    spread = moves.std(axis=0) * np.sqrt(252)
    assert 0.1 < spread[0] < 0.25
    assert spread[4] < 0.01


def test_adjusted_prices_hold_the_dividends_that_raw_ones_drop(demo):
    whole, raw = (
        demo.bars(["TLT", "GLD"], adjustment=kind, start=date(2024, 1, 2), end=date(2024, 6, 28))
        for kind in ("adjusted", "raw")
    )
    grown = (whole.close[1:] / whole.close[:-1]) / (raw.close[1:] / raw.close[:-1]) - 1
    paid = [str(day) for day in raw.sessions[1:][grown[:, 0] > 1e-6]]
    assert paid == ["2024-03-15", "2024-06-21"]  # third Fridays
    assert np.abs(grown[:, 1]).max() < 1e-9  # gold pays nothing
    assert raw.provenance.adjustment == "raw"
    np.testing.assert_array_equal(whole.volume, raw.volume)


def test_prices_are_equal_on_whatever_basis_on_the_anchor_day():
    later = DemoSource(VirtualClock("2025-02-03T15:00:00"))
    day = {"start": date(2025, 1, 2), "end": date(2025, 1, 2)}
    closes = [
        later.bars(["SPY", "TLT"], adjustment=kind, **day).close[0].tolist()
        for kind in later.info.adjustments
    ]
    assert closes == [[584.64, 87.63]] * 3


# -- perpetuals ------------------------------------------------------------------------------------


def test_perpetuals_trade_every_day_and_never_gap(demo):
    bars = demo.bars(PERPETUALS, start=date(2021, 1, 1), end=date(2024, 6, 30))
    assert len(bars) == 365 * 3 + 182
    assert bars.calendar == "24/7"
    np.testing.assert_allclose(bars.open[1:], bars.close[:-1], rtol=1e-9)


def test_prices_of_perpetuals_are_whole_ticks(demo):
    for instrument in demo.instruments():
        bars = demo.bars([instrument.symbol], start=date(2024, 1, 1), end=date(2024, 6, 30))
        ticks = bars.close[:, 0] / float(instrument.tick_size)
        np.testing.assert_allclose(ticks, np.rint(ticks), atol=1e-5)


def test_funding_settles_three_times_a_day_until_now(demo):
    funding = demo.funding("BTCUSDT", start=date(2024, 7, 1), end=date(2024, 7, 2))
    hours = [str(at) for at in funding.settled.astype("datetime64[h]")]
    assert hours == [
        "2024-07-01T00",
        "2024-07-01T08",
        "2024-07-01T16",
        "2024-07-02T00",
        "2024-07-02T08",
    ]


def test_funding_is_the_same_for_any_range_and_mostly_the_interest(demo):
    whole = demo.funding("ETHUSDT", start=date(2019, 1, 1), end=date(2024, 6, 30))
    part = demo.funding("ETHUSDT", start=date(2023, 3, 1), end=date(2023, 3, 31))
    at = np.searchsorted(whole.settled, part.settled)
    np.testing.assert_array_equal(whole.rate[at], part.rate)
    assert np.median(whole.rate) == 0.0001
    assert (whole.rate < 0).mean() > 0.01
    assert np.abs(whole.rate).max() <= 0.0075


def test_funding_is_dear_after_a_rising_week(demo):
    bars = demo.bars(["BTCUSDT"], start=date(2019, 1, 1), end=date(2024, 6, 30))
    funding = demo.funding("BTCUSDT", start=date(2019, 1, 8), end=date(2024, 6, 30))
    week = bars.close[6:-1, 0] / bars.open[:-7, 0] - 1
    paid = funding.rate.reshape(-1, 3).mean(axis=1)
    assert len(week) == len(paid)
    rising, falling = paid[week > 0.1].mean(), paid[week < -0.1].mean()
    assert rising > 0.0001 > falling


def test_before_it_is_listed_a_perpetual_has_no_funding(demo):
    funding = demo.funding("SOLUSDT", start=date(2020, 8, 10), end=date(2020, 8, 12))
    assert funding.settled[0] == np.datetime64("2020-08-12T00:00")
    assert len(funding.rate) == 3


# -- today -----------------------------------------------------------------------------------------


def at(instant: str, symbols=("SPY", "UPRO", "SH"), **asked):
    return DemoSource(VirtualClock(instant)).bars(symbols, start=date(2024, 6, 24), **asked)


def test_before_the_bell_the_last_bar_is_yesterdays():
    bars = at("2024-07-02T13:29:59")
    assert bars.sessions[-1] == np.datetime64("2024-07-01")
    assert not bars.provisional


def test_from_the_bell_to_the_close_the_last_bar_moves_with_the_clock():
    bell, noon, late = (at(f"2024-07-02T{t}") for t in ("13:30:00", "16:00:00", "19:50:00"))
    assert bell.provisional
    assert noon.provisional
    assert late.provisional
    for bars in (bell, noon, late):
        assert bars.sessions[-1] == np.datetime64("2024-07-02")
        assert (
            bars.between(None, date(2024, 7, 1)).digest()
            == bell.between(None, date(2024, 7, 1)).digest()
        )
    np.testing.assert_array_equal(bell.open[-1], late.open[-1])
    np.testing.assert_array_equal(bell.close[-1], bell.open[-1])
    assert (noon.close[-1] != late.close[-1]).all()
    assert (bell.high[-1] <= noon.high[-1]).all()
    assert (noon.high[-1] <= late.high[-1]).all()
    assert (bell.low[-1] >= noon.low[-1]).all()
    assert (noon.low[-1] >= late.low[-1]).all()
    assert (bell.volume[-1] < noon.volume[-1]).all()
    assert (noon.volume[-1] < late.volume[-1]).all()


def test_within_a_minute_the_bar_stands_still():
    first, last, next_ = (at(f"2024-07-02T15:{t}").digest() for t in ("00:00", "00:59", "01:00"))
    assert first == last != next_


def test_at_the_close_the_bar_is_the_settled_one_for_ever():
    closing = at("2024-07-02T20:00:00")
    assert not closing.provisional
    later = at("2026-01-05T00:00:00", end=date(2024, 7, 2))
    assert closing.digest() == later.digest()
    minute_before = at("2024-07-02T19:59:59")
    assert minute_before.provisional
    assert (minute_before.volume[-1] < later.volume[-1]).all()
    np.testing.assert_array_equal(minute_before.high[-1, 0], later.high[-1, 0])
    np.testing.assert_array_equal(minute_before.low[-1, 0], later.low[-1, 0])
    settled_range = later.high[-1] - later.low[-1]
    assert (np.abs(minute_before.close[-1] - later.close[-1]) < 0.5 * settled_range).all()


def test_a_half_day_settles_at_one_o_clock():
    assert at("2024-07-03T16:59:00").provisional
    closing = at("2024-07-03T17:00:00")
    assert not closing.provisional
    assert closing.digest() == at("2024-08-01T00:00:00", end=date(2024, 7, 3)).digest()


@pytest.mark.parametrize("minute", ["13:45", "15:10", "17:33", "19:50"])
def test_through_the_day_leveraged_funds_follow_their_index_too(minute):
    bars = at(f"2024-07-02T{minute}:00")
    spy, upro, short = bars.close[-1] / bars.close[-2] - 1
    assert upro == pytest.approx(3 * spy, abs=0.001)
    assert short == pytest.approx(-spy, abs=0.001)


def test_a_closed_market_has_no_bar_of_its_own():
    holiday = at("2024-07-04T15:00:00")
    assert holiday.sessions[-1] == np.datetime64("2024-07-03")
    assert not holiday.provisional


def test_perpetuals_begin_at_midnight_and_settle_at_the_next():
    midnight = at("2024-07-06T00:00:00", ["BTCUSDT"])
    assert midnight.provisional
    assert midnight.sessions[-1] == np.datetime64("2024-07-06")
    assert midnight.close[-1, 0] == midnight.open[-1, 0]
    settled = at("2024-07-07T00:00:00", ["BTCUSDT"], end=date(2024, 7, 6))
    assert not settled.provisional
    assert settled.close[-1, 0] != midnight.close[-1, 0]


def test_the_calendar_of_new_york_is_the_axis(everything):
    expected = calendar("XNYS").between(date(1995, 1, 3), date(2024, 7, 1))
    np.testing.assert_array_equal(everything.sessions, expected)
