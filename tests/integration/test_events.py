"""What happened is recorded with what it tells of, and found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from core.accounts.events import KINDS, Event
from core.accounts.users import User
from core.db.live_tables import accounts, deployments
from core.db.session import transaction

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


def account(services, name: str, user=None):
    """An account's id."""
    row = {
        "id": uuid4(), "user_id": user or services.user.id, "name": name, "broker": "paper",
        "mode": "paper", "source": "demo", "slots": [10], "created_at": NOON,
    }  # fmt: skip
    with transaction(services.database.engine) as db:
        db.execute(insert(accounts).values(row))
    return row["id"]


def deployment(services, account_id, name: str):
    """A deployment's id."""
    row = {
        "id": uuid4(), "account_id": account_id, "name": name, "flow_hash": "0" * 64, "flow": {},
        "capital": 1000, "state": "active", "state_at": NOON, "created_at": NOON,
    }  # fmt: skip
    with transaction(services.database.engine) as db:
        db.execute(insert(deployments).values(row))
    return row["id"]


def event(services, text: str, *, minutes: float = 0, **other) -> Event:
    fields = {
        "user_id": services.user.id, "at": NOON + timedelta(minutes=minutes), "kind": "rebalanced",
        "severity": "info", "text": text,
    }  # fmt: skip
    return Event(**fields | other)


def texts(found) -> list[str]:
    return [recorded.event.text for recorded in found]


def test_an_event_comes_back_as_it_was_with_the_names_of_what_it_concerns(services):
    main = account(services, "Main")
    trend = deployment(services, main, "Trend")
    told = event(
        services, "3 orders filled", account_id=main, deployment_id=trend,
        detail={"orders": 3, "notional": "1234.50"},
    )  # fmt: skip
    services.events.add([told])
    (found,) = services.events.page(services.user.id)
    assert (found.event, found.account, found.deployment) == (told, "Main", "Trend")


def test_events_are_recorded_with_their_transaction_or_not_at_all(services):
    def act(fails: bool) -> None:
        with transaction(services.database.engine) as db:
            services.events.add([event(services, "deployed")], db=db)
            if fails:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        act(fails=True)
    assert services.events.page(services.user.id) == []
    act(fails=False)
    assert texts(services.events.page(services.user.id)) == ["deployed"]


def test_the_log_is_searched_by_account_kind_severity_and_words(services):
    main, other = account(services, "Main"), account(services, "50% margin")
    trend = deployment(services, main, "Trend")
    services.events.add(
        [
            event(services, "TQQQ bought", account_id=main, deployment_id=trend, minutes=1),
            event(
                services,
                "TQQQ refused",
                account_id=other,
                minutes=2,
                kind="refused",
                severity="warning",
            ),
            event(
                services,
                "halted",
                account_id=main,
                minutes=3,
                kind="account_halted",
                severity="critical",
            ),
            event(services, "started", minutes=4, kind="started"),
        ]
    )

    def page(**filters) -> list[str]:
        return texts(services.events.page(services.user.id, **filters))

    assert page() == ["started", "halted", "TQQQ refused", "TQQQ bought"]
    assert page(account=main) == ["halted", "TQQQ bought"]
    assert page(deployment=trend) == ["TQQQ bought"]
    assert page(kinds=["refused", "started"]) == ["started", "TQQQ refused"]
    assert page(severity="warning") == ["halted", "TQQQ refused"]
    assert page(severity="critical") == ["halted"]
    assert page(text=" tqqq ") == ["TQQQ refused", "TQQQ bought"]
    assert page(text="trend") == ["TQQQ bought"]
    assert page(text="50%") == ["TQQQ refused"]
    assert page(text="_") == []


def test_pages_follow_each_other_even_within_one_instant(services):
    services.events.add(event(services, str(i), minutes=i // 3) for i in range(8))
    seen, last = [], None
    while found := services.events.page(services.user.id, before=last, limit=3):
        seen += texts(found)
        last = found[-1].place
    assert seen == [str(i) for i in reversed(range(8))]


def test_nobody_reads_anothers_events(services):
    stranger = services.users.ensure(User(uuid4(), "stranger"))
    services.events.add([event(services, "mine")])
    assert services.events.page(stranger.id) == []


def test_old_events_go(services):
    services.events.add([event(services, "old"), event(services, "new", minutes=5)])
    assert services.events.delete_older(NOON + timedelta(minutes=1)) == 1
    assert texts(services.events.page(services.user.id)) == ["new"]


def test_every_kind_says_what_it_tells():
    assert all(meaning.label and meaning.sentence.endswith(".") for meaning in KINDS.values())


@pytest.mark.parametrize("wrong", [{"at": NOON.replace(tzinfo=None)}, {"kind": "exploded"}])
def test_an_event_without_zone_or_of_no_kind_is_a_mistake_of_ours(services, wrong):
    with pytest.raises(ValueError, match="event"):
        event(services, "x", **wrong)
