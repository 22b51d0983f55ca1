"""CachedSource before a real adapter and its vendor's fake: what is asked, and what is kept."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadData, BadInput, Cancelled, NeedsOperator, Unavailable, UnknownName
from core.market.bar_folder import BarFolder
from core.market.cache import CachedPerpetualSource, CachedSource
from core.market.settled import SeriesKey
from core.market.source import PerpetualSource
from core.market.sources.alpaca import AlpacaSource
from core.market.sources.bybit import BybitSource
from core.market.sources.demo import DemoSource
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY
from tests.fakes.bybit_market import BybitMarket
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing
from tests.unit.market.sources.watcher import Watcher

ROOT = Path(__file__).resolve().parents[3]
SPRING = {"start": date(2024, 3, 1), "end": date(2024, 5, 31)}
DAY = 24 * 3600.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-06-05T22:00:00")  # Wednesday, after the close


@pytest.fixture
def server(clock) -> Iterator[AlpacaData]:
    with AlpacaData(clock) as fake:
        yield fake


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "bars"


def vendor(server: AlpacaData) -> AlpacaSource:
    return AlpacaSource(
        KEY_ID, SECRET_KEY, url=server.url, clock=server.clock, sleep=server.clock.sleep,
        timeout_seconds=5.0,
    )  # fmt: skip


def cached(server: AlpacaData, folder: Path, redis=None, settle_sessions: int = 2) -> CachedSource:
    """A cache as another process would make it anew."""
    return CachedSource(vendor(server), folder, server.clock, settle_sessions, redis, feed="iex")


def kept(folder: Path, symbol: str = "SPY", adjustment="adjusted"):
    key = SeriesKey("alpaca", "iex", adjustment, symbol)
    return BarFolder(folder).read(key, datetime.now().astimezone())


def first_days_asked(server: AlpacaData, since: int = 0) -> list[str]:
    return [call.query["start"][:10] for call in server.journal[since:]]


# -- the answers are the vendor's ------------------------------------------------------------------

QUESTIONS = {
    "everything": {},
    "settled": SPRING,
    "one session": {"start": date(2024, 5, 1), "end": date(2024, 5, 1)},
    "to now": {"start": date(2024, 5, 1)},
    "to the edge of what settles": {"end": date(2024, 6, 3)},
    "just beyond it": {"end": date(2024, 6, 4)},
    "to a Sunday": {"end": date(2024, 6, 2)},
    "from a Sunday": {"start": date(2024, 6, 2)},
    "before some": {"start": date(2023, 11, 1), "end": date(2023, 12, 29)},
}
COMPANIES = [["THIN", "SPY", "GONE"], ["NVDA", "ARKB", "SPY"], ["SPY", "SPY"]]


@pytest.mark.parametrize("symbols", COMPANIES, ids=["+".join(c) for c in COMPANIES])
@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
def test_every_answer_is_the_vendors_whatever_is_kept(server, folder, clock, asked, symbols):
    own, cache = vendor(server), cached(server, folder)
    for _ in ("nothing is kept", "all is kept", "a day has passed"):
        for adjustment in ("adjusted", "raw"):
            expected = own.bars(symbols, adjustment=adjustment, **asked)
            for got in (
                cache.bars(symbols, adjustment=adjustment, **asked),
                cached(server, folder).bars(symbols, adjustment=adjustment, **asked),
            ):
                np.testing.assert_array_equal(got.sessions, expected.sessions)
                assert got.digest() == expected.digest()
                assert sorted(map(str, got.findings)) == sorted(map(str, expected.findings))
                assert got.provisional == expected.provisional
                assert got.calendar == expected.calendar
                assert got.provenance.feed == expected.provenance.feed
                assert got.provenance.adjustment == expected.provenance.adjustment
        clock.advance(0.7 * DAY)  # into the session of the 6th


def test_it_describes_itself_as_its_vendor(server, folder):
    own, cache = vendor(server), cached(server, folder)
    assert cache.info == own.info
    assert cache.symbols() == own.symbols()


@pytest.mark.parametrize(
    "asked",
    [
        {"symbols": ["NOSUCHNAME"]},
        {"symbols": ["SPY"], "start": date(2010, 1, 4)},
        {"symbols": ["ARKB"], "start": date(2023, 1, 4)},
        {"symbols": ["SPY"], "end": date(2030, 1, 4)},
        {"symbols": ["SPY"], "end": date(2015, 1, 4)},
        {"symbols": ["SPY"], "start": date(2024, 2, 1), "end": date(2024, 1, 1)},
    ],
)
def test_what_the_vendor_refuses_it_refuses_in_the_same_words(server, folder, asked):
    own, cache = vendor(server), cached(server, folder)
    with pytest.raises(BadInput) as expected:
        own.bars(**asked)
    for _ in ("nothing is kept", "some is kept"):
        with pytest.raises(type(expected.value)) as caught:
            cache.bars(**asked)
        assert str(caught.value) == str(expected.value)
        cache.bars(["SPY", "ARKB"], **SPRING)


def test_an_unknown_name_keeps_nothing(server, folder):
    with pytest.raises(UnknownName):
        cached(server, folder).bars(["SPY", "NOSUCHNAME"])
    assert kept(folder) is None


def test_a_vendor_that_does_not_answer_is_said_and_settled_bars_do_without(server, folder):
    before = cached(server, folder).bars(["SPY"], **SPRING)
    server.misbehave(does.status(503), times=does.FOR_EVER)
    assert cached(server, folder).bars(["SPY"], **SPRING).digest() == before.digest()
    with pytest.raises(Unavailable):
        cached(server, folder).bars(["SPY"])


# -- what is asked ---------------------------------------------------------------------------------


def test_settled_bars_are_asked_for_once(server, folder):
    cache = cached(server, folder)
    cache.bars(["SPY", "NVDA"], **SPRING)
    asked = len(server.journal)
    for other in (cache, cached(server, folder)):
        other.bars(["NVDA"], **SPRING)
        other.bars(["SPY", "NVDA"], start=date(2018, 1, 2), end=date(2024, 6, 3))
    assert len(server.journal) == asked
    assert (cache.use.questions, cache.use.misses, cache.use.hits) == (3, 2, 3)
    assert cache.use.bars_kept > 3000


def test_up_to_now_only_the_last_sessions_are_asked_for(server, folder):
    cache = cached(server, folder)
    cache.bars(["SPY"])
    since = len(server.journal)
    cache.bars(["SPY"])
    assert first_days_asked(server, since) == ["2024-05-28"]  # five settled sessions, two others


def test_as_days_pass_more_is_kept_and_history_is_not_fetched_again(server, folder, clock):
    cached(server, folder).bars(["BRK.B"])
    assert kept(folder, "BRK.B").covers == date(2024, 6, 3)
    since = len(server.journal)
    for _ in range(6):
        clock.advance(DAY)
        cached(server, folder).bars(["BRK.B"])
    assert kept(folder, "BRK.B").covers == date(2024, 6, 7)  # Tuesday the 11th, after the close
    assert all(day >= "2024-05-28" for day in first_days_asked(server, since))


def test_a_symbol_that_joins_does_not_make_others_be_fetched_again(server, folder):
    cache = cached(server, folder)
    cache.bars(["SPY"], **SPRING)
    since = len(server.journal)
    cache.bars(["SPY", "NVDA"], **SPRING)
    assert {call.query["symbols"] for call in server.journal[since:]} == {"NVDA"}


def test_adjustments_are_kept_apart(server, folder):
    cache = cached(server, folder)
    prices = {
        kind: cache.bars(["NVDA"], adjustment=kind, end=date(2024, 6, 3))
        for kind in ("adjusted", "raw")
    }
    assert prices["raw"].provenance.adjustment == "raw"
    assert kept(folder, "NVDA", "raw").basis == "raw"


def test_bars_are_as_of_the_vendors_oldest_answer(server, folder, clock):
    cache = cached(server, folder)
    first = cache.bars(["SPY"], **SPRING).provenance.as_of
    clock.advance(DAY)
    cache.bars(["NVDA"], **SPRING)
    assert cache.bars(["SPY", "NVDA"], **SPRING).provenance.as_of == first


# -- what must never be kept -----------------------------------------------------------------------


def test_a_bar_that_still_moves_is_never_kept(server, folder, clock):
    clock.advance(0.7 * DAY)  # Thursday the 6th, 14:48 UTC: the market is open
    moving = cached(server, folder).bars(["SPY"])
    assert moving.provisional
    assert moving.sessions[-1] == np.datetime64("2024-06-06")
    assert kept(folder).bars.sessions[-1] == np.datetime64("2024-06-03")
    clock.advance(0.4 * DAY)  # after the close
    settled = cached(server, folder).bars(["SPY"])
    assert not settled.provisional
    assert settled.close[-1, 0] != moving.close[-1, 0]
    assert settled.close[-1, 0] == server.bars("SPY", feed="iex").close[-1]


def test_a_late_correction_of_a_bar_that_has_not_settled_is_taken(server, folder):
    def misprint(content):
        bars = content["bars"]["SPY"]
        if bars[-1]["t"].startswith("2024-06-05"):
            bars[-1] |= {"c": 999.0, "h": 999.0}
        return content

    server.misbehave(does.changed(misprint), times=1)
    assert cached(server, folder).bars(["SPY"]).close[-1, 0] == 999
    assert cached(server, folder).bars(["SPY"]).close[-1, 0] == server.bars("SPY").close[-1]


@pytest.mark.parametrize(
    ("sessions", "covers"), [(1, "2024-06-04"), (2, "2024-06-03"), (5, "2024-05-29")]
)
def test_how_many_sessions_settle_a_bar_is_a_setting(server, folder, sessions, covers):
    cached(server, folder, settle_sessions=sessions).bars(["SPY"])
    assert str(kept(folder).covers) == covers


def test_settled_bars_fetched_while_the_market_is_open_are_not_provisional(server, folder, clock):
    clock.advance(0.7 * DAY)
    assert not cached(server, folder).bars(["SPY"], **SPRING).provisional


def test_what_a_clock_that_ran_ahead_took_for_settled_is_not_believed(server, folder, clock):
    """As after a drill with SLUICE_CLOCK: the vendor's bar was still moving in truth."""
    clock.advance(0.7 * DAY)
    ahead = VirtualClock("2024-06-12T22:00:00")
    own = AlpacaSource(KEY_ID, SECRET_KEY, url=server.url, clock=ahead, sleep=ahead.sleep)
    wrong = CachedSource(own, folder, ahead, 2, feed="iex").bars(["SPY"])
    assert kept(folder).covers == date(2024, 6, 10)
    clock.advance(1.3 * DAY)  # the 7th, after the close
    for asked in ({"end": date(2024, 6, 6)}, {"start": date(2024, 6, 3)}, SPRING):
        right = cached(server, folder).bars(["SPY"], **asked)
        assert right.digest() == vendor(server).bars(["SPY"], **asked).digest()
    assert wrong.sessions[-1] == np.datetime64("2024-06-06")
    assert (
        wrong.close[-1, 0] != server.bars("SPY").between(date(2024, 6, 6), date(2024, 6, 6)).close
    )


