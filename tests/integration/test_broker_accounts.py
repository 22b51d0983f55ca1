"""Broker accounts: whose keys open what, and who has it already. Page and terminal call the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from core.bootstrap import Services
from core.errors import BadInput, NeedsOperator, Unavailable, UnknownName
from core.flow.formats.native import from_json
from core.portfolio.equity import TOTAL
from core.settings import Settings
from core.trading.broker_account import (
    change_keys,
    check_connection,
    remove_account,
    require_own,
    try_keys,
)
from core.trading.deploy import deploy, undeploy
from core.trading.open_account import NewAccount, open_account
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading
from tests.fakes.clock import VirtualClock

KEYS = {"key_id": KEY_ID, "secret_key": SECRET_KEY}
OTHER_KEYS = {"key_id": "PKOTHER5KEYID7EXAMPL", "secret_key": "other0Secret1Of2The3Same4Account"}
LIVE_KEYS = {"key_id": "AKLIVE5KEYID7EXAMPLE", "secret_key": "live0Secret1Of2Another3Account"}


@pytest.fixture
def fake() -> Iterator[AlpacaTrading]:
    with AlpacaTrading(VirtualClock("2026-11-25T18:00:00"), requests_per_minute=10_000) as fake:
        yield fake


@pytest.fixture
def alpaca(services: Services, fake: AlpacaTrading) -> Iterator[Services]:
    """The services of a process whose Alpaca is the fake."""
    settings = Settings(
        home=services.settings.home, alpaca_trading_url=fake.url, alpaca_data_url=fake.url
    )
    with Services(settings, clock=fake.desk.clock, migrate=False) as there:
        yield there


def wanted(name: str = "Broker", **more: Any) -> NewAccount:
    return NewAccount(**{"name": name, "broker": "alpaca", "keys": KEYS, **more})


def numbered(number: str) -> Any:
    def other(answer: Any) -> Any:
        if isinstance(answer, dict):  # activities have the same beginning of their path
            return {**answer, "account_number": number}
        return answer

    return does.changed(other)


def test_it_says_whose_account_it_is_and_stores_nothing_in_clear(alpaca, fake):
    found = try_keys(alpaca, "alpaca", "paper", KEYS)
    assert str(found) == (
        "Alpaca paper account …0001 answers: equity 100,000.00 USD, paper money. It takes orders."
    )
    made = open_account(alpaca, wanted())
    assert (made.number, made.mode) == ("PA3FAKE00001", "paper")
    assert check_connection(alpaca, made) == found
    with alpaca.database.engine.connect() as db:
        rows = [str(row) for row in db.execute(text("SELECT a::text FROM accounts a"))]
    assert len(rows) == 1
    for secret in (KEY_ID, SECRET_KEY, SECRET_KEY.encode().hex()):
        assert secret not in rows[0]
        assert secret not in repr(made) + str(found) + repr(wanted())
    assert fake.sent == []


def test_blanks_around_copied_keys_are_left_out(alpaca):
    spaced = {"key_id": f" {KEY_ID}\n", "secret_key": f"\t{SECRET_KEY} "}
    made = open_account(alpaca, wanted(keys=spaced))
    opened = alpaca.vault.open(made.sealed)
    assert {name: value.get_secret_value() for name, value in opened.items()} == KEYS


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({**KEYS, "key_id": ""}, "key_id", "key id is missing"),
        ({**KEYS, "secret_key": "  "}, "secret_key", "secret key is missing"),
        ({**KEYS, "key_id": "PK two words"}, "key_id", "has blanks or signs"),
        ({**KEYS, "secret_key": "Schlüssel0Schluessel1Schluessel2"}, "secret_key", "has blanks"),
        (LIVE_KEYS, "key_id", "key of a live account"),
        ({"key_id": SECRET_KEY, "secret_key": KEY_ID}, "secret_key", "looks like a key id"),
        (OTHER_KEYS, "keys", "refuses the keys .HTTP 401"),
    ],
)
def test_keys_that_are_wrong_are_named_and_nothing_is_added(alpaca, fake, keys, field, words):
    with pytest.raises(BadInput, match=words) as refused:
        open_account(alpaca, wanted(keys=keys))
    assert refused.value.field == field
    assert refused.value.fix
    for value in keys.values():
        assert len(value) < 5 or value not in str(refused.value)
    assert alpaca.accounts.all() == ()
    assert bool(fake.journal) == (field == "keys")


def test_a_broker_that_does_not_answer_adds_nothing_and_says_so_soon(alpaca, fake):
    fake.misbehave(does.status(503), times=does.FOR_EVER)
    with pytest.raises(Unavailable):
        open_account(alpaca, wanted())
    assert alpaca.accounts.all() == ()
    assert len(fake.journal) == 1


def test_live_has_to_be_said(alpaca, fake):
    fake.keys = tuple(LIVE_KEYS.values())
    with pytest.raises(BadInput, match="real money") as refused:
        open_account(alpaca, wanted(mode="live", keys=LIVE_KEYS))
    assert refused.value.field == "mode"
    assert fake.journal == []
    made = open_account(alpaca, wanted(mode="live", keys=LIVE_KEYS, confirmed=True))
    assert made.mode == "live"
    assert "real money" in str(check_connection(alpaca, made))


# -- one account of a broker is one account here -------------------------------------------------------


@pytest.mark.parametrize("keys", [KEYS, OTHER_KEYS], ids=["the same keys", "other keys"])
def test_a_second_account_of_the_same_number_is_refused(alpaca, fake, keys):
    first = open_account(alpaca, wanted())
    fake.keys = tuple(keys.values())
    with pytest.raises(BadInput, match="is 'Broker' already") as refused:
        open_account(alpaca, wanted("Second", keys=keys))
    assert "…0001" in str(refused.value)
    assert "PA3FAKE00001" not in str(refused.value)
    assert [one.id for one in alpaca.accounts.all()] == [first.id]


def test_another_number_is_another_account(alpaca, fake):
    open_account(alpaca, wanted())
    fake.misbehave(numbered("PA3OTHER0002"), times=does.FOR_EVER, path="/v2/account")
    second = open_account(alpaca, wanted("Second"))
    assert second.number == "PA3OTHER0002"


def test_two_that_are_added_at_once_are_one(alpaca):
    """The table itself refuses the second, whoever looked first."""
    first = open_account(alpaca, wanted())
    with pytest.raises(BadInput, match="is 'Broker' already"):
        alpaca.accounts.add(
            alpaca.user.id, "Second", broker="alpaca", mode="paper", source="demo", slots=(10,),
            limits=first.limits, number=first.number,
        )  # fmt: skip
    with pytest.raises(BadInput, match="there is an account called 'Broker'"):
        alpaca.accounts.add(
            alpaca.user.id, "Broker", broker="paper", mode="paper", source="demo", slots=(10,),
            limits=first.limits,
        )  # fmt: skip


def test_an_account_of_before_numbers_is_asked_for_its_number(alpaca, fake):
    first = open_account(alpaca, wanted())
    forget_number(alpaca)
    with pytest.raises(BadInput, match="is 'Broker' already"):
        open_account(alpaca, wanted("Second"))
    assert alpaca.accounts.by_id(first.id).number == "PA3FAKE00001"


def test_one_whose_keys_say_nothing_may_be_the_same(alpaca, fake):
    open_account(alpaca, wanted())
    forget_number(alpaca)
    fake.keys = tuple(OTHER_KEYS.values())  # the old keys are no longer valid
    with pytest.raises(BadInput, match="might be the same") as refused:
        open_account(alpaca, wanted("Second", keys=OTHER_KEYS))
    assert "Change the keys of 'Broker'" in refused.value.fix


def test_a_desk_learns_the_number_and_stops_at_another_account(alpaca, fake):
    made = open_account(alpaca, wanted())
    forget_number(alpaca)
    require_own(alpaca.desk(alpaca.accounts.by_id(made.id)))
    assert alpaca.accounts.by_id(made.id).number == "PA3FAKE00001"
    fake.misbehave(numbered("PA3OTHER0002"), times=does.FOR_EVER, path="/v2/account")
    with pytest.raises(NeedsOperator, match=r"another account \(…0002\)"):
        require_own(alpaca.desk(made))
    with pytest.raises(NeedsOperator, match="another account"):
        check_connection(alpaca, made)


def forget_number(services: Services) -> None:
    with services.database.engine.begin() as db:
        db.execute(text("UPDATE accounts SET number = NULL"))


# -- other keys, and the end ---------------------------------------------------------------------------


def test_other_keys_of_the_same_account_are_used_from_then_on(alpaca, fake):
    made = open_account(alpaca, wanted())
    fake.keys = tuple(OTHER_KEYS.values())
    with pytest.raises(NeedsOperator, match="refuses the keys"):
        check_connection(alpaca, made)
    with pytest.raises(BadInput, match="refuses the keys"):
        change_keys(alpaca, made, KEYS)
    assert str(change_keys(alpaca, made, OTHER_KEYS)).startswith("Alpaca paper account …0001")
    after = alpaca.accounts.by_id(made.id)
    assert check_connection(alpaca, after).number == made.number


def test_keys_of_another_account_are_refused_and_the_old_ones_stay(alpaca, fake):
    made = open_account(alpaca, wanted())
    fake.misbehave(numbered("PA3OTHER0002"), path="/v2/account")
    with pytest.raises(BadInput, match="its books belong to that one"):
        change_keys(alpaca, made, KEYS)
    assert alpaca.accounts.by_id(made.id) == made


def test_the_keys_of_the_account_read_its_data(alpaca):
    """Without any in the environment; a built-in account reads with the environment's."""
    made = replace(open_account(alpaca, wanted()), source="alpaca")
    own = alpaca.source_of(made)
    assert alpaca.source_of(made) is own
    assert own is not alpaca.source("alpaca")
    assert alpaca.source_of(replace(made, sealed=None)) is alpaca.source("alpaca")


