"""Bars: aligned arrays that know their symbols, sessions and origin."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import date

import numpy as np
import pytest

from core.market.bars import FIELDS, Finding, Provenance
from tests.unit.market.series import AS_OF, days, make_bars

FINDING = Finding("not_positive", "TLT", 3, "dropped", date(2024, 1, 2), date(2024, 3, 4))


def test_a_symbol_listed_midway_is_unknown_before_not_zero():
    bars = make_bars()
    assert np.isnan(bars.close[:2, 1]).all()
    assert np.isnan(bars.volume[:2, 1]).all()
    assert bars.close[2, 1] == 201
    assert bars.first_session("TLT") == date(2024, 6, 26)
    assert bars.first_session("SPY") == date(2024, 6, 24)
    assert bars.last_session("TLT") == date(2024, 7, 5)


def test_a_symbol_without_any_bar_has_no_first_session():
    bars = make_bars().between(date(2024, 6, 24), date(2024, 6, 25))
    assert bars.first_session("TLT") is None
    assert bars.last_session("TLT") is None


def test_columns_are_contiguous_whatever_they_are_made_of():
    bars = make_bars()
    turned = replace(bars, close=np.ascontiguousarray(bars.close))
    assert all(getattr(turned, name).flags.f_contiguous for name in FIELDS)
    assert turned.digest() == bars.digest()


def test_arrays_of_another_shape_are_refused():
    bars = make_bars()
    with pytest.raises(ValueError, match=r"high has shape \(8, 2\), expected \(9, 2\)"):
        replace(bars, high=bars.high[1:])


def test_bars_do_not_change():
    with pytest.raises(FrozenInstanceError):
        make_bars().symbols = ("QQQ",)


def test_an_unknown_symbol_is_a_key_error():
    with pytest.raises(KeyError):
        make_bars().column("QQQ")


def test_between_keeps_both_ends():
    part = make_bars().between(date(2024, 6, 26), date(2024, 7, 1))
    np.testing.assert_array_equal(
        part.sessions, days("2024-06-26", "2024-06-27", "2024-06-28", "2024-07-01")
    )
    assert part.close[0].tolist() == [103, 201]


def test_between_may_fall_on_days_without_a_session():
    part = make_bars().between(date(2024, 6, 29), date(2024, 7, 4))
    np.testing.assert_array_equal(part.sessions, days("2024-07-01", "2024-07-02", "2024-07-03"))


def test_between_without_ends_is_everything():
    bars = make_bars()
    assert bars.between(None, None).digest() == bars.digest()


def test_between_outside_is_empty():
    part = make_bars().between(date(2025, 1, 1), date(2025, 2, 1))
    assert len(part) == 0
    assert part.symbols == ("SPY", "TLT")


def test_only_bars_with_the_last_session_are_provisional():
    bars = make_bars(provisional=True)
    assert bars.between(date(2024, 7, 1), None).provisional
    assert not bars.between(None, date(2024, 7, 3)).provisional
    assert not make_bars().provisional


def test_select_takes_columns_in_the_order_asked_and_their_findings():
    bars = make_bars(findings=(FINDING,))
    turned = bars.select(["TLT", "SPY"])
    assert turned.symbols == ("TLT", "SPY")
    np.testing.assert_array_equal(turned.close, bars.close[:, ::-1])
    assert turned.findings == (FINDING,)
    assert turned.column("TLT") == 0
    assert bars.select(["SPY"]).findings == ()


@pytest.mark.parametrize("field", FIELDS)
def test_a_digest_knows_every_price(field):
    bars = make_bars()
    array = getattr(bars, field).copy()
    array[-1, 0] += 1e-9
    assert replace(bars, **{field: array}).digest() != bars.digest()


def test_a_symbols_digest_is_its_own():
    bars = make_bars()
    first, second = bars.symbols
    close = bars.close.copy()
    close[3, 1] += 0.01
    changed = replace(bars, close=close).digests()
    assert changed[first] == bars.digests()[first]
    assert changed[second] != bars.digests()[second]


def test_a_digest_knows_symbols_and_sessions():
    bars = make_bars()
    assert replace(bars, symbols=("SPY", "IEF")).digest() != bars.digest()
    assert replace(bars, sessions=bars.sessions + 1).digest() != bars.digest()
    assert make_bars().digest() == bars.digest()


def test_provenance_and_findings_read_as_text():
    provenance = Provenance(source="files", feed="a.csv", adjustment="split_adjusted", as_of=AS_OF)
    assert str(provenance) == "files (a.csv, split-adjusted)"
    assert str(FINDING) == ("TLT: 3 bars dropped by rule 'not_positive' (2024-01-02 to 2024-03-04)")
    one = replace(FINDING, count=1, last=FINDING.first)
    assert str(one) == "TLT: 1 bar dropped by rule 'not_positive' (2024-01-02)"
