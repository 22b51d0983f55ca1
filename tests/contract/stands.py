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

import pytest

from core.clock import Clock, system_clock
from core.market.source import MarketSource
from core.market.sources.alpaca import AlpacaSource
from core.market.sources.bybit import BybitSource
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
    ``late``     one whose first bar is in 2024
    ``unknown``  one it never had
    """

    source: MarketSource
    clock: Clock
    symbols: tuple[str, str]
    late: str
    unknown: str = "NOSUCHNAME"
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


MARKET_SOURCES = {"alpaca": alpaca, "bybit": bybit, "yahoo": yahoo}
PERPETUAL_SOURCES = {"bybit": bybit}

REAL = {"alpaca": real_alpaca, "bybit": real_bybit, "yahoo": real_yahoo}
WANTED = {name for name in os.environ.get("SLUICE_TEST_VENDORS", "").split(",") if name}

MARKET_SOURCES |= {f"real {name}": REAL[name] for name in sorted(WANTED & REAL.keys())}
if "bybit" in WANTED:
    PERPETUAL_SOURCES["real bybit"] = real_bybit
