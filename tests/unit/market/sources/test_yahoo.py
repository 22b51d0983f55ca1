"""YahooSource through the real yfinance against a server that misbehaves."""

from __future__ import annotations

import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from yfinance.data import SingletonMeta, YfData

from core.errors import BadInput, Cancelled, RangeUnavailable, Unavailable, UnknownName
from core.market.sources.yahoo import YahooSource
from tests.fakes import misbehaviour as does
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing
from tests.fakes.yahoo_chart import CRUMB, Ticker, YahooChart
from tests.unit.market.sources.watcher import Watcher

ROOT = Path(__file__).resolve().parents[4]
CHART = "/v8/finance/chart/"
SPRING = {"start": date(2024, 3, 1), "end": date(2024, 5, 31)}


@pytest.fixture(autouse=True)
def _fresh_yfinance() -> Iterator[None]:
    """yfinance keeps one cookie and crumb for the process: none may reach another test's fake."""
    SingletonMeta._instances.pop(YfData, None)
    yield
    SingletonMeta._instances.pop(YfData, None)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-07-02T15:00:00")


@pytest.fixture
def server(clock: VirtualClock) -> Iterator[YahooChart]:
    with YahooChart(clock) as fake:
        yield fake


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "yahoo"


def source(server: YahooChart, cache: Path, timeout_seconds: float = 5.0, **changes) -> YahooSource:
    settings = {"url": server.url, "clock": server.clock, "sleep": server.clock.sleep}
    return YahooSource(cache, timeout_seconds=timeout_seconds, **(settings | changes))


# What it reads


def test_split_adjusted_bars_are_yahoos_own(server, cache):
    bars = source(server, cache).bars(["NVDA", "SPY"], adjustment="split_adjusted", **SPRING)
    for symbol in ("NVDA", "SPY"):
        sent = server.bars(symbol, "split").between(*SPRING.values())
        np.testing.assert_array_equal(bars.sessions, sent.sessions)
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(bars, name)[:, bars.column(symbol)]
            np.testing.assert_array_equal(column, getattr(sent, name))
    assert bars.provenance.adjustment == "split_adjusted"
    assert bars.findings == ()


def test_adjusted_bars_are_lowered_as_yahoos_adjusted_close_is(server, cache):
    bars = source(server, cache).bars(["NVDA", "SPY"], **SPRING)
    for symbol in ("NVDA", "SPY"):
        sent = server.bars(symbol, "all").between(*SPRING.values())
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(bars, name)[:, bars.column(symbol)]
            np.testing.assert_allclose(column, getattr(sent, name), rtol=1e-12)
    assert bars.provenance.adjustment == "adjusted"
    split = server.bars("SPY", "split").between(*SPRING.values())
    assert (bars.close[:, 1] < split.close).all()  # a dividend lies ahead


def test_prices_as_traded_are_refused(server, cache):
    with pytest.raises(BadInput, match=r"Yahoo has no raw prices.*adjusted or split_adjusted"):
        source(server, cache).bars(["SPY"], adjustment="raw", **SPRING)


def test_share_classes_are_mapped_to_yahoos_spelling_and_back(server, cache):
    bars = source(server, cache).bars(["BRK.B", "SPY"], **SPRING)
    assert bars.symbols == ("BRK.B", "SPY")
    assert server.calls(CHART)[0].path.endswith("/BRK-B")
    assert not np.isnan(bars.close).any()


def test_all_of_history_is_what_the_calendar_has(server, cache):
    bars = source(server, cache).bars(["SPY", "IBM"])
    assert bars.sessions[0].item() == date(1990, 1, 2)
    assert bars.first_session("SPY") == date(1993, 1, 29)
    assert bars.sessions[-1].item() == date(2024, 7, 2)
    assert {f.rule for f in bars.findings} == set()


def test_the_end_is_included_and_nothing_after_it(server, cache):
    bars = source(server, cache).bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 6, 28))
    assert (bars.sessions[0].item(), bars.sessions[-1].item()) == (
        date(2024, 6, 3),
        date(2024, 6, 28),
    )


def test_the_running_session_is_provisional_until_its_close(server, cache, clock):
    yahoo = source(server, cache)
    assert yahoo.bars(["SPY"], start=date(2024, 6, 3)).provisional
    assert not yahoo.bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 7, 1)).provisional
    clock.advance(timedelta(hours=5).total_seconds())
    bars = yahoo.bars(["SPY"], start=date(2024, 6, 3))
    assert not bars.provisional
    assert bars.sessions[-1].item() == date(2024, 7, 2)