def test_a_symbol_listed_days_ago_is_kept_like_others(clock, folder):
    with AlpacaData(clock, listings=[Listing("NEW", date(2024, 5, 31))]) as server:
        for _ in range(3):
            got = cached(server, folder).bars(["NEW"])
            assert got.digest() == vendor(server).bars(["NEW"]).digest()
        assert kept(folder, "NEW").covers == date(2024, 6, 3)


# -- what is found in bars -------------------------------------------------------------------------


def spoilt(day: str, through: str = ""):
    """SPY's closes of ``day`` to ``through`` sent as worthless, for ever."""

    def change(content):
        for bar in content["bars"].get("SPY", []):
            if day <= bar["t"][:10] <= (through or day):
                bar["c"] = -1.0
        return content

    return does.changed(change)


def rules(bars) -> dict[str, int]:
    return {f.rule: f.count for f in bars.findings}


def test_a_finding_about_kept_bars_is_told_each_time(server, folder):
    server.misbehave(spoilt("2024-05-30"), times=does.FOR_EVER)
    for _ in ("fetched", "kept", "brought up"):
        bars = cached(server, folder).bars(["SPY"])
        assert rules(bars) == {"not_positive": 1, "missing_session": 1}
    assert rules(cached(server, folder).bars(["SPY"], end=date(2024, 5, 1))) == {}


