"""What every source of perpetuals promises besides."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from core.errors import BadInput, UnknownName
from core.market.source import PerpetualSource
from tests.contract.stands import Stand

START, END = date(2024, 2, 1), date(2024, 3, 31)


@pytest.fixture
def source(perpetual_stand: Stand) -> PerpetualSource:
    assert isinstance(perpetual_stand.source, PerpetualSource)
    return perpetual_stand.source


def inside(stamps: np.ndarray) -> bool:
    return bool(
        (stamps >= np.datetime64(START)).all() and (stamps < np.datetime64("2024-04-01")).all()
    )


def test_funding_is_ascending_inside_the_range_and_small(source, perpetual_stand):
    funding = source.funding(perpetual_stand.symbols[0], start=START, end=END)
    assert funding.symbol == perpetual_stand.symbols[0]
    assert funding.settled.dtype == np.dtype("datetime64[ms]")
    assert (np.diff(funding.settled) > np.timedelta64(0)).all()
    assert inside(funding.settled)
    assert len(funding.rate) == len(funding.settled) == 60 * 3
    assert (np.abs(funding.rate) < 0.05).all()


def test_open_interest_is_ascending_inside_the_range_and_positive(source, perpetual_stand):
    interest = source.open_interest(perpetual_stand.symbols[0], start=START, end=END)
    assert (np.diff(interest.at) > np.timedelta64(0)).all()
    assert inside(interest.at)
    assert len(interest.base) == 60
    assert (interest.base > 0).all()


def test_a_day_is_both_its_start_and_its_end(source, perpetual_stand):
    funding = source.funding(perpetual_stand.symbols[0], start=START, end=START)
    assert [str(s) for s in funding.settled.astype("datetime64[h]")] == [
        "2024-02-01T00",
        "2024-02-01T08",
        "2024-02-01T16",
    ]


@pytest.mark.parametrize("what", ["funding", "open_interest"])
def test_a_name_it_never_had_is_said(source, perpetual_stand, what):
    with pytest.raises(UnknownName):
        getattr(source, what)(perpetual_stand.unknown, start=START, end=END)


@pytest.mark.parametrize("what", ["funding", "open_interest"])
def test_a_start_after_the_end_is_said(source, perpetual_stand, what):
    with pytest.raises(BadInput, match="after the end"):
        getattr(source, what)(perpetual_stand.symbols[0], start=END, end=START)


def test_instruments_are_each_once_with_exact_decimals(source, perpetual_stand):
    instruments = source.instruments()
    symbols = [i.symbol for i in instruments]
    assert symbols == sorted(set(symbols))
    assert len(symbols) >= perpetual_stand.instruments
    assert set(perpetual_stand.symbols) <= set(symbols) <= set(source.symbols())
    for i in instruments:
        assert Decimal(i.tick_size) > 0
        assert Decimal(i.quantity_step) > 0
        assert Decimal(i.min_quantity) > 0
        assert i.funding_interval_minutes is None or i.funding_interval_minutes % 60 == 0
