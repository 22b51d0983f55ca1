"""What every MarketSource promises, tried on each of them."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import get_args

import numpy as np
import pytest

from core.calendar import calendar
from core.errors import BadInput, Cancelled, RangeUnavailable, UnknownName
from core.market.bars import FIELDS, Adjustment
from tests.contract.stands import Stand


def read(stand: Stand, symbols=None, **changes):
    asked = {"start": stand.start, "end": stand.end} | changes
    return stand.source.bars(symbols or stand.symbols, **asked)


def test_it_describes_itself(stand: Stand):
    info = stand.source.info
    assert info.name == info.name.lower()
    assert info.label
    assert info.meaning.endswith(".")
    assert set(info.adjustments) <= set(get_args(Adjustment))
    assert "adjusted" in info.adjustments


def test_what_it_lists_is_sorted(stand: Stand):
    symbols = stand.source.symbols()
    assert list(symbols) == sorted(set(symbols))
    assert not symbols or set(stand.symbols) <= set(symbols)


def test_bars_lie_on_the_calendar_inside_the_range(stand: Stand):
    bars = read(stand)
    assert bars.calendar in stand.source.info.calendars
    assert bars.sessions.dtype == np.dtype("datetime64[D]")
    expected = calendar(bars.calendar).between(stand.start, stand.end)
    np.testing.assert_array_equal(bars.sessions, expected)


def test_columns_are_in_the_order_asked(stand: Stand):
    a, b = stand.symbols
    forth, back = read(stand, [a, b]), read(stand, [b, a])
    assert (forth.symbols, back.symbols) == ((a, b), (b, a))
    np.testing.assert_array_equal(forth.close, back.close[:, ::-1])


def test_prices_are_prices(stand: Stand):
    bars = read(stand)
    for name in FIELDS:
        array = getattr(bars, name)
        assert array.dtype == np.float64
        assert array.flags.f_contiguous
    assert np.isfinite(bars.close).mean() > 0.95
    known = np.isfinite(bars.close)
    top = np.maximum(bars.open, bars.close)[known]
    bottom = np.minimum(bars.open, bars.close)[known]
    assert (bars.low[known] > 0).all()
    assert (bars.high[known] >= top).all()
    assert (bars.low[known] <= bottom).all()
    assert (bars.volume[np.isfinite(bars.volume)] >= 0).all()


def test_asking_twice_gives_the_same_bars(stand: Stand):
    assert read(stand).digest() == read(stand).digest()


def test_a_part_is_a_part_of_the_whole(stand: Stand):
    first, last = date(2024, 3, 4), date(2024, 4, 15)
    whole, part = read(stand).between(first, last), read(stand, start=first, end=last)
    np.testing.assert_array_equal(part.sessions, whole.sessions)
    np.testing.assert_allclose(part.close, whole.close, rtol=1e-9)


def test_one_symbol_does_not_depend_on_the_others(stand: Stand):
    alone, together = read(stand, stand.symbols[:1]), read(stand)
    np.testing.assert_array_equal(alone.close[:, 0], together.close[:, 0])


def test_provenance_names_the_source_and_when_it_answered(stand: Stand):
    before = stand.clock()
    provenance = read(stand).provenance
    assert provenance.source == stand.source.info.name
    assert provenance.feed
    assert provenance.synthetic is stand.source.info.synthetic
    assert provenance.as_of.tzinfo == UTC
    assert before <= provenance.as_of <= stand.clock()


@pytest.mark.parametrize("adjustment", get_args(Adjustment))
def test_an_adjustment_is_answered_truly_or_refused(stand: Stand, adjustment):
    if adjustment in stand.source.info.adjustments and adjustment not in stand.lacks:
        given = read(stand, adjustment=adjustment).provenance.adjustment
        # A source without dividends may answer so, if it says so.
        assert given == adjustment or (adjustment, given) == ("adjusted", "split_adjusted")
    else:
        with pytest.raises(BadInput, match="Choose"):
            read(stand, adjustment=adjustment)


def test_a_name_it_never_had_is_said(stand: Stand):
    with pytest.raises(UnknownName) as caught:
        read(stand, [stand.symbols[0], stand.unknown])
    assert caught.value.name == stand.unknown


def test_a_symbol_without_bars_in_the_range_is_a_column_of_unknowns(stand: Stand):
    start, end = stand.before
    bars = read(stand, [stand.symbols[0], stand.late], start=start, end=end)
    assert np.isfinite(bars.close[:, 0]).all()
    assert np.isnan(bars.close[:, 1]).all()


def test_a_start_before_everything_says_what_there_is(stand: Stand):
    with pytest.raises(RangeUnavailable, match=r"\d{4}-\d{2}-\d{2}") as caught:
        read(stand, [stand.late], start=stand.before[0])
    assert caught.value.field == "start"


def test_an_end_in_the_future_says_what_there_is(stand: Stand):
    ahead = stand.clock().date() + timedelta(days=30)
    with pytest.raises(RangeUnavailable, match=r"\d{4}-\d{2}-\d{2}") as caught:
        read(stand, end=ahead)
    assert caught.value.field == "end"


def test_a_start_after_the_end_is_said(stand: Stand):
    with pytest.raises(BadInput, match="after the end"):
        read(stand, start=stand.end, end=stand.start)


def test_settled_bars_are_not_provisional(stand: Stand):
    assert not read(stand).provisional


def test_only_a_session_that_still_trades_is_provisional(stand: Stand):
    bars = stand.source.bars(stand.symbols[:1], start=stand.clock().date() - timedelta(days=20))
    close = calendar(bars.calendar).close(bars.sessions[-1])
    assert bars.provisional == (close > stand.clock())


def test_progress_runs_from_nothing_to_all_and_never_back(stand: Stand):
    shares: list[float] = []
    read(stand, progress=lambda share, doing: shares.append(share))
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_it_can_be_cancelled_before_it_begins(stand: Stand):
    def stop(share: float, doing: str) -> None:
        raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        read(stand, progress=stop)