def test_a_finding_about_a_bar_that_has_not_settled_goes_with_it(server, folder):
    server.misbehave(spoilt("2024-06-05"), times=1)
    assert rules(cached(server, folder).bars(["SPY"])) == {"not_positive": 1}
    assert rules(cached(server, folder).bars(["SPY"])) == {}


def test_findings_before_and_after_what_was_kept_are_added_up(server, folder, clock):
    server.misbehave(spoilt("2020-03-02"), times=1)
    cached(server, folder).bars(["SPY"])
    clock.advance(7 * DAY)
    server.misbehave(spoilt("2024-06-10"), times=does.FOR_EVER)
    (finding,) = (
        f for f in cached(server, folder).bars(["SPY"]).findings if f.rule == "not_positive"
    )
    assert (finding.count, str(finding.first), str(finding.last)) == (2, "2020-03-02", "2024-06-10")


def test_a_history_too_bad_to_keep_does_not_stand_before_good_bars(server, folder):
    server.misbehave(spoilt("2016-01-01", "2019-12-31"), times=does.FOR_EVER)
    bars = cached(server, folder).bars(["SPY"], **SPRING)
    assert bars.digest() == vendor(server).bars(["SPY"], **SPRING).digest()
    with pytest.raises(BadData, match="too_many_bad_bars"):
        cached(server, folder).bars(["SPY"])


