"""Which sessions are asked for, and rows made into bars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.calendar import calendar
from core.errors import BadData, BadInput, RangeUnavailable
from core.market.bars import Ohlcv, Provenance
from core.market.source import SourceInfo
from core.market.sources.delivery import (
    Rows,
    check_adjustment,
    deliver,
    number,
    sessions_asked,
    start_too_early,
)

INFO = SourceInfo(
    name="vendor",
    label="Vendor",
    meaning="",
    calendars=("XNYS",),
    adjustments=("adjusted", "split_adjusted"),
    history_start=date(2016, 1, 1),
)
XNYS = calendar("XNYS")
TUESDAY_NOON = datetime(2024, 7, 2, 16, tzinfo=UTC)
PROVENANCE = Provenance(source="vendor", feed="x", adjustment="adjusted", as_of=TUESDAY_NOON)


def rows(*days: str, close: float = 10.0) -> Rows:
    n = len(days)
    level = np.full(n, close)
    return Rows(np.array(days, dtype="datetime64[D]"), Ohlcv(level, level, level, level, level))


def delivered(symbols, given, now=TUESDAY_NOON, first="2024-06-03", last="2024-07-02"):
    asked = XNYS.between(np.datetime64(first), np.datetime64(last))
    return deliver(symbols, given, asked=asked, calendar=XNYS, provenance=PROVENANCE, now=now)


@pytest.mark.parametrize(
    ("says", "given", "is_number"),
    [
        ("a number", 1.5, 1.5),
        ("text", "0.0001", 0.0001),
        ("an integer", 7, 7.0),
        ("null is unknown", None, np.nan),
        ("empty is unknown", "", np.nan),
        ("words are unknown", "n/a", np.nan),
        ("a boolean is no number", True, np.nan),
        ("a list is no number", [1.0], np.nan),
    ],
)
def test_numbers_are_read_and_the_rest_is_unknown_never_zero(says, given, is_number):
    np.testing.assert_equal(number(given), is_number)


def test_the_range_defaults_to_all_of_history_and_today():
    asked = sessions_asked(INFO, XNYS, None, None, TUESDAY_NOON)
    assert (asked[0].item(), asked[-1].item()) == (date(2016, 1, 4), date(2024, 7, 2))


def test_today_is_asked_for_before_the_opening_bell_and_not_on_a_holiday():
    early = datetime(2024, 7, 2, 8, tzinfo=UTC)
    holiday = datetime(2024, 7, 4, 16, tzinfo=UTC)
    assert sessions_asked(INFO, XNYS, None, None, early)[-1].item() == date(2024, 7, 2)
    assert sessions_asked(INFO, XNYS, None, None, holiday)[-1].item() == date(2024, 7, 3)


def test_an_end_on_a_weekend_after_the_last_session_is_no_error():
    saturday = datetime(2024, 7, 6, 16, tzinfo=UTC)
    asked = sessions_asked(INFO, XNYS, date(2024, 7, 1), date(2024, 7, 7), saturday)
    assert asked[-1].item() == date(2024, 7, 5)


@pytest.mark.parametrize(
    ("says", "start", "end", "error", "message"),
    [
        (
            "start before the history",
            date(2015, 12, 31),
            None,
            RangeUnavailable,
            "start: Vendor has no bars before 2016-01-01.*on or after 2016-01-01",
        ),
        (
            "end before the history",
            None,
            date(2015, 6, 1),
            RangeUnavailable,
            "end: Vendor has no bars before 2016-01-01",
        ),
        (
            "end after today",
            None,
            date(2024, 7, 3),
            RangeUnavailable,
            "end: Vendor has no bars after 2024-07-02.*on or before 2024-07-02",
        ),
        (
            "end after the calendar",
            None,
            date(2100, 1, 1),
            RangeUnavailable,
            "no bars after 2024-07-02",
        ),
        (
            "start after the end",
            date(2024, 6, 1),
            date(2024, 5, 1),
            BadInput,
            "2024-06-01 is after the end, 2024-05-01",
        ),
    ],
)
def test_a_range_it_cannot_have_says_what_there_is(says, start, end, error, message):
    with pytest.raises(error, match=message):
        sessions_asked(INFO, XNYS, start, end, TUESDAY_NOON)


def test_an_adjustment_it_lacks_names_those_it_has():
    with pytest.raises(BadInput, match=r"no raw prices.*adjusted or split_adjusted"):
        check_adjustment(INFO, "raw")
    check_adjustment(INFO, "split_adjusted")


def test_a_late_start_names_the_first_session_there_is():
    error = start_too_early(INFO, ["A", "B"], date(2016, 1, 1), date(2020, 5, 4))
    assert "no bars of A, B before 2020-05-04" in str(error)


def test_bars_come_in_the_order_asked_on_one_axis_with_gaps_unknown():
    bars = delivered(["B", "A"], {"A": rows("2024-06-03", "2024-06-05"), "B": rows("2024-06-04")})
    assert bars.symbols == ("B", "A")
    assert [str(s) for s in bars.sessions] == ["2024-06-03", "2024-06-04", "2024-06-05"]
    np.testing.assert_array_equal(bars.close, [[np.nan, 10], [10, np.nan], [np.nan, 10]])


def test_a_symbol_without_bars_is_a_column_of_unknowns():
    bars = delivered(["A", "B"], {"A": rows("2024-06-03")})
    assert np.isnan(bars.close[:, 1]).all()


def test_a_symbol_asked_for_twice_comes_twice_and_is_judged_once():
    bars = delivered(["A", "A"], {"A": rows("2024-06-03", "2024-06-05")})
    assert bars.symbols == ("A", "A")
    assert len(bars.findings) == 1


def test_rows_outside_the_range_are_left_out_before_they_are_judged():
    bars = delivered(
        ["A"],
        {"A": rows("2024-05-31", "2024-06-03", "2024-07-02", "2024-07-03")},
        last="2024-06-28",
    )
    assert [str(s) for s in bars.sessions] == ["2024-06-03"]
    assert bars.findings == ()


@pytest.mark.parametrize(
    ("says", "last", "now", "provisional"),
    [
        ("the session trades", "2024-07-02", datetime(2024, 7, 2, 19, 59, tzinfo=UTC), True),
        ("it has closed", "2024-07-02", datetime(2024, 7, 2, 20, 0, tzinfo=UTC), False),
        ("half-days close early", "2024-07-03", datetime(2024, 7, 3, 17, 0, tzinfo=UTC), False),
        ("but not earlier", "2024-07-03", datetime(2024, 7, 3, 16, 59, tzinfo=UTC), True),
        ("yesterday's is settled", "2024-07-01", datetime(2024, 7, 2, 15, 0, tzinfo=UTC), False),
    ],
)
def test_the_last_bar_is_provisional_until_its_close(says, last, now, provisional):
    bars = delivered(["A"], {"A": rows("2024-06-28", last)}, now=now, last=last)
    assert bars.provisional is provisional


def test_nothing_at_all_is_an_empty_axis():
    bars = delivered(["A"], {})
    assert bars.close.shape == (0, 1)
    assert not bars.provisional


def test_bad_rows_are_refused_by_the_quality_rules():
    with pytest.raises(BadData, match="no_valid_bar"):
        delivered(["A"], {"A": rows("2024-06-03", close=0.0)})
