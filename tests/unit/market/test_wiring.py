"""Sources as they are wired: what a vendor can do is not lost on the way to a backtest."""

from __future__ import annotations

import gc
import os
import weakref
from datetime import date

import numpy as np

from core.backtest.market import carry_of
from core.bootstrap import Services
from core.settings import Settings
from tests.fakes.bybit_market import BybitMarket
from tests.fakes.clock import VirtualClock


def test_perpetuals_cost_funding(tmp_path):
    clock = VirtualClock("2024-09-20T12:00:00")
    with BybitMarket(clock) as vendor:
        settings = Settings(home=tmp_path, bybit_url=vendor.url)
        source = Services(settings, clock=clock).source("bybit")
        bars = source.bars(["BTCUSDT"], start=date(2024, 8, 1), end=date(2024, 8, 31))
        carry = carry_of(source, ("BTCUSDT",), bars, 0)
    assert carry is not None
    assert carry.shape == (31, 1)
    assert np.isfinite(carry).all()
    assert np.any(carry != 0)


def test_a_file_that_changed_is_read_anew_and_what_was_read_of_it_before_is_let_go(tmp_path):
    """A page is open for weeks, and the file is written every evening."""
    bars = tmp_path / "bars.csv"
    services = Services(Settings(home=tmp_path / "home"))
    header, before = "date,symbol,open,high,low,close,volume", []
    for day in (2, 3, 4):
        bars.write_text(f"{header}\n2024-01-0{day},SPY,{day},{day},{day},{day},1\n")
        os.utime(bars, (day, day))
        source = services.source("files", path=bars)
        assert services.source("files", path=bars) is source
        assert source.bars(["SPY"]).sessions[-1] == np.datetime64(f"2024-01-0{day}")
        before.append(weakref.ref(source))
    del source
    gc.collect()
    assert [kept() is not None for kept in before] == [False, False, True]
