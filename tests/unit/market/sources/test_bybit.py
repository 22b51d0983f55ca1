"""BybitSource through the real pybit against a server that misbehaves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from core.errors import (
    BadInput,
    Cancelled,
    NeedsOperator,
    RangeUnavailable,
    Unavailable,
    UnknownName,
)
from core.market.sources.bybit import BybitSource
from tests.fakes import bybit_market
from tests.fakes import misbehaviour as does
from tests.fakes.bybit_market import BybitMarket, Perpetual, rate_limited, refused
from tests.fakes.clock import VirtualClock
from tests.unit.market.sources.watcher import Watcher

KLINE = "/v5/market/kline"
FUNDING = "/v5/market/funding/history"
INTEREST = "/v5/market/open-interest"
INSTRUMENTS = "/v5/market/instruments-info"
SPRING = {"start": date(2024, 3, 1), "end": date(2024, 5, 31)}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-07-02T15:00:00")


@pytest.fixture
def server(clock: VirtualClock) -> Iterator[BybitMarket]:
    with BybitMarket(clock) as fake:
        yield fake


def source(server: BybitMarket, timeout_seconds: float = 5.0, **changes) -> BybitSource:
    settings = {"url": server.url, "clock": server.clock, "sleep": server.clock.sleep}
    return BybitSource(timeout_seconds=timeout_seconds, **(settings | changes))


# Bars


def test_bars_are_the_servers_oldest_first_without_findings(server):
    bars = source(server).bars(["ETHUSDT", "BTCUSDT"], **SPRING)
    for symbol in ("ETHUSDT", "BTCUSDT"):
        sent = server.bars(symbol).between(*SPRING.values())
        np.testing.assert_array_equal(bars.sessions, sent.sessions)
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(bars, name)[:, bars.column(symbol)]
            np.testing.assert_array_equal(column, getattr(sent, name))
    assert bars.symbols == ("ETHUSDT", "BTCUSDT")
    assert bars.calendar == "24/7"
    assert bars.findings == ()


def test_a_perpetual_has_no_adjustments_so_all_three_are_the_same_bars(server):
    bybit = source(server)
    bars = {
        kind: bybit.bars(["BTCUSDT"], adjustment=kind, **SPRING) for kind in ("adjusted", "raw")
    }
    assert bars["adjusted"].digest() == bars["raw"].digest()
    assert {kind: b.provenance.adjustment for kind, b in bars.items()} == {
        "adjusted": "adjusted",
        "raw": "raw",
    }


@pytest.mark.parametrize(
    ("keeps", "page_cap"), [("newest", 1000), ("oldest", 1000), ("newest", 300)]
)
def test_pages_are_joined_exactly_once_whatever_end_the_server_cuts_off(clock, keeps, page_cap):
    with BybitMarket(clock, keeps=keeps, page_cap=page_cap) as server:
        bars = source(server).bars(["BTCUSDT"])
        sent = server.bars("BTCUSDT")
    np.testing.assert_array_equal(bars.sessions, sent.sessions)
    np.testing.assert_array_equal(bars.close[:, 0], sent.close)
    assert bars.findings == ()


@pytest.mark.slow
def test_twelve_perpetuals_over_twelve_years_take_the_pages_they_need():
    clock = VirtualClock("2028-01-03T12:00:00")
    listed = [Perpetual(f"C{n:02d}USDT", date(2015, 1, 1)) for n in range(12)]
    with BybitMarket(clock, perpetuals=listed) as server:
        watcher = Watcher()
        bars = source(server, timeout_seconds=30).bars(
            [p.symbol for p in listed],
            start=date(2016, 1, 1),
            end=date(2027, 12, 31),
            progress=watcher,
        )
        assert len(server.calls(KLINE)) == 12 * 5  # 4,383 days
        assert len(server.calls(INSTRUMENTS)) == 1
    assert bars.close.shape == (4383, 12)
    assert not np.isnan(bars.close).any()
    assert watcher.shares == sorted(watcher.shares)
    assert (watcher.shares[0], watcher.shares[-1]) == (0.0, 1.0)


def test_the_running_day_is_the_provisional_last_bar(server, clock):
    bybit = source(server)
    bars = bybit.bars(["BTCUSDT"])
    assert bars.provisional
    assert bars.sessions[-1].item() == date(2024, 7, 2)
    assert not bybit.bars(["BTCUSDT"], end=date(2024, 7, 1)).provisional
    clock.advance(9 * 3600)  # midnight
    assert bybit.bars(["BTCUSDT"], start=date(2024, 7, 1)).sessions[-1].item() == date(2024, 7, 3)


@pytest.mark.parametrize(
    ("says", "ahead_seconds", "last", "provisional"),
    [
        ("our clock is past midnight, Bybit's is not", -120, date(2024, 7, 2), True),
        ("both are past it: the new day is the last bar", 0, date(2024, 7, 3), True),
    ],
)
def test_a_fast_local_clock_settles_no_bar_early(says, ahead_seconds, last, provisional):
    clock = VirtualClock("2024-07-03T00:01:00")
    with BybitMarket(clock, ahead_seconds=ahead_seconds) as server:
        bars = source(server).bars(["BTCUSDT"], start=date(2024, 6, 1))
    assert bars.sessions[-1].item() == last
    assert bars.provisional is provisional


def test_a_slow_local_clock_reads_no_bar_of_tomorrow():
    clock = VirtualClock("2024-07-02T23:59:00")
    with BybitMarket(clock, ahead_seconds=120) as server:
        bars = source(server).bars(["BTCUSDT"], start=date(2024, 6, 1))
    assert bars.sessions[-1].item() == date(2024, 7, 2)
    assert bars.provisional


def test_a_symbol_it_never_had_is_named_with_its_nearest(server):
    with pytest.raises(UnknownName, match="Did you mean 'BTCUSDT'"):
        source(server).bars(["BTCUSD"])
    assert server.calls(KLINE) == []


def test_dated_futures_are_no_perpetuals(server):
    with pytest.raises(UnknownName):
        source(server).bars(["BTCUSDT-27SEP24"])


def test_the_list_of_perpetuals_is_read_once_and_again_for_a_new_name(server):
    bybit = source(server)
    bybit.bars(["BTCUSDT"], **SPRING)
    bybit.bars(["ETHUSDT"], **SPRING)
    assert len(server.calls(INSTRUMENTS)) == 1
    server.perpetuals["NEWUSDT"] = Perpetual("NEWUSDT", date(2024, 7, 1))
    assert len(bybit.bars(["NEWUSDT"])) == 2
    assert len(server.calls(INSTRUMENTS)) == 2


@pytest.mark.parametrize(
    ("says", "symbols", "start", "end", "message"),
    [
        ("before it was listed", ["WIFUSDT"], date(2023, 1, 1), None, "WIFUSDT before 2024-03-01"),
        (
            "all before it was listed",
            ["WIFUSDT"],
            date(2023, 1, 1),
            date(2023, 6, 1),
            "WIFUSDT before 2024-03-01",
        ),
        ("in the future", ["BTCUSDT"], None, date(2024, 7, 3), "no bars after 2024-07-02"),
    ],
)
def test_a_range_without_data_says_what_there_is(server, says, symbols, start, end, message):
    with pytest.raises(RangeUnavailable, match=message):
        source(server).bars(symbols, start=start, end=end)


def test_a_perpetual_listed_later_is_a_column_of_unknowns(server):
    bars = source(server).bars(["BTCUSDT", "WIFUSDT"], start=date(2023, 1, 1), end=date(2023, 2, 1))
    assert not np.isnan(bars.close[:, 0]).any()
    assert np.isnan(bars.close[:, 1]).all()


def test_a_day_missing_at_the_start_is_no_late_listing(server):
    def skip_first_day(answer):
        answer["result"]["list"].pop()
        return answer

    server.misbehave(does.changed(skip_first_day), path=KLINE)
    server.misbehave(does.other_json({"retCode": 0, "result": {"list": []}, "time": 0}), path=KLINE)
    bars = source(server).bars(["BTCUSDT"], **SPRING)
    assert bars.sessions[0].item() == date(2024, 3, 2)


# Funding, open interest, instruments


def test_funding_is_every_settlement_once_across_a_change_of_interval(server):
    funding = source(server).funding("WIFUSDT", start=date(2024, 4, 20), end=date(2024, 6, 9))
    now = int(server.now().timestamp() * 1000)
    low, high = (
        int(datetime(2024, m, d, tzinfo=UTC).timestamp() * 1000) for m, d in ((4, 20), (6, 10))
    )
    stamps = [s for s in server.perpetuals["WIFUSDT"].settlements(now) if low <= s < high]
    np.testing.assert_array_equal(funding.settled, np.array(stamps).astype("datetime64[ms]"))
    assert funding.rate.tolist() == [float(bybit_market.rate(s)) for s in stamps]
    gaps = np.unique(np.diff(funding.settled)).astype("timedelta64[h]").astype(int)
    assert gaps.tolist() == [1, 8]
    assert len(stamps) == 11 * 3 + 40 * 24
    assert len(server.calls(FUNDING)) == 5  # 993 settlements, 200 a page


def test_thirty_days_of_hourly_funding_are_four_pages(server):
    funding = source(server).funding("WIFUSDT", start=date(2024, 6, 1), end=date(2024, 6, 30))
    assert len(funding.rate) == 720
    assert len(server.calls(FUNDING)) == 4


def test_funding_never_asks_by_its_start_alone_and_does_not_trust_an_overfull_range(clock):
    with BybitMarket(clock, keeps="oldest") as server:
        funding = source(server).funding("BTCUSDT", start=date(2024, 1, 1), end=date(2024, 6, 30))
    assert len(funding.rate) == 3 * 182
    assert np.all(np.diff(funding.settled) == np.timedelta64(8, "h"))


def test_funding_from_before_the_listing_begins_with_the_listing(server):
    funding = source(server).funding("WIFUSDT", start=date(2020, 1, 1), end=date(2024, 3, 2))
    assert funding.settled[0] == np.datetime64("2024-03-01T00:00")


def test_an_empty_rate_is_unknown_not_zero(server):
    def spoil(answer):
        answer["result"]["list"][0]["fundingRate"] = ""
        return answer

    server.misbehave(does.changed(spoil), path=FUNDING)
    funding = source(server).funding("BTCUSDT", start=date(2024, 6, 29), end=date(2024, 6, 30))
    assert np.isnan(funding.rate).tolist() == [False] * 5 + [True]


def test_open_interest_is_every_day_once_over_pages(server):
    interest = source(server).open_interest(
        "BTCUSDT", start=date(2023, 1, 1), end=date(2024, 6, 30)
    )
    days = np.arange(np.datetime64("2023-01-01"), np.datetime64("2024-07-01"))
    np.testing.assert_array_equal(interest.at, days.astype("datetime64[ms]"))
    stamp = int(interest.at[7].astype(np.int64))
    assert interest.base[7] == float(bybit_market.open_interest(stamp))
    assert len(server.calls(INTEREST)) == 3  # 547 days, 200 a page


def test_every_instrument_is_read_over_pages(clock):
    filler = [Perpetual(f"X{n:04d}USDT", date(2022, 1, 1)) for n in range(2_300)]
    with BybitMarket(clock, perpetuals=[*bybit_market.LISTED, *filler]) as server:
        instruments = source(server).instruments()
        assert len(server.calls(INSTRUMENTS)) == 3
    names = [i.symbol for i in instruments]
    assert names == sorted(set(names))
    assert len(names) == 2_303


def test_an_instrument_holds_the_venues_exact_text(server):
    [wif] = [i for i in source(server).instruments() if i.symbol == "WIFUSDT"]
    assert (wif.base, wif.quote, wif.status) == ("WIF", "USDT", "Trading")
    assert (wif.tick_size, wif.quantity_step, wif.min_quantity) == ("0.0001", "0.001", "0.001")
    assert (wif.min_notional, wif.max_leverage) == ("5", "100.00")
    assert (wif.funding_interval_minutes, wif.listed) == (60, date(2024, 3, 1))


def test_symbols_lists_the_perpetuals(server):
    symbols = source(server).symbols()
    assert len(symbols) == 623
    assert "BTCUSDT" in symbols
    assert symbols == tuple(sorted(symbols))


def test_an_odd_instrument_does_not_cost_the_list(server, caplog):
    def spoil(answer):
        rows = answer["result"]["list"]
        rows[0]["launchTime"] = ""
        rows[0]["fundingInterval"] = ""
        rows[0]["leverageFilter"]["maxLeverage"] = ""
        rows[0]["lotSizeFilter"]["minNotionalValue"] = None
        rows[0]["brandNew"] = {"deep": [1]}
        rows[2]["priceFilter"]["tickSize"] = ""
        rows[3] = "not an object"
        return answer

    server.misbehave(does.changed(spoil), path=INSTRUMENTS)
    instruments = {i.symbol: i for i in source(server).instruments()}
    assert len(instruments) == 621
    first = instruments["BTCUSDT"]
    assert (first.listed, first.funding_interval_minutes) == (None, None)
    assert (first.max_leverage, first.min_notional) == (None, None)
    assert "left out" in caplog.text


@pytest.mark.parametrize(
    "read",
    [lambda bybit: bybit.instruments(), lambda bybit: bybit.open_interest("BTCUSDT", **SPRING)],
)
def test_pages_that_run_in_a_circle_are_refused(server, read):
    bybit = source(server)
    bybit.instruments()
    again = {"retCode": 0, "result": {"list": [], "nextPageCursor": "again"}, "time": 1}
    server.misbehave(does.other_json(again), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="circle"):
        read(bybit)


def test_funding_that_does_not_go_back_in_time_is_refused(server):
    bybit = source(server)
    bybit.instruments()
    row = {"fundingRate": "0.0001", "fundingRateTimestamp": "1719900000000"}
    server.misbehave(
        does.other_json({"retCode": 0, "result": {"list": [row]}, "time": 1}), times=does.FOR_EVER
    )
    with pytest.raises(Unavailable, match="after the time asked for"):
        bybit.funding("BTCUSDT", **SPRING)


# Faults that pass, and that do not

FAULTS = does.ANY_SERVER | {
    "a number for an answer": does.other_json(7),
    "a code without a message": does.other_json({"retCode": 10016}),
    "no result": does.other_json({"retCode": 0, "retMsg": "OK"}),
    "a result without a list": does.other_json({"retCode": 0, "retMsg": "OK", "result": {}}),
    "server error 10016": refused(10016, "Server error."),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_costs_one_more_request_and_nothing_else(server, clock, fault):
    whole = source(server).bars(["BTCUSDT"], **SPRING)
    server.journal.clear()
    server.misbehave(FAULTS[fault], path=KLINE)
    # Only silence is waited out: the other answers come, however busy the machine is.
    timeout = 0.3 if fault == "silence" else 10.0
    bars = source(server, timeout_seconds=timeout).bars(["BTCUSDT"], **SPRING)
    assert bars.digest() == whole.digest()
    assert len(server.calls(KLINE)) == 2
    assert clock.slept == [1.0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_unavailable_after_four_tries(server, fault):
    server.misbehave(FAULTS[fault], times=does.FOR_EVER, path=KLINE)
    with pytest.raises(Unavailable, match=r"^Bybit .*\(4 tries\)\. Try again later\."):
        source(server, timeout_seconds=0.2).bars(["BTCUSDT"], **SPRING)
    assert len(server.calls(KLINE)) == 4


@pytest.mark.parametrize("path", [FUNDING, INTEREST, INSTRUMENTS])
def test_every_other_question_is_as_patient(server, path):
    bybit = source(server)
    bybit.instruments()
    server.journal.clear()
    server.misbehave(does.html(502), path=path)
    {
        FUNDING: lambda: bybit.funding("BTCUSDT", **SPRING),
        INTEREST: lambda: bybit.open_interest("BTCUSDT", **SPRING),
        INSTRUMENTS: bybit.instruments,
    }[path]()
    assert len(server.calls(path)) >= 2


def test_nobody_listening_is_unavailable(clock):
    with BybitMarket(clock) as server:
        pass
    with pytest.raises(Unavailable, match="cannot be reached"):
        source(server).bars(["BTCUSDT"], **SPRING)


# Rate limits and refusals


def test_a_rate_limit_is_waited_for_told_and_asked_once_more(server, clock):
    server.misbehave(rate_limited(20), path=KLINE)
    begun, watcher = clock(), Watcher()
    assert len(source(server).bars(["BTCUSDT"], progress=watcher, **SPRING)) == 92
    assert 19 <= (clock() - begun).total_seconds() <= 21
    assert len(server.calls(KLINE)) == 2
    assert any("limits how often" in told for told in watcher.told)
    assert watcher.shares == sorted(watcher.shares)


@pytest.mark.parametrize("ahead", [-300, None])
def test_a_reset_stamp_in_the_past_or_none_is_no_crash_and_no_storm(server, ahead):
    server.misbehave(rate_limited(ahead), times=3, path=KLINE)
    source(server).bars(["BTCUSDT"], **SPRING)
    waits = np.diff([call.at.timestamp() for call in server.calls(KLINE)])
    assert waits.tolist() == [1, 2, 4]


def test_a_rate_limit_for_ever_ends(server, clock):
    server.misbehave(rate_limited(2), times=does.FOR_EVER, path=KLINE)
    begun = clock()
    with pytest.raises(Unavailable, match="limits how often"):
        source(server).bars(["BTCUSDT"], **SPRING)
    assert (clock() - begun).total_seconds() <= 120
    assert len(server.calls(KLINE)) <= 8


def test_cancelling_while_it_waits_stops_at_once(server, clock):
    server.misbehave(rate_limited(60), path=KLINE)
    with pytest.raises(Cancelled):
        source(server).bars(["BTCUSDT"], progress=Watcher(patience=3), **SPRING)
    assert len(server.calls(KLINE)) == 1


def test_cancelling_between_pages_stops_asking(server):
    with pytest.raises(Cancelled):
        source(server).bars(["BTCUSDT"], progress=Watcher(patience=1))
    assert len(server.calls(KLINE)) == 1


def test_after_too_frequent_nothing_is_sent_for_ten_minutes(server, clock):
    bybit = source(server)
    server.misbehave(does.status(403, {"message": "access too frequent"}), path=KLINE)
    with pytest.raises(Unavailable, match=r"ten minutes, until 15:10 UTC"):
        bybit.bars(["BTCUSDT"], **SPRING)
    sent = len(server.journal)
    clock.advance(timedelta(minutes=9, seconds=59).total_seconds())
    with pytest.raises(Unavailable, match="ten minutes"):
        bybit.funding("BTCUSDT", **SPRING)
    assert len(server.journal) == sent
    clock.advance(1)
    assert len(bybit.bars(["BTCUSDT"], **SPRING)) == 92


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (refused(10002, "invalid request"), NeedsOperator, r"clock differs.*10002.*NTP"),
        (refused(10003, "API key is invalid"), NeedsOperator, "10003"),
        (refused(33004, "API key expired"), NeedsOperator, "33004"),
        (refused(10001, "params error"), BadInput, r"params error \(retCode 10001\)"),
        (refused(10029, "not on whitelist"), BadInput, "10029"),
        (refused(99999, "brand new"), Unavailable, r"brand new \(retCode 99999\)"),
        (does.status(404), NeedsOperator, "SLUICE_BYBIT_URL"),
        (does.status(418), Unavailable, "HTTP 418"),
    ],
)
def test_refusals_are_told_apart_and_not_asked_again(server, act, error, message):
    server.misbehave(act, times=2, path=KLINE)
    with pytest.raises(error, match=message):
        source(server).bars(["BTCUSDT"], **SPRING)
    assert len(server.calls(KLINE)) == 1


def test_a_wrong_address_is_named(server):
    with pytest.raises(NeedsOperator, match="SLUICE_BYBIT_URL"):
        source(server, url="api.bybit.com").instruments()


# Schema drift and bad rows


def change_klines(server, change):
    def act(answer):
        change(answer["result"]["list"])
        return answer

    server.misbehave(does.changed(act), path=KLINE)


def test_unknown_fields_are_ignored(server):
    whole = source(server).bars(["BTCUSDT"], **SPRING)
    change_klines(server, lambda rows: [row.append("brand new") for row in rows])
    assert source(server).bars(["BTCUSDT"], **SPRING).digest() == whole.digest()


def test_an_answer_without_its_clock_is_read_by_ours(server):
    def strip(answer):
        del answer["time"]
        return answer

    server.misbehave(does.changed(strip), path=KLINE)
    assert source(server).bars(["BTCUSDT"], start=date(2024, 6, 1)).provisional


def test_empty_and_missing_numbers_are_unknown_not_zero(server):
    def spoil(rows):
        rows[0][5] = ""
        rows[1][4] = ""
        del rows[2][5:]

    change_klines(server, spoil)
    bars = source(server).bars(["BTCUSDT"], **SPRING)
    assert np.isnan(bars.volume[[-1, -3], 0]).all()
    assert np.isnan(bars.close[-2, 0])
    rules = {f.rule: f.count for f in bars.findings}
    assert rules == {"missing_price": 1, "missing_volume": 2, "missing_session": 1}


def test_rows_repeated_and_out_of_order_are_put_right_and_counted(server):
    whole = source(server).bars(["BTCUSDT"], **SPRING)

    def shuffle(rows):
        rows[0], rows[1] = rows[1], rows[0]
        rows.append(rows[5])

    change_klines(server, shuffle)
    bars = source(server).bars(["BTCUSDT"], **SPRING)
    assert bars.digest() == whole.digest()
    assert {f.rule for f in bars.findings} == {"out_of_order", "duplicate_session"}


@pytest.mark.parametrize("stamp", ["", None, "noon"])
def test_times_that_cannot_be_read_are_refused(server, stamp):
    change_klines(server, lambda rows: rows[3].__setitem__(0, stamp))
    with pytest.raises(Unavailable, match="times cannot be read"):
        source(server).bars(["BTCUSDT"], **SPRING)


def test_pybit_leaves_no_log_handler_behind(server):
    logger = logging.getLogger("pybit._http_manager")
    root, handlers = list(logging.root.handlers), list(logger.handlers)
    logging.root.handlers.clear()  # pybit adds its own only then
    try:
        source(server).instruments()
        assert logger.handlers == handlers
    finally:
        logging.root.handlers[:] = root
