"""What is shown by an instant, and what not yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.errors import BadInput, RangeUnavailable
from core.market.source import SourceInfo
from tests.fakes.as_of import AsOfSource
from tests.unit.market.series import make_bars

WHOLE = make_bars()  # SPY from 2024-06-24, TLT from 2024-06-26, both to 2024-07-05


class Inner:
    info = SourceInfo(
        name="inner", label="", meaning="", calendars=("XNYS",), adjustments=("adjusted",)
    )

    def __init__(self) -> None:
        self.asked = 0

    def symbols(self):
        return WHOLE.symbols

    def bars(self, symbols, **_):
        self.asked += 1
        return WHOLE.select(symbols)


def seen(at: str, symbols=("SPY", "TLT"), **span):
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return AsOfSource(Inner(), lambda: now).bars(symbols, **span)


@pytest.mark.parametrize(
    ("at", "last", "moving"),
    [
        ("2024-07-02T13:29:59", "2024-07-01", False),  # a second before the opening
        ("2024-07-02T13:30:00", "2024-07-02", True),
        ("2024-07-02T19:59:59", "2024-07-02", True),
        ("2024-07-02T20:00:00", "2024-07-02", False),
        ("2024-07-03T16:59:59", "2024-07-03", True),  # a half-day
        ("2024-07-03T17:00:00", "2024-07-03", False),
        ("2024-07-04T15:00:00", "2024-07-03", False),  # a holiday
        ("2024-08-01T15:00:00", "2024-07-05", False),  # beyond what there is
    ],
)
def test_sessions_that_have_begun(at, last, moving):
    bars = seen(at)
    assert str(bars.sessions[-1]) == last
    assert bars.provisional is moving
    assert bars.provenance.as_of == datetime.fromisoformat(at).replace(tzinfo=UTC)
    np.testing.assert_array_equal(bars.close, WHOLE.close[: len(bars)])


def test_the_axis_is_that_of_the_symbols_asked_for():
    assert str(seen("2024-07-02T15:00:00", ["TLT"]).sessions[0]) == "2024-06-26"


def test_before_the_first_bar_there_is_none():
    assert len(seen("2024-06-25T15:00:00", ["TLT"])) == 0
    assert len(seen("2024-06-20T15:00:00")) == 0


def test_a_span():
    bars = seen("2024-07-02T15:00:00", start=date(2024, 6, 26), end=date(2024, 6, 28))
    assert [str(day) for day in bars.sessions] == ["2024-06-26", "2024-06-27", "2024-06-28"]
    assert not bars.provisional


@pytest.mark.parametrize("field", ["start", "end"])
def test_a_session_that_has_not_begun_cannot_be_asked_for(field):
    with pytest.raises(RangeUnavailable) as caught:
        seen("2024-07-02T15:00:00", **{field: date(2024, 7, 3)})
    assert caught.value.field == field


def test_a_weekend_after_the_last_session_is_no_session():
    assert len(seen("2024-06-28T20:00:00", end=date(2024, 6, 30))) == 5


def test_a_span_in_the_wrong_order():
    with pytest.raises(BadInput):
        seen("2024-07-02T15:00:00", start=date(2024, 6, 28), end=date(2024, 6, 26))


def test_the_inner_source_is_asked_once():
    inner = Inner()
    now = [datetime(2024, 7, 1, 15, tzinfo=UTC)]
    source = AsOfSource(inner, lambda: now[0])
    assert len(source.bars(["SPY"])) == 6
    now[0] = datetime(2024, 7, 2, 15, tzinfo=UTC)
    assert len(source.bars(["SPY"])) == 7
    assert inner.asked == 1
