"""Each rule for bad bars: what it does, what it counts, where it refuses."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.calendar import calendar
from core.errors import BadData
from core.market import quality
from core.market.bars import Finding, Ohlcv, Provenance, SymbolBars
from core.market.quality import assemble, clean, suspect_splits
from tests.unit.market.series import AS_OF, changed, days, ohlcv

XNYS = calendar("XNYS")
SESSIONS = XNYS.between(date(2024, 1, 2), date(2024, 12, 31))
N = len(SESSIONS)


def cleaned(sessions=SESSIONS, bars=None):
    return clean("SPY", sessions, ohlcv(len(sessions)) if bars is None else bars, XNYS)


def finding(rule: str, action: str, first: str, last: str = "", count: int = 1) -> Finding:
    ends = date.fromisoformat(first), date.fromisoformat(last or first)
    return Finding(rule, "SPY", count, action, *ends)


def test_good_bars_pass_unchanged_and_unmentioned():
    bars, findings = cleaned()
    assert findings == ()
    np.testing.assert_array_equal(bars.sessions, SESSIONS)
    np.testing.assert_array_equal(bars.ohlcv, ohlcv(N))


def test_disorder_is_sorted():
    order = np.r_[1, 0, 2:N]
    given = Ohlcv(*(field[order] for field in ohlcv(N)))
    bars, findings = cleaned(SESSIONS[order], given)
    assert findings == (finding("out_of_order", "repaired", "2024-01-02"),)
    np.testing.assert_array_equal(bars.ohlcv, ohlcv(N))


def test_of_a_session_given_twice_the_last_row_stays():
    twice = np.r_[0, 0, 1:N]
    given = Ohlcv(*(field[twice] for field in ohlcv(N)))
    bars, findings = cleaned(SESSIONS[twice], changed(given, 1, close=101.5))
    assert findings == (finding("duplicate_session", "dropped", "2024-01-02"),)
    assert bars.ohlcv.close[0] == 101.5
    assert len(bars.sessions) == N


def test_dates_that_do_not_trade_are_dropped():
    sessions = np.concatenate([SESSIONS[:3], days("2024-01-06", "2024-01-15"), SESSIONS[3:]])
    bars, findings = cleaned(np.sort(sessions))
    assert findings == (finding("not_a_session", "dropped", "2024-01-06", "2024-01-15", 2),)
    np.testing.assert_array_equal(bars.sessions, SESSIONS)


def test_dates_before_the_calendar_are_left_out_and_are_not_bad():
    old = days("1962-01-02", "1989-12-29")
    bars, findings = cleaned(np.concatenate([old, SESSIONS[:20]]))
    assert findings == (finding("before_calendar", "left out", "1962-01-02", "1989-12-29", 2),)
    np.testing.assert_array_equal(bars.sessions, SESSIONS[:20])


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (np.nan, "missing_price"),
        (np.inf, "missing_price"),
        (0.0, "not_positive"),
        (-1.0, "not_positive"),
    ],
)
def test_a_bar_without_a_real_price_is_dropped_and_its_session_unknown(field, value, rule):
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, **{field: value}))
    session = str(SESSIONS[4])
    assert findings == (
        finding(rule, "dropped", session),
        finding("missing_session", "kept as unknown", session),
    )
    assert SESSIONS[4] not in bars.sessions


def test_high_below_low_is_dropped():
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, high=90.0, low=110.0))
    assert findings[0] == finding("high_below_low", "dropped", str(SESSIONS[4]))
    assert len(bars.sessions) == N - 1


@pytest.mark.parametrize(
    ("fields", "high", "low"),
    [
        ({"close": 150.0}, 150.0, 103.5),
        ({"open": 50.0}, 106.0, 50.0),
        ({"open": 50.0, "close": 150.0}, 150.0, 50.0),
    ],
)
def test_an_open_or_close_beyond_the_range_widens_it(fields, high, low):
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, **fields))
    assert findings == (finding("close_outside_range", "repaired", str(SESSIONS[4])),)
    assert (bars.ohlcv.high[4], bars.ohlcv.low[4]) == (high, low)


def test_a_range_that_misses_by_rounding_is_widened_without_a_word():
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, close=106.0 * (1 + 1e-8)))
    assert findings == ()
    assert bars.ohlcv.high[4] == bars.ohlcv.close[4]


@pytest.mark.parametrize("volume", [np.nan, np.inf, -1.0])
def test_an_unknown_volume_is_unknown_not_zero(volume):
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, volume=volume))
    assert findings == (finding("missing_volume", "kept as unknown", str(SESSIONS[4])),)
    assert np.isnan(bars.ohlcv.volume[4])


def test_a_volume_of_zero_is_known():
    bars, findings = cleaned(bars=changed(ohlcv(N), 4, volume=0.0))
    assert findings == ()
    assert bars.ohlcv.volume[4] == 0


def test_a_gap_is_counted_and_not_filled():
    kept = np.r_[0:10, 13:N]
    bars, findings = cleaned(SESSIONS[kept])
    assert findings == (
        finding("missing_session", "kept as unknown", str(SESSIONS[10]), str(SESSIONS[12]), 3),
    )
    assert len(bars.sessions) == N - 3


@pytest.mark.parametrize(
    ("bad", "of", "refused"), [(5, 50, False), (6, 50, True), (12, 252, False), (13, 252, True)]
)
def test_more_than_five_and_five_percent_of_bad_bars_are_refused(bad, of, refused):
    bars = ohlcv(of)
    for row in range(bad):
        bars = changed(bars, 2 * row, close=0.0)
    if not refused:
        assert cleaned(SESSIONS[:of], bars)[1][0].count == bad
        return
    with pytest.raises(BadData) as caught:
        cleaned(SESSIONS[:of], bars)
    assert caught.value.rule == "too_many_bad_bars"
    assert str(caught.value) == (
        f"SPY: [too_many_bad_bars] {bad} of {of} bars were dropped. "
        f"Mend or replace the data ({bad} by not_positive)."
    )


def test_nothing_left_is_refused():
    with pytest.raises(BadData) as caught:
        cleaned(days("2024-01-06"))
    assert str(caught.value) == (
        "SPY: [no_valid_bar] none of 1 bars can be used. "
        "Mend or replace the data (1 by not_a_session)."
    )


def test_nothing_given_is_refused():
    with pytest.raises(BadData, match=r"none of 0 bars can be used\. The data is empty\."):
        cleaned(SESSIONS[:0])


def test_what_is_given_is_not_changed():
    given = changed(ohlcv(N), 4, close=150.0)
    before = np.array(given)
    cleaned(SESSIONS[::-1].copy(), given)
    np.testing.assert_array_equal(given, before)


def test_the_table_of_rules_names_every_rule_in_the_code_and_no_other():
    listed = set(re.findall(r"^    ([a-z_]+)  ", quality.__doc__ or "", re.MULTILINE))
    code = Path(quality.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r'(?:note|drop|Finding|BadData)\(\s*(?:symbol, )?"([a-z_]+)"', code))
    assert listed == used


# -- splits nobody declared ------------------------------------------------------------------------


def split_at(row: int, ratio: float, after: float = 1.0) -> SymbolBars:
    """Steady prices that drop to 1/ratio on ``row``, and then drift by ``after``."""
    close = np.full(20, 400.0)
    close[row:] /= ratio
    opened = close.copy()
    close[row:] *= after
    return SymbolBars("AAPL", SESSIONS[:20], Ohlcv(opened, close * 1.1, close * 0.9, close, close))


@pytest.mark.parametrize("ratio", [2, 4, 7, 20, 1 / 2, 1 / 10])
def test_an_open_at_a_whole_part_or_multiple_looks_like_a_split(ratio):
    session = SESSIONS[8].item()
    expected = Finding("looks_like_split", "AAPL", 1, "kept", session, session)
    assert suspect_splits(split_at(8, ratio)) == (expected,)


@pytest.mark.parametrize(
    ("ratio", "after"),
    [
        (1.0, 1.0),
        (1.3, 1.0),  # a crash, of no whole ratio
        (2.0, 1.5),  # halved at the open and recovered by the close: a bad print, or a panic
        (60.0, 1.0),
    ],
)
def test_other_moves_do_not(ratio, after):
    assert suspect_splits(split_at(8, ratio, after)) == ()


def test_one_bar_alone_cannot_look_like_a_split():
    one = split_at(8, 2)
    first = SymbolBars("AAPL", one.sessions[:1], Ohlcv(*(f[:1] for f in one.ohlcv)))
    assert suspect_splits(first) == ()


# -- putting series together -----------------------------------------------------------------------


def test_series_share_the_axis_from_the_first_bar_to_the_last():
    early = SymbolBars("SPY", SESSIONS[2:6], ohlcv(4))
    late = SymbolBars("TLT", SESSIONS[4:9], ohlcv(5, 200.0))
    bars = assemble(
        [early, late],
        calendar=XNYS,
        provenance=Provenance(source="t", feed="t", adjustment="raw", as_of=AS_OF),
    )
    np.testing.assert_array_equal(bars.sessions, SESSIONS[2:9])
    np.testing.assert_array_equal(bars.open[:, 0], [100, 101, 102, 103, *[np.nan] * 3])
    np.testing.assert_array_equal(bars.open[:, 1], [np.nan, np.nan, 200, 201, 202, 203, 204])
    empty = assemble(
        [SymbolBars("SPY", SESSIONS[:0], ohlcv(0))], calendar=XNYS, provenance=bars.provenance
    )
    assert empty.close.shape == (0, 1)
