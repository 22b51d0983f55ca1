"""What fails in one strategy, in a way nobody foresaw, stays with it: the others trade."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from core.db.live_tables import deployments
from core.db.session import transaction
from core.portfolio.deployment import Deployment
from core.trading import decisions, plan
from tests.faults.stand import Stand


def outcomes(stand: Stand) -> dict[str, tuple[str, str]]:
    """What each strategy decided in the newest window, as it is stored."""
    names = {one.id: one.name for one in stand.services.deployments.of(stand.account.id)}
    window = stand.services.windows.of(stand.account.id)[0]
    assert window.state == "done"
    made = stand.services.windows.decisions(window.id)
    return {names[one.deployment_id]: (one.state, one.reason) for one in made}


def three(stand: Stand) -> tuple[Deployment, Deployment, Deployment]:
    """The middle one will fail: it holds AAA and would sell it."""
    before = stand.deploy(20_000, "first", BBB=0.5)
    middle = stand.deploy(20_000, "middle", AAA=0.5)
    after = stand.deploy(20_000, "last", CCC=0.5)
    stand.window()
    stand.next_session()
    stand.want(before, DDD=0.5)
    stand.want(middle, BBB=0.5)
    stand.want(after, DDD=0.5)
    fresh = {one.id: one for one in stand.services.deployments.of(stand.account.id)}
    return fresh[before.id], fresh[middle.id], fresh[after.id]


def holds_and_others_traded(stand: Stand, held: dict[str, Any], caplog: Any) -> None:
    first, middle, last = (
        one for name in ("first", "middle", "last")
        for one in stand.services.deployments.of(stand.account.id) if one.name == name
    )  # fmt: skip
    assert stand.held(middle) == held
    assert stand.held(first).keys() == stand.held(last).keys() == {"DDD"}
    sent = {(body["side"], body["symbol"]) for body in stand.fake.sent[3:]}
    assert sent == {("sell", "BBB"), ("sell", "CCC"), ("buy", "DDD")}
    state, reason = outcomes(stand)["middle"]
    assert state == "failed"
    assert "holds what it has" in reason
    (told,) = [said for said in stand.events() if said.startswith("strategy_failed")]
    assert "middle did not trade" in told
    (logged,) = [r for r in caplog.records if r.exc_info and "middle" in r.getMessage()]
    assert logged.levelname == "ERROR"
    stand.check()


def test_an_error_while_it_decides(stand: Stand, monkeypatch, caplog):
    _, middle, _ = three(stand)
    held = stand.held(middle)
    real = decisions.decide_one

    def broken(ready: Any, *args: Any, **more: Any) -> Any:
        if ready.flow.name == "middle":
            return 1 // 0
        return real(ready, *args, **more)

    monkeypatch.setattr(decisions, "decide_one", broken)
    stand.window()
    holds_and_others_traded(stand, held, caplog)
    assert "ZeroDivisionError" in outcomes(stand)["middle"][1]


@pytest.mark.parametrize(
    "broken",
    [{}, {"sluice": 1, "name": "x", "root": 7}, ["no", "flow"], {"sluice": 1, "root": None}],
    ids=["empty", "no root", "a list", "null"],
)
def test_a_stored_flow_that_is_broken(stand: Stand, caplog, broken: Any):
    """Whatever is in the row: where it is no flow, or one of a Sluice that knew other blocks."""
    _, middle, _ = three(stand)
    held = stand.held(middle)
    with transaction(stand.services.database.engine) as db:
        row = update(deployments).where(deployments.c.id == middle.id)
        db.execute(row.values(flow=broken, flow_hash="0" * 64))
    stand.window()
    state, reason = outcomes(stand)["middle"]
    assert state in ("aborted", "failed")
    assert reason
    assert stand.held(middle) == held
    sent = {(body["side"], body["symbol"]) for body in stand.fake.sent[3:]}
    assert sent == {("sell", "BBB"), ("sell", "CCC"), ("buy", "DDD")}
    assert [text for text in stand.events() if "middle did not trade" in text] or [
        text for text in stand.events("refused") if "middle did not trade" in text
    ]
    stand.check()


def test_a_reference_that_is_not_stored(stand: Stand, caplog):
    _, middle, _ = three(stand)
    held = stand.held(middle)
    root = {"kind": "strategy", "strategy": "gone"}
    with transaction(stand.services.database.engine) as db:
        row = update(deployments).where(deployments.c.id == middle.id)
        flow = {"sluice": 1, "name": "middle", "root": root}
        db.execute(row.values(flow=flow, flow_hash="1" * 64, references={}))
    stand.window()
    assert outcomes(stand)["middle"][0] in ("aborted", "failed")
    assert stand.held(middle) == held
    assert {("buy", "DDD")} <= {(body["side"], body["symbol"]) for body in stand.fake.sent[3:]}
    stand.check()


def test_an_error_while_its_orders_are_planned(stand: Stand, monkeypatch, caplog):
    _, middle, _ = three(stand)
    held = stand.held(middle)
    real = plan.wish

    def broken(book: str, *args: Any, **more: Any) -> Any:
        if book == middle.book:
            raise KeyError("a symbol nobody knows")
        return real(book, *args, **more)

    monkeypatch.setattr(plan, "wish", broken)
    stand.window()
    holds_and_others_traded(stand, held, caplog)


def test_bars_that_fail_for_one_of_them(stand: Stand, monkeypatch):
    _, middle, _ = three(stand)
    held = stand.held(middle)
    desk = stand.desk()
    real = desk.source.bars

    def bars(symbols: Any, **more: Any) -> Any:
        if "BBB" in symbols:
            raise ZeroDivisionError("a volume of zero")
        return real(symbols, **more)

    monkeypatch.setattr(desk.source, "bars", bars)
    stand.window(desk)
    assert outcomes(stand)["middle"][0] == "failed"
    assert stand.held(middle) == held
    stand.check()


def test_it_goes_on_by_itself_once_it_is_mended(stand: Stand, monkeypatch):
    one = stand.deploy(20_000, "one", AAA=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "decide_one", lambda *_, **__: 1 // 0)
        stand.window()
    assert stand.fake.sent == []
    assert outcomes(stand)["one"][0] == "failed"
    stand.next_session()
    stand.window()
    assert stand.held(one).keys() == {"AAA"}
    stand.check()


def test_at_night_one_that_fails_is_not_compared_and_the_others_are(stand: Stand, monkeypatch):
    """And however many there are, the market is read once."""
    for name, symbol in (("first", "AAA"), ("middle", "BBB"), ("last", "CCC")):
        stand.deploy(20_000, name, **{symbol: 0.5})
    stand.window()
    stand.at(minutes=-121)
    desk = stand.desk()
    real, read, asked = decisions.decide_one, desk.source.bars, []

    def broken(ready: Any, *args: Any, **more: Any) -> Any:
        return 1 // 0 if ready.flow.name == "middle" else real(ready, *args, **more)

    def bars(symbols: Any, **more: Any) -> Any:
        asked.append(tuple(symbols))
        return read(symbols, **more)

    monkeypatch.setattr(decisions, "decide_one", broken)
    monkeypatch.setattr(desk.source, "bars", bars)
    stand.work(desk).check_parity()
    names = {one.id: one.name for one in stand.services.deployments.of(stand.account.id)}
    found = stand.services.windows.parity(list(names))
    states = {names[row["deployment_id"]]: row["state"] for row in found}
    assert states == {"first": "equal", "middle": "not_comparable", "last": "equal"}
    assert ["ZeroDivisionError" in row["reason"] for row in found if row["reason"]] == [True]
    assert len(asked) == 1
    stand.check()