def test_kept_bars_of_two_calendars_are_refused_as_the_source_does(clock, folder):
    own = DemoSource(clock)
    cache = CachedSource(own, folder, clock, 2, feed="synthetic")
    for symbol in ("SPY", "BTCUSDT"):
        cache.bars([symbol], **SPRING)
    with pytest.raises(BadInput) as expected:
        own.bars(["SPY", "BTCUSDT"], **SPRING)
    with pytest.raises(BadInput) as caught:
        cache.bars(["SPY", "BTCUSDT"], **SPRING)
    assert str(caught.value) == str(expected.value)


# -- history that changes --------------------------------------------------------------------------

REBASED = [
    ("QQQ", "adjusted", "a dividend"),
    ("NVDA", "split_adjusted", "a split"),
    ("NVDA", "adjusted", "a split"),
]


@pytest.mark.parametrize(("symbol", "adjustment", "because"), REBASED)
def test_history_on_another_basis_is_found_and_fetched_anew(
    server, folder, clock, symbol, adjustment, because
):
    cache = cached(server, folder)
    before = cache.bars([symbol, "BRK.B"], adjustment=adjustment)
    clock.advance(22 * DAY)  # 27 June: after a split on the 10th, and a dividend on the 24th
    since = len(server.journal)
    after = cache.bars([symbol, "BRK.B"], adjustment=adjustment)
    whole = [c.query["symbols"] for c in server.journal[since:] if c.query["start"] < "2017"]
    assert set(whole) == {symbol}  # the other one is right as it is kept
    assert after.digest() == vendor(server).bars([symbol, "BRK.B"], adjustment=adjustment).digest()
    assert after.close[100, 0] != before.close[100, 0]
    assert cache.use.rebased == 1
    again = cached(server, folder)
    assert again.bars([symbol, "BRK.B"], adjustment=adjustment).digest() == after.digest()
    assert (again.use.rebased, again.use.misses) == (0, 0)


def test_raw_history_does_not_change_by_a_split(server, folder, clock):
    cache = cached(server, folder)
    cache.bars(["NVDA"], adjustment="raw")
    clock.advance(22 * DAY)
    cache.bars(["NVDA"], adjustment="raw")
    assert (cache.use.rebased, cache.use.misses) == (0, 1)


def test_a_settled_bar_the_vendor_takes_back_is_found(server, folder):
    cached(server, folder).bars(["SPY"])

    def without_one(content):
        bars = content["bars"]["SPY"]
        content["bars"]["SPY"] = [bar for bar in bars if not bar["t"].startswith("2024-05-30")]
        return content

    server.misbehave(does.changed(without_one), times=does.FOR_EVER)
    cache = cached(server, folder)
    assert np.isnan(cache.bars(["SPY"]).close[-5, 0])
    assert cache.use.rebased == 1


