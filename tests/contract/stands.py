"""Where the market-source contract is tried: each source with facts that are true of it.

A stand is a context manager, so that a fake listens only while it is needed. The real vendors
stand here too: they run when SLUICE_TEST_VENDORS names them (``alpaca,bybit,yahoo``), as those
tests use the network; a vendor that cannot be reached, or Alpaca without keys, is skipped.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from core.calendar import calendar
from core.clock import Clock, system_clock
from core.market.source import MarketSource
from core.market.sources.alpaca import AlpacaSource
from core.market.sources.bybit import BybitSource
from core.market.sources.demo import DemoSource
from core.market.sources.files import FilesSource
from core.market.sources.yahoo import YahooSource
from tests.fakes.alpaca_data import KEY_ID, SECRET_KEY, AlpacaData
from tests.fakes.bybit_market import BybitMarket
from tests.fakes.clock import VirtualClock
from tests.fakes.yahoo_chart import YahooChart

NOW = "2024-07-02T15:00:00"


@dataclass(frozen=True)
class Stand:
    """A source and what is known about it.

    ``symbols``  two it has had for all of 2023 and 2024
    ``late``     one that has no bar in ``early`` (a first and a last day), and has some later
    ``unknown``  one it never had
    """

    source: MarketSource
    clock: Clock
    symbols: tuple[str, str]
    late: str
    unknown: str = "NOSUCHNAME"
    early: tuple[date, date] = (date(2023, 2, 1), date(2023, 3, 31))
    least_instruments: int = 500
    start: date = date(2024, 2, 1)
    end: date = date(2024, 5, 31)


Stands = Callable[[Path], Iterator[Stand]]


@contextmanager
def alpaca(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    with AlpacaData(clock) as fake:
        source = AlpacaSource(KEY_ID, SECRET_KEY, clock=clock, url=fake.url, sleep=clock.sleep)
        yield Stand(source, clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def bybit(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    with BybitMarket(clock) as fake:
        source = BybitSource(clock=clock, url=fake.url, sleep=clock.sleep)
        yield Stand(source, clock, ("BTCUSDT", "ETHUSDT"), "WIFUSDT")


@contextmanager
def yahoo(folder: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    with YahooChart(clock) as fake:
        source = YahooSource(folder, clock=clock, url=fake.url, sleep=clock.sleep)
        yield Stand(source, clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def demo(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    early = (date(2010, 2, 1), date(2010, 3, 31))
    yield Stand(DemoSource(clock), clock, ("SPY", "TLT"), "UVXY", early=early)


@contextmanager
def demo_perpetuals(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    yield Stand(DemoSource(clock), clock, ("BTCUSDT", "ETHUSDT"), "SOLUSDT", least_instruments=5)


@contextmanager
def files(folder: Path) -> Iterator[Stand]:
    """A tidy table as people keep them: two symbols for two years, one that came later."""
    clock = VirtualClock(NOW)
    sessions = calendar("XNYS").between(np.datetime64("2023-01-03"), np.datetime64("2024-06-28"))
    lines = ["date,symbol,open,high,low,close,volume,adj_close"]
    for symbol, first in (("SPY", "2023-01-03"), ("BRK.B", "2023-01-03"), ("ARKB", "2024-01-11")):
        for i, day in enumerate(sessions[sessions >= np.datetime64(first)]):
            close = 100 + 10 * np.sin(i / 9) + len(symbol)
            row = (close - 0.5, close + 1, close - 1, close, 1_000_000 + i, close * 0.98)
            lines.append(",".join([str(day), symbol, *(f"{value:.4f}" for value in row)]))
    path = folder / "bars.csv"
    path.write_text("\n".join(lines) + "\n")
    written = clock().timestamp()
    os.utime(path, (written, written))
    yield Stand(FilesSource(path), clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def real_alpaca(_: Path) -> Iterator[Stand]:
    _reachable("data.alpaca.markets")
    keys = [os.environ.get(f"SLUICE_ALPACA_{name}") for name in ("KEY_ID", "SECRET_KEY")]
    if not all(keys):
        pytest.skip("needs SLUICE_ALPACA_KEY_ID and SLUICE_ALPACA_SECRET_KEY")
    source = AlpacaSource(*keys, clock=system_clock)
    yield Stand(source, system_clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def real_bybit(_: Path) -> Iterator[Stand]:
    _reachable("api.bybit.com")
    source = BybitSource(clock=system_clock)
    yield Stand(source, system_clock, ("BTCUSDT", "ETHUSDT"), "WIFUSDT")


@contextmanager
def real_yahoo(folder: Path) -> Iterator[Stand]:
    _reachable("query2.finance.yahoo.com")
    source = YahooSource(folder, clock=system_clock)
    yield Stand(source, system_clock, ("SPY", "BRK.B"), "ARKB")


def _reachable(host: str) -> None:
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError as err:
        pytest.skip(f"{host} cannot be reached: {err}")


MARKET_SOURCES = {"alpaca": alpaca, "bybit": bybit, "yahoo": yahoo, "demo": demo, "files": files}
PERPETUAL_SOURCES = {"bybit": bybit, "demo": demo_perpetuals}

REAL = {"alpaca": real_alpaca, "bybit": real_bybit, "yahoo": real_yahoo}
WANTED = {name for name in os.environ.get("SLUICE_TEST_VENDORS", "").split(",") if name}

MARKET_SOURCES |= {f"real {name}": REAL[name] for name in sorted(WANTED & REAL.keys())}
if "bybit" in WANTED:
    PERPETUAL_SOURCES["real bybit"] = real_bybit
