"""Rows 53 to 55, 72, 74, 79 and 80: the account, the stream, the database, keys."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import psutil
import pytest
from sqlalchemy import inspect, text

from core.brokers.alpaca.stream import AlpacaOrderStream
from core.db.embedded import EmbeddedPostgres
from core.errors import BadInput, NeedsOperator, Unavailable
from core.trading.open_account import NewAccount, open_account
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, fills
from tests.faults.stand import POST, Stand, flow, until

USER_REQUEST = {"code": 40310000, "message": "new orders are rejected by user request"}


def state(stand: Stand) -> str:
    return stand.services.accounts.by_id(stand.account.id).state


@pytest.mark.parametrize(
    "act",
    [
        does.status(403, USER_REQUEST),
        does.status(401, {"code": 40110000, "message": "request is not authorized"}),
    ],
    ids=["rejected by user request", "401"],
)
def test_053_an_account_that_is_refused_stops_and_others_go_on(stand: Stand, act: Any):
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    stand.deploy(**dict.fromkeys(symbols, 0.04))
    other = open_account(stand.services, NewAccount(name="other", broker="paper", source="demo"))
    stand.fake.misbehave(act, times=does.FOR_EVER, **POST)
    stand.window()
    assert 1 <= len(stand.fake.sent) <= 8  # the handful that was under way
    assert state(stand) == "halted"
    assert [said for said in stand.events() if "account_halted" in said]
    sent = len(stand.fake.sent)
    work = stand.work()
    for _ in range(5):
        work.tick()
        stand.clock.advance(10)
    assert len(stand.fake.sent) == sent
    assert stand.services.accounts.by_id(other.id).state == "active"
    stand.fake.behave()
    stand.check()


def test_053_keys_that_are_refused_are_told_of_once(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.keys = ("PKOTHER", "other")
    work = stand.work()
    before = len(stand.fake.journal)
    for _ in range(30):
        work.tick()
        stand.clock.advance(2)
    assert stand.fake.sent == []
    assert len(stand.events("window_failed")) == 1
    assert len([said for said in stand.events() if "window_failed" in said]) == 1
    assert len(stand.fake.journal) - before < 12
    stand.fake.keys = (KEY_ID, SECRET_KEY)
    stand.check()


def strange(answer: Any) -> Any:
    """A field nobody knows, an optional one gone, "" for an average price not there yet."""
    if isinstance(answer, list):
        return [strange(one) for one in answer]
    if isinstance(answer, dict) and "id" in answer:
        answer = {**answer, "brand_new": {"a": 1}}
        answer.pop("hwm", None)
        answer.pop("asset_class", None)
        if answer.get("filled_avg_price") is None and "filled_qty" in answer:
            answer["filled_avg_price"] = ""
    return answer


def test_054_fields_and_words_nobody_knows(stand: Stand, caplog):
    stand.fake.fill_as(fills.partly("10"))
    one = stand.deploy(AAA=0.3, BBB=0.3)
    for path in ("/v2/orders", "/v2/positions", "/v2/assets", "/v2/account"):
        stand.fake.misbehave(does.changed(strange), times=does.FOR_EVER, path=path)
    stand.window()
    assert stand.held(one) == {"AAA": 10, "BBB": 10}
    stand.fake.behave()

    def new_word(answer: Any) -> Any:
        return {**answer, "status": "held_for_lunch"}

    stand.fake.misbehave(does.changed(new_word), times=4, path="/v2/orders:by")
    stand.tend()
    stand.tend()
    assert set(stand.states().values()) == {"unrecognised"}
    said = [r for r in caplog.records if "word this Sluice does not know" in r.getMessage()]
    assert len(said) == 1
    for order in stand.fake.orders:
        stand.fake.fill(order.id)
    stand.tend()
    assert set(stand.states().values()) == {"filled"}
    assert len(stand.fake.sent) == 2
    stand.check()


@pytest.mark.slow
def test_055_a_stream_that_is_silent_closed_and_away(stand: Stand):
    stand.fake.fill_as(fills.never)
    one = stand.deploy(AAA=0.5)
    stand.window()
    (id_,) = stand.fake.sent_ids
    gate = stand.fake.stream.gate
    began = time.process_time()
    stream = AlpacaOrderStream(
        KEY_ID,
        SECRET_KEY,
        trading_url=stand.fake.url,
        stream_url=stand.fake.stream_url,
        silence_seconds=1.5,
        first_pause_seconds=1.0,
    )
    try:
        until(lambda: stream.connected and stand.fake.stream.listeners)
        gate.silence()
        until(lambda: not stream.connected)
        gate.open()
        until(lambda: stream.connected)
        assert stream.rebuilt >= 1
        accepted = gate.accepted
        gate.shut()
        until(lambda: not stream.connected)
        stand.fake.fill(id_, "10")  # while nobody listens
        gate.open()
        until(lambda: stream.connected)
        assert gate.accepted - accepted <= 3
        stand.tend()  # what polling after a rebuilt connection does
        assert stand.held(one) == {"AAA": 10}
    finally:
        stream.close()
    assert time.process_time() - began < 5
    stand.fake.fill(id_)
    stand.check()


def test_072_a_flow_edited_while_live_runs_as_deployed(stand: Stand):
    from core.trading.deploy import deploy

    desk = stand.desk()
    mutable = {"AAA": 0.5}
    library = {"inner": flow("inner", mutable)}
    one = deploy(desk, flow("one", mutable), library.__getitem__, Decimal(50_000))
    mutable["AAA"] = 0.1
    library["inner"] = flow("inner", {"BBB": 1.0})
    stand.window()
    (decision,) = stand.services.windows.decisions(
        stand.services.windows.of(stand.account.id)[0].id
    )
    assert decision.flow_hash == one.flow_hash
    assert [body["symbol"] for body in stand.fake.sent] == ["AAA"]
    assert stand.held(one)["AAA"] == stand.fake.position("AAA")
    stand.check()


@pytest.mark.slow
def test_074_postgres_restarts_in_the_middle_of_sending(stand: Stand):
    """What cannot be recorded is not sent; afterwards it reconciles and goes on."""
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    one = stand.deploy(**dict.fromkeys(symbols, 0.04))
    postgres = EmbeddedPostgres(stand.home)

    def kill_it() -> None:
        server = postgres.server()
        assert server is not None
        server.kill()
        psutil.wait_procs([server], 10)

    stand.fake.misbehave(does.meanwhile(kill_it), **POST)
    with pytest.raises(Unavailable):
        stand.window()
    sent = len(stand.fake.sent)
    assert 1 <= sent <= 8  # of the handful those that had been allowed
    stand.services.recover_database()
    until(lambda: stand.services.ping() is not None, seconds=60)
    stand.window()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 20
    assert stand.held(one).keys() == set(symbols)
    stand.check()


# -- keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "key", "url"),
    [
        ("paper", "AKLIVE", None),
        ("live", "PKPAPER", None),
        ("live", "AKLIVE", "https://paper-api.alpaca.markets"),
        ("paper", "PKPAPER", "https://api.alpaca.markets"),
    ],
)
def test_079_keys_and_addresses_of_two_kinds_are_refused(stand: Stand, mode, key, url):
    from core.bootstrap import Services

    more: dict[str, Any] = {} if url is None else {"alpaca_trading_url": url}
    settings = stand.settings().model_copy(update=more)
    stand.account  # noqa: B018  opened
    before = len(stand.fake.journal)
    keys = {"key_id": key, "secret_key": "secret"}
    wanted = NewAccount(
        name="mixed", broker="alpaca", mode=mode, source="demo", keys=keys, confirmed=True
    )
    refusals = (BadInput, NeedsOperator)  # the key's field, or the setting of the address
    with Services(settings, migrate=False) as services, pytest.raises(refusals) as refused:
        open_account(services, wanted)
    assert "secret" not in str(refused.value).replace("secret key", "")
    assert len(stand.fake.journal) == before
    assert [one.name for one in stand.services.accounts.all()] == ["alpha"]
    assert NewAccount(name="x").mode == "paper"


def test_079_keys_that_open_another_account_touch_no_order(stand: Stand):
    """There the broker would deny each of our orders: nothing is looked up, nothing sent again."""
    stand.fake.fill_as(fills.never)
    stand.deploy(AAA=0.5)
    stand.window()
    assert stand.states() == {"buy AAA": "accepted"}

    def another(answer: Any) -> Any:
        return {**answer, "account_number": "PA3OTHER0002"} if isinstance(answer, dict) else answer

    stand.fake.misbehave(does.changed(another), times=does.FOR_EVER, path="/v2/account")
    before = len(stand.fake.calls("/v2/orders"))
    work = stand.work()
    for _ in range(3):
        stand.clock.advance(70)
        work.tick()
    with pytest.raises(NeedsOperator, match=r"open another account \(…0002\)"):
        stand.settle()
    assert len(stand.fake.calls("/v2/orders")) == before
    assert stand.states() == {"buy AAA": "accepted"}
    (said,) = stand.events("window_failed")
    assert "another account" in said
    stand.fake.behave()
    stand.fake.fill(stand.fake.sent_ids[0])
    stand.clock.advance(70)
    work.tick()
    assert stand.states() == {"buy AAA": "filled"}
    stand.check()


@pytest.mark.slow
def test_080_keys_are_nowhere_to_be_found(processes: Stand):
    """After a refused login, a lost reply, a page, a crash: logs, outputs, tables, files, journal
    of the fake left aside."""
    stand = processes
    stand.deploy(AAA=0.4)
    texts: list[str] = []
    stand.fake.misbehave(does.instead(does.html(502)), **POST)
    stand.fake.misbehave(
        does.status(401, {"message": f"bad key {KEY_ID} {SECRET_KEY}"}), path="/v2/account"
    )
    for more in ({}, {"SLUICE_CRASH_AT": "sent"}, {"SLUICE_LOG_LEVEL": "DEBUG"}):
        child = stand.sluice("window", "run", "--json", **more)
        texts += [child.stdout, child.stderr]
    for command in (("holdings", "--json"), ("status", "--json"), ("account", "list", "--json")):
        child = stand.sluice(*command)
        texts += [child.stdout, child.stderr]
    scheduler = stand.start("jobs.scheduler", SLUICE_LOG_LEVEL="DEBUG")
    until(lambda: "leading" in scheduler.stderr)
    scheduler.terminate()
    assert scheduler.wait(10) == 0
    texts += [scheduler.stdout, scheduler.stderr]
    engine = stand.services.database.engine
    with engine.connect() as db:
        for table in inspect(engine).get_table_names():
            texts += [str(row) for row in db.execute(text(f'SELECT t::text FROM "{table}" t'))]
    logs = [p for p in stand.home.rglob("*") if p.is_file() and "postgres" not in p.parts]
    texts += [p.read_bytes().decode(errors="replace") for p in logs]
    assert "AAA" in "".join(texts)
    for secret in (KEY_ID, SECRET_KEY):
        found = [found for found in texts if secret in found]
        assert found == [], found[0][:300]
    assert len(stand.fake.orders) == 1
    stand.check()
