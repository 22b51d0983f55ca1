"""Where the market-source contract is tried: each source with facts that are true of it.

A stand is a context manager, so that a fake listens only while it is needed. The real vendors
stand here too: they run when SLUICE_TEST_VENDORS names them (``alpaca,bybit,yahoo``), as those
tests use the network; a vendor that cannot be reached, or Alpaca without keys, is skipped.
"""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from core.clock import Clock, system_clock
from core.market.bars import Adjustment
from core.market.cache import CachedSource
from core.market.source import MarketSource
from core.market.sources.alpaca import AlpacaSource
from core.market.sources.bybit import BybitSource
from core.market.sources.demo import DemoSource
from core.market.sources.files import FilesSource
from core.market.sources.yahoo import YahooSource
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY
from tests.fakes.bybit_market import BybitMarket
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing, adjusted, raw, split_adjusted
from tests.fakes.yahoo_chart import YahooChart

NOW = "2024-07-02T15:00:00"


@dataclass(frozen=True)
class Stand:
    """A source and what is known about it.

    ``symbols``      two it has had for all of 2023 and 2024, and in ``before``
    ``late``         one whose first bar is later than ``before``
    ``unknown``      one it never had
    ``lacks``        adjustments that files may have, and these have not
    ``instruments``  how many perpetuals it has at least
    """

    source: MarketSource
    clock: Clock
    symbols: tuple[str, str]
    late: str
    unknown: str = "NOSUCHNAME"
    start: date = date(2024, 2, 1)
    end: date = date(2024, 5, 31)
    before: tuple[date, date] = (date(2023, 2, 1), date(2023, 3, 31))
    lacks: tuple[Adjustment, ...] = ()
    instruments: int = 0


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
        yield Stand(source, clock, ("BTCUSDT", "ETHUSDT"), "WIFUSDT", instruments=500)


@contextmanager
def yahoo(folder: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    with YahooChart(clock) as fake:
        source = YahooSource(folder, clock=clock, url=fake.url, sleep=clock.sleep)
        yield Stand(source, clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def cached_alpaca(folder: Path) -> Iterator[Stand]:
    """Alpaca through the cache, which must answer as it would."""
    clock = VirtualClock(NOW)
    with AlpacaData(clock) as fake:
        source = AlpacaSource(KEY_ID, SECRET_KEY, clock=clock, url=fake.url, sleep=clock.sleep)
        cached = CachedSource(source, folder, clock, 2, feed="iex")
        yield Stand(cached, clock, ("SPY", "BRK.B"), "ARKB")


@contextmanager
def demo(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    before = date(2009, 2, 2), date(2009, 3, 31)
    yield Stand(DemoSource(clock), clock, ("SPY", "TLT"), "TQQQ", before=before)


@contextmanager
def demo_perpetuals(_: Path) -> Iterator[Stand]:
    clock = VirtualClock(NOW)
    before = date(2020, 2, 3), date(2020, 3, 31)
    symbols = "BTCUSDT", "ETHUSDT"
    yield Stand(DemoSource(clock), clock, symbols, "SOLUSDT", before=before, instruments=5)


FILED = (
    Listing("SPY", date(2022, 12, 1), dividend=(date(2024, 3, 15), 1.595)),
    Listing("NVDA", date(2022, 12, 1), split=(date(2024, 6, 10), 10.0)),
    Listing("ARKB", date(2024, 1, 11)),
)
FILED_UNTIL = date(2024, 7, 1)


@contextmanager
def tidy_file(folder: Path) -> Iterator[Stand]:
    """One tidy CSV of split-adjusted prices with adjusted closes: nothing tells raw ones."""
    lines = ["date,symbol,open,high,low,close,volume,adj_close"]
    for listing in FILED:
        whole = adjusted(listing, FILED_UNTIL).close
        rows = zip(*split_adjusted(listing, FILED_UNTIL).columns(), whole, strict=True)
        lines += [f"{d},{listing.symbol},{o},{h},{lo},{c},{v},{a}" for d, o, h, lo, c, v, a in rows]
    path = folder / "bars.csv"
    path.write_text("\n".join(lines) + "\n")
    yield _files_stand(path, lacks=("raw",))


@contextmanager
def aggregates_folder(folder: Path) -> Iterator[Stand]:
    """Day aggregates as traded, a file a month, with the corporate actions beside them."""
    months: dict[str, list[str]] = {}
    for listing in FILED:
        for day, o, h, lo, c, v in zip(*raw(listing, FILED_UNTIL).columns(), strict=True):
            midnight = int(day.astype("datetime64[ns]").astype(np.int64))
            opens = midnight + 5 * 3600 * 10**9  # 05:00 UTC is midnight or one in New York
            months.setdefault(str(day)[:7], []).append(
                f"{listing.symbol},{v:.0f},{o},{c},{h},{lo},{opens},"
            )
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    place = folder / "us_stocks_sip"
    place.mkdir()
    for month, rows in months.items():
        text = "\n".join([header, *rows]) + "\n"
        (place / f"{month}.csv.gz").write_bytes(gzip.compress(text.encode()))
    (place / "corporate_actions.csv").write_text(
        "symbol,ex_date,type,value\nSPY,2024-03-15,dividend,1.595\nNVDA,2024-06-10,split,10\n"
    )
    yield _files_stand(place)


def _files_stand(path: Path, lacks: tuple[Adjustment, ...] = ()) -> Stand:
    """A stand on files last written at the stand's own time, which their bars are as of."""
    clock = VirtualClock(NOW)
    written = datetime.fromisoformat(NOW).replace(tzinfo=UTC).timestamp()
    for file in path.iterdir() if path.is_dir() else [path]:
        os.utime(file, (written, written))
    return Stand(FilesSource(path), clock, ("SPY", "NVDA"), "ARKB", lacks=lacks)


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
    yield Stand(source, system_clock, ("BTCUSDT", "ETHUSDT"), "WIFUSDT", instruments=500)


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


MARKET_SOURCES = {
    "alpaca": alpaca,
    "cached alpaca": cached_alpaca,
    "bybit": bybit,
    "yahoo": yahoo,
    "demo": demo,
    "demo perpetuals": demo_perpetuals,
    "tidy file": tidy_file,
    "aggregates folder": aggregates_folder,
}
PERPETUAL_SOURCES = {"bybit": bybit, "demo": demo_perpetuals}

REAL = {"alpaca": real_alpaca, "bybit": real_bybit, "yahoo": real_yahoo}
WANTED = {name for name in os.environ.get("SLUICE_TEST_VENDORS", "").split(",") if name}

MARKET_SOURCES |= {f"real {name}": REAL[name] for name in sorted(WANTED & REAL.keys())}
if "bybit" in WANTED:
    PERPETUAL_SOURCES["real bybit"] = real_bybit