def test_an_account_goes_when_nothing_is_deployed_in_it(alpaca):
    made = open_account(alpaca, wanted())
    desk = alpaca.desk(made)
    flow = from_json({"name": "Holds SPY", "root": {"kind": "asset", "symbol": "SPY"}})
    one = deploy(desk, flow, alpaca.flows.find, Decimal(1000))
    with pytest.raises(BadInput, match="1 strategy runs in it"):
        remove_account(alpaca, made)
    undeploy(desk, one, liquidate=False)
    lease = alpaca.lease(f"account:{made.id}")
    assert lease.take()
    with pytest.raises(BadInput, match="being worked on"):
        remove_account(alpaca, made)
    lease.give_back()
    remove_account(alpaca, made)
    assert alpaca.accounts.all() == ()
    assert alpaca.sealed.count() == 0
    with pytest.raises(UnknownName, match="removed meanwhile"):
        alpaca.accounts.by_id(made.id)
    assert open_account(alpaca, wanted("Again")).number == made.number


# -- what is recorded ----------------------------------------------------------------------------------


def happened(services: Services) -> list[tuple[str, str, str | None]]:
    """Kind, text and account of all events, oldest first."""
    found = services.events.page(services.user.id)
    return [(one.event.kind, one.event.text, one.account) for one in reversed(found)]