def test_before_the_bell_there_is_no_bar_of_today(cache):
    with YahooChart(VirtualClock("2024-07-02T12:00:00")) as server:
        bars = source(server, cache).bars(["SPY"], start=date(2024, 6, 3))
    assert bars.sessions[-1].item() == date(2024, 7, 1)
    assert not bars.provisional


@pytest.mark.slow
def test_twelve_symbols_over_twelve_years_are_one_chart_each(cache):
    clock = VirtualClock("2028-01-03T12:00:00")
    tickers = [Ticker(Listing(f"T{n:02d}", date(2005, 1, 3))) for n in range(12)]
    with YahooChart(clock, tickers=tickers) as server:
        watcher = Watcher()
        bars = source(server, cache, timeout_seconds=30).bars(
            [t.listing.symbol for t in tickers],
            start=date(2016, 1, 4),
            end=date(2027, 12, 31),
            progress=watcher,
        )
        assert len(server.calls(CHART)) == 12
        assert len(server.calls("getcrumb")) == 1
    assert not np.isnan(bars.close).any()
    assert watcher.shares == sorted(watcher.shares)
    assert (watcher.shares[0], watcher.shares[-1]) == (0.0, 1.0)


def test_cancelling_between_symbols_stops_asking(server, cache):
    with pytest.raises(Cancelled):
        source(server, cache).bars(["SPY", "QQQ", "NVDA"], progress=Watcher(patience=2), **SPRING)
    assert len(server.calls(CHART)) == 1


def test_the_crumb_is_sent_where_yahoo_insists(clock, cache):
    with YahooChart(clock, insists=True) as server:
        assert len(source(server, cache).bars(["SPY"], **SPRING)) == 64
        assert server.calls(CHART)[-1].query["crumb"] == CRUMB


def test_a_stale_crumb_is_fetched_again_through_the_consent_page(clock, cache):
    with YahooChart(clock, insists=True) as server:
        server.misbehave(does.other_json("an old crumb"), path="getcrumb")
        assert len(source(server, cache).bars(["SPY"], **SPRING)) == 64
        assert server.calls("consent")