# -- damage, and disks that do not write -----------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another series"])
def test_damaged_bars_are_fetched_anew_and_mended(server, folder, caplog, damage):
    expected = cached(server, folder).bars(["SPY", "NVDA"], **SPRING)
    path, other = (folder / "alpaca" / "iex" / "adjusted" / f"{s}.parquet" for s in ("SPY", "NVDA"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(
        {"cut": data[:-9], "flipped": data, "empty": b"", "another series": other.read_bytes()}[
            damage
        ]
    )
    since = len(server.journal)
    assert cached(server, folder).bars(["SPY", "NVDA"], **SPRING).digest() == expected.digest()
    assert {call.query["symbols"] for call in server.journal[since:]} == {"SPY"}
    assert f"{path} are damaged" in caplog.text
    since = len(server.journal)
    assert cached(server, folder).bars(["SPY", "NVDA"], **SPRING).digest() == expected.digest()
    assert len(server.journal) == since


def test_where_nothing_can_be_kept_bars_come_all_the_same(server, tmp_path, caplog):
    (tmp_path / "bars").write_text("a file where the folder should be")
    cache = cached(server, tmp_path / "bars")
    assert cache.bars(["SPY"], **SPRING).digest() == vendor(server).bars(["SPY"], **SPRING).digest()
    assert "cannot be kept" in caplog.text


def test_bars_of_another_feed_are_a_mistake_in_the_wiring(server, folder):
    cache = CachedSource(vendor(server), folder, server.clock, 2, feed="sip")
    with pytest.raises(NeedsOperator, match="answers from its feed 'iex', kept bars are of 'sip'"):
        cache.bars(["SPY"], **SPRING)


# -- several at once -------------------------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from core.market.cache import CachedSource
from core.market.sources.alpaca import AlpacaSource
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing
from tests.unit.market.test_cache import SPRING

clock = VirtualClock("2024-06-05T22:00:00")
vendor = AlpacaSource(KEY_ID, SECRET_KEY, url=sys.argv[1], clock=clock)
cache = CachedSource(vendor, Path(sys.argv[2]), clock, 2, feed="iex")
print("ready", flush=True)
sys.stdin.readline()
print(cache.bars(["SPY", "NVDA"], **SPRING).digest())
"""


def test_two_processes_at_once_fetch_a_history_once(server, folder):
    server.misbehave(does.slow(0.3), times=1)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, server.url, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        reader.stdin.write("go\n")
        reader.stdin.flush()
    said = [reader.communicate(timeout=60)[0].strip() for reader in readers]
    own = len(server.journal)
    expected = vendor(server).bars(["SPY", "NVDA"])
    assert own <= len(server.journal) - own  # no more than one fetch of everything takes
    assert said == [expected.between(*SPRING.values()).digest()] * 2


def test_threads_of_one_process_fetch_a_history_once(server, folder):
    cache = cached(server, folder)
    digests: list[str] = []
    threads = [
        threading.Thread(target=lambda: digests.append(cache.bars(["SPY"], **SPRING).digest()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(set(digests)) == 1
    assert len(digests) == 4
    assert (cache.use.misses, cache.use.hits) == (1, 3)


def test_waiting_for_another_process_is_told_and_can_be_stopped(server, folder):
    key = SeriesKey("alpaca", "iex", "adjusted", "SPY")
    watcher = Watcher(patience=3)
    with BarFolder(folder).locked([key], iter(())), pytest.raises(Cancelled):
        cached(server, folder).bars(["SPY"], progress=watcher, **SPRING)
    assert watcher.told[-1] == "waiting for another process that fetches the same bars"
    assert server.journal == []


def test_progress_never_goes_back(server, folder, clock):
    for _ in ("nothing is kept", "some is kept", "history has changed"):
        watcher = Watcher()
        cached(server, folder).bars(["QQQ", "SPY"], progress=watcher)
        assert watcher.shares == sorted(watcher.shares)
        assert (watcher.shares[0], watcher.shares[-1]) == (0.0, 1.0)
        clock.advance(11 * DAY)


def test_its_folder_is_measured_and_purged(server, folder, clock):
    cache = cached(server, folder)
    for _ in ("written", "read"):
        cache.bars(["SPY", "NVDA"], **SPRING)
    assert cache.size().files == 2
    clock.advance(20 * DAY)
    cache.bars(["SPY"], **SPRING)
    clock.advance(20 * DAY)
    assert cache.purge(timedelta(days=30)).files == 1
    assert kept(folder) is not None
    assert kept(folder, "NVDA") is None


# -- perpetuals ------------------------------------------------------------------------------------


def test_of_perpetuals_bars_are_kept_and_the_rest_is_asked_each_time(clock, folder):
    with BybitMarket(clock) as fake:
        own = BybitSource(clock=clock, url=fake.url, sleep=clock.sleep)
        cache = CachedPerpetualSource(own, folder, clock, 2, feed="linear")
        assert isinstance(cache, PerpetualSource)
        first = cache.bars(["BTCUSDT"], **SPRING)
        since = len(fake.calls("kline"))
        assert cache.bars(["BTCUSDT"], **SPRING).digest() == first.digest()
        assert len(fake.calls("kline")) == since
        funding = own.funding("BTCUSDT", **SPRING)
        np.testing.assert_array_equal(cache.funding("BTCUSDT", **SPRING).rate, funding.rate)
        interest = own.open_interest("BTCUSDT", **SPRING)
        np.testing.assert_array_equal(cache.open_interest("BTCUSDT", **SPRING).base, interest.base)
        assert cache.instruments() == own.instruments()


def test_all_week_a_bar_settles_with_days(clock, folder):
    with BybitMarket(clock) as fake:
        own = BybitSource(clock=clock, url=fake.url, sleep=clock.sleep)
        CachedPerpetualSource(own, folder, clock, 2, feed="linear").bars(["BTCUSDT"])
    key = SeriesKey("bybit", "linear", "adjusted", "BTCUSDT")
    assert BarFolder(folder).read(key, clock()).covers == date(2024, 6, 2)
