"""Capital: what is given and taken, from tabs that are behind and strategies that are over."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import BadInput
from core.flow.formats.native import from_json
from core.portfolio.ledger import RESERVE
from core.risk.limits import Limits
from core.trading.deploy import change_capital, deploy, undeploy
from core.trading.settle import settle
from tests.fakes.clock import VirtualClock

FLOW = from_json({"sluice": 1, "name": "Hold", "root": {"kind": "asset", "symbol": "SPY"}})


@pytest.fixture
def desk(services, monkeypatch):
    clock = VirtualClock(datetime(2026, 9, 1, 15, tzinfo=UTC))
    monkeypatch.setattr(services, "clock", clock)
    account = services.accounts.add(
        services.user.id, "Test", broker="paper", mode="paper", source="demo", slots=(10,),
        limits=Limits(), options={},
    )  # fmt: skip
    made = services.desk(account)
    settle(made, 0)
    return made


def cash(desk, book: str) -> Decimal:
    return desk.ledger.balances(desk.account.id).get(book, {}).get("USD", Decimal(0))


def test_two_tabs_that_ask_for_the_same_capital_give_it_once(desk, services):
    seen = deploy(desk, FLOW, services.flows.find, Decimal(1000))
    change_capital(desk, seen, Decimal(2000))
    desk.clock.advance(1)
    change_capital(desk, seen, Decimal(2000))  # the other tab still shows 1,000
    assert cash(desk, seen.book) == desk.deployments.by_id(seen.id).capital == 2000
    assert cash(desk, RESERVE) == 98_000


def test_two_changes_in_one_instant_are_two_changes(desk, services):
    made = deploy(desk, FLOW, services.flows.find, Decimal(1000))
    for capital in (2000, 1000, 2000):
        change_capital(desk, desk.deployments.by_id(made.id), Decimal(capital))
    assert cash(desk, made.book) == desk.deployments.by_id(made.id).capital == 2000


def test_a_stopped_strategy_is_given_nothing(desk, services):
    made = deploy(desk, FLOW, services.flows.find, Decimal(1000))
    undeploy(desk, made, liquidate=False)
    with pytest.raises(BadInput, match="stopped"):
        change_capital(desk, made, Decimal(2000))
    assert cash(desk, RESERVE) == 100_000
    assert cash(desk, made.book) == 0
