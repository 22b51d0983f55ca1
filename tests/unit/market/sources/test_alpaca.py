"""AlpacaSource through the real alpaca-py against a server that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from core.calendar import calendar
from core.errors import (
    BadInput,
    Cancelled,
    NeedsOperator,
    RangeUnavailable,
    Unavailable,
    UnknownName,
)
from core.market.sources.alpaca import AlpacaSource
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY, rate_limited
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing
from tests.unit.market.sources.watcher import Watcher

BARS = "/v2/stocks/bars"
SPRING = {"start": date(2024, 3, 1), "end": date(2024, 5, 31)}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-07-02T15:00:00")  # Tuesday, one and a half hours after the bell


@pytest.fixture
def server(clock: VirtualClock) -> Iterator[AlpacaData]:
    with AlpacaData(clock) as fake:
        yield fake


def source(server: AlpacaData, **changes) -> AlpacaSource:
    settings = {
        "key_id": KEY_ID,
        "secret_key": SECRET_KEY,
        "url": server.url,
        "clock": server.clock,
        "sleep": server.clock.sleep,
        "timeout_seconds": 5.0,
    }
    return AlpacaSource(**(settings | changes))


# What it reads


@pytest.mark.parametrize(
    ("adjustment", "word"), [("adjusted", "all"), ("split_adjusted", "split"), ("raw", "raw")]
)
def test_bars_are_the_servers_in_the_adjustment_asked_for(server, adjustment, word):
    bars = source(server).bars(["NVDA", "SPY"], adjustment=adjustment, **SPRING)
    for symbol in ("NVDA", "SPY"):
        sent = server.bars(symbol, word, "iex").between(*SPRING.values())
        np.testing.assert_array_equal(bars.sessions, sent.sessions)
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(bars, name)[:, bars.column(symbol)]
            np.testing.assert_array_equal(column, getattr(sent, name))
    assert server.journal[0].query["adjustment"] == word
    assert bars.provenance.adjustment == adjustment


def test_the_adjustments_differ_where_a_split_and_a_dividend_lie_ahead(server):
    alpaca = source(server)
    closes = {
        kind: alpaca.bars(["NVDA", "SPY"], adjustment=kind, **SPRING).close[-1]
        for kind in alpaca.info.adjustments
    }
    assert closes["raw"][0] == pytest.approx(10 * closes["split_adjusted"][0])
    assert closes["adjusted"][1] < closes["raw"][1] == closes["split_adjusted"][1]


@pytest.mark.parametrize("feed", ["iex", "sip"])
def test_the_feed_is_named_in_every_request_and_in_the_provenance(server, feed):
    bars = source(server, feed=feed).bars(["SPY"], **SPRING)
    assert {call.query["feed"] for call in server.journal} == {feed}
    assert bars.provenance.feed == feed
    assert bars.volume[0, 0] == server.bars("SPY", feed=feed).between(*SPRING.values()).volume[0]


def test_share_classes_are_written_with_a_dot(server):
    bars = source(server).bars(["BRK.B"], **SPRING)
    assert bars.symbols == ("BRK.B",)
    assert server.journal[0].query["symbols"] == "BRK.B"


def test_all_of_history_begins_in_2016_and_ends_with_the_running_session(server):
    bars = source(server).bars(["SPY"])
    assert bars.sessions[0].item() == date(2016, 1, 4)
    assert bars.sessions[-1].item() == date(2024, 7, 2)
    assert bars.provisional


def test_the_end_is_named_for_settled_days_and_left_open_for_today(server):
    source(server).bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 7, 1))
    source(server).bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 7, 2))
    named, left_open = (call.query.get("end") for call in server.journal)
    assert datetime.fromisoformat(named) == datetime.fromisoformat("2024-07-01T23:59:59-04:00")
    assert left_open is None


def test_the_running_session_is_provisional_until_its_close(server, clock):
    alpaca = source(server)
    assert alpaca.bars(["SPY"], start=date(2024, 6, 3)).provisional
    assert not alpaca.bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 7, 1)).provisional
    clock.advance(timedelta(hours=5).total_seconds())  # the closing bell, 20:00 UTC
    assert not alpaca.bars(["SPY"], start=date(2024, 6, 3)).provisional


def test_a_session_that_closes_while_it_is_read_stays_provisional(server, clock):
    clock.advance(timedelta(hours=4, minutes=59, seconds=50).total_seconds())
    server.misbehave(does.meanwhile(lambda: clock.advance(60)))
    bars = source(server).bars(["SPY"], start=date(2024, 6, 3))
    assert bars.provisional
    assert bars.provenance.as_of == clock()


# Pages


def test_pages_are_joined_exactly_once(server):
    symbols = ["SPY", "QQQ", "NVDA", "BRK.B", "THIN", "GONE"]
    bars = source(server).bars(symbols)
    assert len(server.journal) == 2  # about 11,700 bars
    for symbol in symbols:
        sent = server.bars(symbol, feed="iex")
        known = ~np.isnan(bars.close[:, bars.column(symbol)])
        np.testing.assert_array_equal(bars.sessions[known], sent.sessions)
        np.testing.assert_array_equal(bars.close[known, bars.column(symbol)], sent.close)
    assert {f.rule for f in bars.findings} == {"missing_session"}  # THIN's two, nothing else


@pytest.mark.slow
def test_sixty_symbols_over_twelve_years_take_the_pages_they_need():
    clock = VirtualClock("2028-01-03T12:00:00")
    listings = [Listing(f"T{n:02d}", date(2005, 1, 3)) for n in range(60)]
    start, end = date(2016, 1, 4), date(2027, 12, 31)
    sessions = len(calendar("XNYS").between(start, end))
    with AlpacaData(clock, listings=listings) as server:
        watcher = Watcher()
        bars = source(server, timeout_seconds=30).bars(
            [x.symbol for x in listings], start=start, end=end, progress=watcher
        )
        assert len(server.journal) == -(-60 * sessions // 10_000) == 19
    assert bars.close.shape == (sessions, 60)
    assert not np.isnan(bars.close).any()
    assert watcher.shares == sorted(watcher.shares)
    assert (watcher.shares[0], watcher.shares[-1]) == (0.0, 1.0)


def test_more_symbols_than_an_address_holds_are_asked_in_parts(clock):
    listings = [Listing(f"S{n:03d}", date(2020, 1, 2)) for n in range(120)]
    with AlpacaData(clock, listings=listings) as server:
        bars = source(server, timeout_seconds=30).bars([x.symbol for x in listings], **SPRING)
        assert [len(c.query["symbols"].split(",")) for c in server.journal] == [100, 20]
    assert not np.isnan(bars.close).any()


def test_a_failure_between_pages_loses_and_repeats_nothing(server):
    whole = source(server).bars(["SPY", "QQQ", "NVDA", "BRK.B", "THIN"])
    server.journal.clear()
    server.misbehave(does.meanwhile(lambda: None))
    server.misbehave(does.html(502))
    again = source(server).bars(["SPY", "QQQ", "NVDA", "BRK.B", "THIN"])
    assert again.digest() == whole.digest()
    tokens = [call.query.get("page_token") for call in server.journal]
    assert tokens[0] is None
    assert tokens[1] is not None
    assert tokens[1] == tokens[2]


def test_pages_that_run_in_a_circle_are_refused(server):
    page = does.other_json({"bars": {}, "next_page_token": "again"})
    server.misbehave(page, times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="circle"):
        source(server).bars(["SPY"], **SPRING)


def test_cancelling_between_pages_stops_asking(server):
    with pytest.raises(Cancelled):
        source(server).bars(
            ["SPY", "QQQ", "NVDA", "BRK.B", "THIN", "GONE"], progress=Watcher(patience=1)
        )
    assert len(server.journal) == 1


# Faults that pass, and that do not

FAULTS = does.ANY_SERVER | {
    "504": does.status(504),
    "an answer without bars": does.other_json({"message": "ok"}),
    "bars of another form": does.other_json({"bars": [1, 2], "next_page_token": None}),
    "a redirect": does.status(302, Location="https://example.com/"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_one_more_request_and_nothing_else(server, clock, fault):
    whole = source(server).bars(["SPY"], **SPRING)
    server.journal.clear()
    server.misbehave(FAULTS[fault])
    # Only silence is waited out: the other answers come, however busy the machine is.
    timeout = 0.3 if fault == "silence" else 10.0
    bars = source(server, timeout_seconds=timeout).bars(["SPY"], **SPRING)
    assert bars.digest() == whole.digest()
    assert len(server.journal) == 2
    assert clock.slept == [1.0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_unavailable_after_four_tries(server, fault):
    server.misbehave(FAULTS[fault], times=does.FOR_EVER)
    with pytest.raises(Unavailable, match=r"^Alpaca .*\(4 tries\)\. Try again later\."):
        source(server, timeout_seconds=0.2).bars(["SPY"], **SPRING)
    assert len(server.journal) == 4


def test_nobody_listening_is_unavailable(clock):
    with AlpacaData(clock) as server:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        source(server).bars(["SPY"], **SPRING)


def test_an_answer_slower_than_the_time_out_is_not_waited_for(server):
    server.misbehave(does.slow(30), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
        source(server, timeout_seconds=0.2).bars(["SPY"], **SPRING)


# Rate limits


def test_a_rate_limit_is_waited_for_told_and_asked_once_more(server, clock):
    server.misbehave(rate_limited(20))
    begun, watcher = clock(), Watcher()
    bars = source(server).bars(["SPY"], progress=watcher, **SPRING)
    assert len(bars) == 64
    assert len(server.journal) == 2  # alpaca-py's own retries would have made it more
    assert 19 <= (clock() - begun).total_seconds() <= 21
    assert any("limits how often" in told for told in watcher.told)
    assert watcher.shares == sorted(watcher.shares)


def test_a_reset_stamp_in_the_past_is_no_crash_and_no_storm(server, clock):
    server.misbehave(rate_limited(-300), times=3)
    source(server).bars(["SPY"], **SPRING)
    waits = np.diff([call.at.timestamp() for call in server.journal])
    assert waits.tolist() == [1, 2, 4]


def test_an_unreadable_reset_stamp_is_waited_for_a_little(server):
    server.misbehave(does.status(429, X_RateLimit_Reset="soon"))
    assert len(source(server).bars(["SPY"], **SPRING)) == 64


def test_a_rate_limit_for_ever_ends(server, clock):
    server.misbehave(rate_limited(50), times=does.FOR_EVER)
    begun = clock()
    with pytest.raises(Unavailable, match="limits how often"):
        source(server).bars(["SPY"], **SPRING)
    assert (clock() - begun).total_seconds() <= 120
    assert len(server.journal) == 3


def test_cancelling_while_it_waits_stops_at_once(server, clock):
    server.misbehave(rate_limited(50))
    with pytest.raises(Cancelled):
        source(server).bars(["SPY"], progress=Watcher(patience=3), **SPRING)
    assert sum(clock.slept) <= 3
    assert len(server.journal) == 1


def test_the_servers_own_limit_is_kept_to(clock):
    with AlpacaData(clock, requests_per_minute=2) as server:
        alpaca = source(server)
        digests = {alpaca.bars(["SPY"], **SPRING).digest() for _ in range(5)}
    assert len(digests) == 1


# What is refused


@pytest.mark.parametrize(
    ("key_id", "secret_key", "named"),
    [
        (None, None, "SLUICE_ALPACA_KEY_ID and SLUICE_ALPACA_SECRET_KEY"),
        (KEY_ID, None, "set SLUICE_ALPACA_SECRET_KEY"),
        ("", SECRET_KEY, r"set SLUICE_ALPACA_KEY_ID\."),
    ],
)
def test_missing_keys_are_named_and_nothing_is_sent(server, key_id, secret_key, named):
    with pytest.raises(NeedsOperator, match=named):
        source(server, key_id=key_id, secret_key=secret_key).bars(["SPY"], **SPRING)
    assert server.journal == []


def test_wrong_keys_need_a_person_and_are_tried_once(server):
    with pytest.raises(NeedsOperator, match="SLUICE_ALPACA_KEY_ID and SLUICE_ALPACA_SECRET_KEY"):
        source(server, secret_key="wrong").bars(["SPY"], **SPRING)
    assert len(server.journal) == 1


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            does.status(401, {"code": 40110000, "message": "request is not authorized"}),
            NeedsOperator,
            "HTTP 401: request is not authorized.*SLUICE_ALPACA_KEY_ID",
        ),
        (does.html(403), NeedsOperator, "SLUICE_ALPACA_KEY_ID"),
        (does.status(404), NeedsOperator, "SLUICE_ALPACA_DATA_URL"),
        (
            does.status(400, {"message": "invalid symbol: SPYY$"}),
            UnknownName,
            r"symbol 'SPYY\$' does not exist",
        ),
        (does.status(422, {"message": "bad parameter"}), BadInput, "HTTP 422: bad parameter"),
        (does.html(400), BadInput, "HTTP 400"),
        (does.status(418), Unavailable, "HTTP 418"),
    ],
)
def test_refusals_are_told_apart_and_not_asked_again(server, act, error, message):
    server.misbehave(act)
    with pytest.raises(error, match=message):
        source(server).bars(["SPY"], **SPRING)
    assert len(server.journal) == 1


def test_recent_sip_data_on_a_free_plan_says_choose_iex(server):
    said = "subscription does not permit querying recent SIP data"
    server.misbehave(does.status(403, {"message": said}))
    with pytest.raises(BadInput, match=r"SLUICE_ALPACA_FEED: .*'sip'.* Set it to iex"):
        source(server, feed="sip").bars(["SPY"], start=date(2024, 6, 3))


def test_old_sip_data_is_there_on_a_free_plan(server):
    bars = source(server, feed="sip").bars(["SPY"], start=date(2024, 6, 3), end=date(2024, 7, 1))
    assert bars.provenance.feed == "sip"


def test_a_wrong_address_is_named(server):
    with pytest.raises(NeedsOperator, match="SLUICE_ALPACA_DATA_URL"):
        source(server, url="data.alpaca.markets").bars(["SPY"], **SPRING)


@pytest.mark.parametrize(
    ("symbol", "fix"),
    [
        ("NOSUCH", "BRK.B"),
        ("BRK-B", "with a dot"),
        ("BTC/USD", "stocks and ETFs"),
        ("SPY,QQQ", "Check the spelling"),
        ("", "Check the spelling"),
        ("spy", "Did you mean 'SPY'"),
    ],
)
def test_a_symbol_it_never_had_is_named(server, symbol, fix):
    with pytest.raises(UnknownName, match=fix) as caught:
        source(server).bars(["SPY", symbol], **SPRING)
    assert caught.value.name == symbol


def test_a_symbol_without_bars_in_the_range_is_a_column_of_unknowns(server):
    bars = source(server).bars(
        ["SPY", "GONE", "ARKB"], start=date(2022, 3, 1), end=date(2022, 5, 2)
    )
    assert not np.isnan(bars.close[:, 0]).any()
    assert np.isnan(bars.close[:, 1:]).all()
    frames = [call.query["timeframe"] for call in server.journal]
    assert frames == ["1Day", "1Month"]  # one question more tells the missing from the unknown


@pytest.mark.parametrize(
    ("says", "symbols", "start", "end", "message"),
    [
        ("before 2016", ["SPY"], date(2015, 1, 2), None, "no bars before 2016-01-01"),
        ("before it was listed", ["ARKB"], date(2023, 1, 3), None, "of ARKB before 2024-01-11"),
        (
            "all before it was listed",
            ["ARKB"],
            date(2023, 1, 3),
            date(2023, 6, 1),
            "of ARKB before 2024-01-01",  # known to the month
        ),
        ("in the future", ["SPY"], None, date(2024, 7, 9), "no bars after 2024-07-02"),
    ],
)
def test_a_range_without_data_says_what_there_is(server, says, symbols, start, end, message):
    with pytest.raises(RangeUnavailable, match=message):
        source(server).bars(symbols, start=start, end=end)


def test_a_start_on_a_day_a_thin_symbol_did_not_trade_is_no_error(server):
    bars = source(server).bars(["THIN"], start=date(2024, 5, 1), end=date(2024, 5, 10))
    assert bars.sessions[0].item() == date(2024, 5, 3)


def test_a_range_after_a_delisting_is_empty_and_no_error(server):
    bars = source(server).bars(["GONE"], start=date(2022, 1, 3), end=date(2022, 3, 1))
    assert bars.close.shape == (0, 1)


def test_nothing_asked_for_asks_nothing(server):
    assert source(server).bars([], **SPRING).close.shape == (0, 0)
    weekend = source(server).bars(["SPY"], start=date(2024, 6, 1), end=date(2024, 6, 2))
    assert weekend.close.shape == (0, 1)
    assert server.journal == []


# Schema drift and bad rows


def test_unknown_fields_are_ignored(server):
    whole = source(server).bars(["SPY"], **SPRING)

    def add(page):
        page |= {"currency": "USD", "surprise": [1]}
        for bar in page["bars"]["SPY"]:
            bar["extra"] = {"deep": None}
        return page

    server.misbehave(does.changed(add))
    assert source(server).bars(["SPY"], **SPRING).digest() == whole.digest()


def test_missing_optional_fields_are_unknown_not_zero(server):
    def strip(page):
        for bar in page["bars"]["SPY"]:
            del bar["v"], bar["vw"], bar["n"]
        del page["next_page_token"]
        return page

    server.misbehave(does.changed(strip))
    bars = source(server).bars(["SPY"], **SPRING)
    assert np.isnan(bars.volume).all()
    assert not np.isnan(bars.close).any()
    assert [f.rule for f in bars.findings] == ["missing_volume"]


def test_null_bars_are_no_bars(server):
    server.misbehave(does.other_json({"bars": None, "next_page_token": None}))
    bars = source(server).bars(["SPY"], end=date(2024, 5, 31))
    assert bars.close.shape == (0, 1)


def test_a_price_missing_or_zero_is_dropped_and_counted(server):
    def spoil(page):
        page["bars"]["SPY"][3]["c"] = None
        page["bars"]["SPY"][4]["l"] = 0
        del page["bars"]["SPY"][5]["o"]
        return page

    server.misbehave(does.changed(spoil))
    bars = source(server).bars(["SPY"], **SPRING)
    assert np.flatnonzero(np.isnan(bars.close[:, 0])).tolist() == [3, 4, 5]
    dropped = {f.rule: f.count for f in bars.findings if f.action == "dropped"}
    assert dropped == {"missing_price": 2, "not_positive": 1}


def test_rows_repeated_and_out_of_order_are_put_right_and_counted(server):
    whole = source(server).bars(["SPY"], **SPRING)

    def shuffle(page):
        bars = page["bars"]["SPY"]
        page["bars"]["SPY"] = [bars[1], bars[0], *bars[2:], bars[7]]
        return page

    server.misbehave(does.changed(shuffle))
    bars = source(server).bars(["SPY"], **SPRING)
    assert bars.digest() == whole.digest()
    assert {f.rule for f in bars.findings} == {"out_of_order", "duplicate_session"}


@pytest.mark.parametrize("stamp", [None, "", "yesterday", 1719878400])
def test_dates_that_cannot_be_read_are_refused(server, stamp):
    def spoil(page):
        page["bars"]["SPY"][3]["t"] = stamp
        return page

    server.misbehave(does.changed(spoil))
    with pytest.raises(Unavailable, match="dates cannot be read"):
        source(server).bars(["SPY"], **SPRING)


def test_symbols_nobody_asked_for_are_ignored(server):
    whole = source(server).bars(["SPY"], **SPRING)
    server.misbehave(
        does.changed(lambda page: page | {"bars": page["bars"] | {"XXX": page["bars"]["SPY"]}})
    )
    assert source(server).bars(["SPY"], **SPRING).digest() == whole.digest()