def test_an_account_is_worth_something_before_its_first_session(alpaca, fake):
    made = open_account(alpaca, wanted())
    (point,) = alpaca.equity.latest(made.id).values()
    assert (point.book, point.equity, point.at) == (TOTAL, Decimal(100_000), alpaca.clock())
    check_connection(alpaca, made)  # the one that is there stays
    assert alpaca.equity.latest(made.id) == {TOTAL: point}
    paper = open_account(alpaca, NewAccount(name="Built in", cash=Decimal(5000)))
    assert alpaca.equity.latest(paper.id)[TOTAL].equity == 5000


def test_equity_nothing_read_yet_is_read_when_the_connection_is_checked(alpaca, fake):
    made = open_account(alpaca, wanted())
    with alpaca.database.engine.begin() as db:
        db.execute(text("DELETE FROM equity_points"))
    check_connection(alpaca, made)
    assert alpaca.equity.latest(made.id)[TOTAL].equity == 100_000
    with alpaca.database.engine.begin() as db:
        db.execute(text("DELETE FROM equity_points"))
    change_keys(alpaca, made, KEYS)
    assert alpaca.equity.latest(made.id)[TOTAL].equity == 100_000


def test_what_a_person_does_to_an_account_is_an_event_without_secrets(alpaca, fake):
    made = open_account(alpaca, wanted())
    fake.keys = tuple(OTHER_KEYS.values())
    with pytest.raises(BadInput):
        change_keys(alpaca, made, KEYS)  # refused: nothing happened
    change_keys(alpaca, made, OTHER_KEYS)
    assert happened(alpaca)[-2:] == [
        ("account_added", "Broker (Alpaca paper …0001) is added.", "Broker"),
        ("keys_changed", "Broker has other keys, of the broker's account …0001.", "Broker"),
    ]
    remove_account(alpaca, made)
    remove_account(alpaca, made)  # by two windows at once
    assert happened(alpaca) == [
        (
            "account_removed",
            "Broker (Alpaca paper …0001) is removed, its keys and its history with it.",
            None,
        )
    ]