def test_caches_stay_in_the_folder_given(server, cache, tmp_path):
    """In a process of its own: yfinance settles on the first folder it uses."""
    script = (
        "import sys; from pathlib import Path; from datetime import UTC, date, datetime\n"
        "from core.market.sources.yahoo import YahooSource\n"
        "clock = lambda: datetime(2024, 7, 2, 15, tzinfo=UTC)\n"
        "source = YahooSource(Path(sys.argv[1]), url=sys.argv[2], clock=clock)\n"
        "print(len(source.bars(['SPY'], start=date(2024, 6, 3), end=date(2024, 6, 28))))\n"
    )
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", script, str(cache), server.url],
        env={"HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("19\n", "")
    assert (cache / "cookies.db").exists()
    assert not home.exists()


def test_yfinance_prints_and_logs_nothing(server, cache, capfd, caplog):
    caplog.set_level(logging.INFO)
    server.misbehave(does.drop, times=2, path="fc.yahoo.com")  # it would warn
    source(server, cache).bars(["SPY"], **SPRING)
    with pytest.raises(UnknownName):
        source(server, cache).bars(["NOSUCH"], **SPRING)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


# Faults that pass, and that do not

FAULTS = does.ANY_SERVER | {
    "a chart without a result": does.other_json({"chart": {"result": None, "error": None}}),
    "no chart": does.other_json({"finance": {}}),
    "an internal error": does.status(
        500, {"chart": {"result": None, "error": {"code": "Internal", "description": "oops"}}}
    ),
    "columns of unequal length": does.changed(
        lambda answer: answer["chart"]["result"][0]["timestamp"].pop() and answer
    ),
}
# Within one try: after an error status yfinance changes its cookie and asks again, and when a
# connection it reuses is closed without a word, curl opens another.
ASKED_TWICE = {"500", "502 with a page", "503", "an internal error", "closed before answering"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_a_pause_and_nothing_else(server, cache, clock, fault):
    whole = source(server, cache).bars(["SPY"], **SPRING)
    server.journal.clear()
    times = 2 if fault in ASKED_TWICE else 1
    server.misbehave(FAULTS[fault], times=times, path=CHART)
    # Only silence is waited out: the other answers come, however busy the machine is.
    timeout = 0.4 if fault == "silence" else 10.0
    bars = source(server, cache, timeout_seconds=timeout).bars(["SPY"], **SPRING)
    assert bars.digest() == whole.digest()
    assert len(server.calls(CHART)) == times + 1
    assert clock.slept == [1.0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_unavailable_after_three_tries(server, cache, fault):
    server.misbehave(FAULTS[fault], times=does.FOR_EVER, path=CHART)
    with pytest.raises(Unavailable, match=r"^Yahoo .*\(3 tries\)\. Try again later\."):
        source(server, cache, timeout_seconds=0.2).bars(["SPY"], **SPRING)
    tries = 6 if fault in ASKED_TWICE else 3
    assert len(server.calls(CHART)) == tries


@pytest.mark.parametrize(
    "fault",
    ["500", "a page for an answer", "an empty answer", "closed before answering", "silence"],
)
def test_a_chart_is_read_although_cookie_and_crumb_fail(server, cache, fault):
    for path in ("fc.yahoo.com", "getcrumb", "consent"):
        server.misbehave(FAULTS[fault], times=does.FOR_EVER, path=path)
    assert len(source(server, cache, timeout_seconds=0.3).bars(["SPY"], **SPRING)) == 64


def test_total_silence_ends_by_our_time_out_not_by_those_built_into_yfinance(server, cache):
    server.misbehave(does.silent, times=does.FOR_EVER)
    yahoo = source(server, cache, timeout_seconds=0.1)
    ended: queue.Queue[str] = queue.Queue()

    def read() -> None:
        with pytest.raises(Unavailable) as caught:
            yahoo.bars(["SPY"], **SPRING)
        ended.put(str(caught.value))

    threading.Thread(target=read, daemon=True).start()
    # yfinance would wait 30 s for each cookie and crumb; the server is silent to all of them.
    assert "did not answer within 0.1 s (3 tries)" in ended.get(timeout=20)


def test_nobody_listening_is_unavailable(clock, cache):
    with YahooChart(clock) as server:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        source(server, cache).bars(["SPY"], **SPRING)


def test_a_failed_answer_is_not_kept_for_the_next_question(server, cache):
    yahoo = source(server, cache)
    server.misbehave(does.html(500), times=6, path=CHART)
    with pytest.raises(Unavailable):
        yahoo.bars(["SPY"], **SPRING)
    assert len(yahoo.bars(["SPY"], **SPRING)) == 64


def test_a_rate_limit_is_said_and_not_stormed(server, cache, clock):
    server.misbehave(does.status(429, "Too Many Requests"), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="Yahoo limits how often"):
        source(server, cache).bars(["SPY"], **SPRING)
    assert len(server.calls(CHART)) == 2  # yfinance's own second look
    assert clock.slept == []


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_address_is_said(server, cache, code):
    server.misbehave(does.html(code), times=does.FOR_EVER, path=CHART)
    with pytest.raises(Unavailable, match=r"Yahoo .*(refuses|answered)"):
        source(server, cache).bars(["SPY"], **SPRING)


# Names and ranges


@pytest.mark.parametrize(
    ("symbol", "error", "message"),
    [
        ("NOSUCH", UnknownName, "'NOSUCH' does not exist.*what trades in New York now"),
        ("BRK-B", UnknownName, "Did you mean 'BRK.B'"),
        ("spy", UnknownName, "Did you mean 'SPY'"),
        ("SPY QQQ", UnknownName, "Check the spelling"),
        ("../evil", UnknownName, "Check the spelling"),
        ("BTC-USD", BadInput, "outside New York's sessions.*source bybit"),
        ("EURUSD=X", BadInput, "outside New York's sessions"),
        ("VOD1", BadInput, "by the clock of Europe/London"),
    ],
)
def test_a_symbol_it_does_not_have_is_named(server, cache, symbol, error, message):
    with pytest.raises(error, match=message):
        source(server, cache).bars(["SPY", symbol], **SPRING)


def test_an_unknown_symbol_is_not_asked_for_again_and_again(server, cache, clock):
    with pytest.raises(UnknownName):
        source(server, cache).bars(["NOSUCH"], **SPRING)
    assert len(server.calls(CHART)) == 2  # yfinance's own second look
    assert clock.slept == []


def test_a_symbol_without_bars_in_the_range_is_a_column_of_unknowns(server, cache):
    bars = source(server, cache).bars(
        ["SPY", "GONE", "ARKB"], start=date(2022, 3, 1), end=date(2022, 5, 2)
    )
    assert not np.isnan(bars.close[:, 0]).any()
    assert np.isnan(bars.close[:, 1:]).all()


@pytest.mark.parametrize(
    ("says", "symbols", "start", "end", "message"),
    [
        ("before it was listed", ["ARKB"], date(2023, 1, 3), None, "ARKB before 2024-01-11"),
        (
            "all before it was listed",
            ["ARKB"],
            date(2023, 1, 3),
            date(2023, 6, 1),
            "ARKB before 2024-01-11",
        ),
        ("before the calendar", ["IBM"], date(1985, 1, 2), None, "no bars before 1990-01-02"),
        ("in the future", ["SPY"], None, date(2024, 7, 9), "no bars after 2024-07-02"),
    ],
)
def test_a_range_without_data_says_what_there_is(server, cache, says, symbols, start, end, message):
    with pytest.raises(RangeUnavailable, match=message):
        source(server, cache).bars(symbols, start=start, end=end)


def test_a_range_after_a_delisting_is_empty_and_no_error(server, cache):
    bars = source(server, cache).bars(["GONE"], start=date(2022, 1, 3), end=date(2022, 3, 1))
    assert bars.close.shape == (0, 1)


def test_nothing_asked_for_asks_nothing(server, cache):
    assert source(server, cache).bars([], **SPRING).close.shape == (0, 0)
    assert server.journal == []


# Schema drift and bad rows


def change_chart(server, change):
    def act(answer):
        change(answer["chart"]["result"][0])
        return answer

    server.misbehave(does.changed(act), path=CHART)


def test_unknown_fields_are_ignored(server, cache):
    whole = source(server, cache).bars(["SPY"], **SPRING)
    change_chart(
        server, lambda chart: (chart.update(new={"x": 1}), chart["meta"].update(newer=None))
    )
    assert source(server, cache).bars(["SPY"], **SPRING).digest() == whole.digest()


def test_meta_may_be_missing(server, cache):
    change_chart(server, lambda chart: chart.pop("meta"))
    assert len(source(server, cache).bars(["SPY"], **SPRING)) == 64


def test_null_volumes_are_unknown_not_zero(server, cache):
    def spoil(chart):
        chart["indicators"]["quote"][0]["volume"][3] = None

    change_chart(server, spoil)
    bars = source(server, cache).bars(["SPY"], **SPRING)
    assert np.flatnonzero(np.isnan(bars.volume[:, 0])).tolist() == [3]
    assert [f.rule for f in bars.findings] == ["missing_volume"]


def test_null_rows_zeros_and_lost_adjusted_closes_are_dropped_and_counted(server, cache):
    def spoil(chart):
        quote = chart["indicators"]["quote"][0]
        for column in quote.values():
            column[3] = None
        quote["close"][4] = 0.0
        chart["indicators"]["adjclose"][0]["adjclose"][5] = None

    change_chart(server, spoil)
    bars = source(server, cache).bars(["SPY"], **SPRING)
    assert np.flatnonzero(np.isnan(bars.close[:, 0])).tolist() == [3, 4, 5]
    dropped = sum(f.count for f in bars.findings if f.action == "dropped")
    assert dropped == 3


def test_without_adjusted_closes_nothing_passes_for_adjusted(server, cache):
    def strip(answer):
        del answer["chart"]["result"][0]["indicators"]["adjclose"]
        return answer

    server.misbehave(does.changed(strip), times=does.FOR_EVER, path=CHART)
    with pytest.raises(Unavailable, match="columns missing"):
        source(server, cache).bars(["SPY"], **SPRING)
    bars = source(server, cache).bars(["SPY"], adjustment="split_adjusted", **SPRING)
    assert len(bars) == 64


def test_the_running_day_sent_twice_is_its_last_row_and_counted(server, cache):
    def twice(chart):
        quote, adjusted = chart["indicators"]["quote"][0], chart["indicators"]["adjclose"][0]
        chart["timestamp"].append(chart["timestamp"][-1] + 60)
        for column in (*quote.values(), *adjusted.values()):
            column.append(column[-1] * 1.001)

    whole = source(server, cache).bars(["SPY"], start=date(2024, 6, 3))
    change_chart(server, twice)
    bars = source(server, cache).bars(["SPY"], start=date(2024, 6, 3))
    assert len(bars) == len(whole)
    assert bars.close[-1, 0] == pytest.approx(whole.close[-1, 0] * 1.001)
    assert [f.rule for f in bars.findings] == ["duplicate_session"]


def test_rows_out_of_order_are_put_right_and_counted(server, cache):
    whole = source(server, cache).bars(["SPY"], **SPRING)

    def shuffle(chart):
        quote, adjusted = chart["indicators"]["quote"][0], chart["indicators"]["adjclose"][0]
        for column in (chart["timestamp"], *quote.values(), *adjusted.values()):
            column[0], column[1] = column[1], column[0]

    change_chart(server, shuffle)
    bars = source(server, cache).bars(["SPY"], **SPRING)
    assert bars.digest() == whole.digest()
    assert [f.rule for f in bars.findings] == ["out_of_order"]


def test_dates_that_cannot_be_read_are_refused(server, cache):
    change_chart(server, lambda chart: chart["timestamp"].__setitem__(3, "yesterday"))
    with pytest.raises(Unavailable, match="dates cannot be read"):
        source(server, cache).bars(["SPY"], **SPRING)
