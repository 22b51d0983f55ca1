"""What the dashboard reads: in few steps however much there is, and without writing anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select

from core.bootstrap import Services
from core.db.live_tables import events, ledger_entries, orders, windows
from core.db.session import transaction
from core.flow.formats.native import from_json
from core.portfolio.equity import TOTAL, EquityPoint, Snapshot
from core.portfolio.ledger import Entry, moved, traded
from core.settings import Settings
from core.trading.deploy import deploy, pause
from core.trading.open_account import NewAccount, open_account
from core.trading.schedule import Due
from core.trading.window import TradeWindow
from tests.fakes.clock import VirtualClock

CLOSE = datetime(2026, 11, 18, 21, 5, tzinfo=UTC)
WINDOW = datetime(2026, 11, 20, 20, 50, tzinfo=UTC)


@pytest.fixture
def account(services):
    return open_account(services, NewAccount(name="Read"))


@pytest.fixture
def deployed(services, account):
    flow = from_json({"name": "Holds SPY", "root": {"kind": "asset", "symbol": "SPY"}})
    return deploy(services.desk(account), flow, services.flows.find, Decimal(1000))


def snapshot(book: str, day: int, growth: float, **more) -> Snapshot:
    return Snapshot(
        book=book, session=date(2026, 11, 18) + timedelta(day), at=CLOSE + timedelta(day),
        equity=Decimal(1000), cash=Decimal(0), flow=Decimal(0), result=0.0, growth=growth,
        drawdown=0.0, **more,
    )  # fmt: skip


def test_the_newest_of_each_book_and_their_growth(services, account):
    made = [snapshot(book, day, 1 + day / 10) for book in ("a", "b", TOTAL) for day in range(3)]
    services.equity.put_snapshots(account.id, made[:-1])  # the total lacks its last one
    found = services.equity.latest_snapshots(account.id)
    assert {book: one.session.day for book, one in found.items()} == {"a": 20, "b": 20, TOTAL: 19}
    before = services.equity.latest_snapshots(account.id, before=date(2026, 11, 19))
    assert {one.session.day for one in before.values()} == {18}
    assert services.equity.growths(account.id, date(2026, 11, 19)) == {
        "a": [1.1, 1.2], "b": [1.1, 1.2], TOTAL: [1.1],
    }  # fmt: skip
    assert services.equity.latest_snapshots(uuid4()) == {}


def test_of_metrics_only_those_asked_for_are_read(services, account):
    many = {"sharpe": 1.5, "sortino": 2.5}
    services.equity.put_snapshots(
        account.id, [snapshot("a", 0, 1.0, metrics=many, weights={"SPY": 1.0})]
    )
    (whole,) = services.equity.latest_snapshots(account.id).values()
    (some,) = services.equity.latest_snapshots(account.id, metrics=("sharpe",)).values()
    assert (dict(whole.metrics), dict(whole.weights)) == (many, {"SPY": 1.0})
    assert (dict(some.metrics), dict(some.weights)) == ({"sharpe": 1.5}, {})


def test_the_newest_point_of_each_book(services, account):
    after = services.clock()  # what the account was worth when it was added is older
    points = [
        EquityPoint(book=book, at=after + timedelta(minutes=n), equity=Decimal(n), cash=Decimal(0))
        for book in ("a", TOTAL)
        for n in range(3)
    ]
    services.equity.add_points(account.id, points)
    found = services.equity.latest(account.id)
    assert {book: one.equity for book, one in found.items()} == {"a": 2, TOTAL: 2}


def test_the_revision_changes_with_everything_that_is_shown(services, account, deployed):
    seen = [services.accounts.revision(account.id)]

    def changed() -> bool:
        seen.append(services.accounts.revision(account.id))
        return seen[-1] != seen[-2]

    assert not changed()
    pause(services.desk(account), deployed)
    assert changed()
    services.equity.put_snapshots(account.id, [snapshot(TOTAL, 0, 1.0)])
    assert changed()
    point = EquityPoint(book=TOTAL, at=services.clock(), equity=Decimal(1), cash=Decimal(1))
    services.equity.add_points(account.id, [point])
    assert changed()
    paid = moved("owner", "reserve", "USD", Decimal(1))
    services.ledger.post(account.id, [Entry("transfer", "paid", CLOSE, paid)])
    assert changed()
    assert not changed()


def test_movements_at_a_price_are_the_shares_only(services, account, deployed):
    bought = traded(deployed.book, "SPY", Decimal(2), Decimal(-200), "USD")
    services.ledger.post(account.id, [Entry("trade", "bought", CLOSE, bought)])
    (one,) = services.ledger.movements(account.id, priced=True)
    assert (one.asset, one.amount, one.price) == ("SPY", 2, 100)
    assert len(services.ledger.movements(account.id, kinds=("trade",))) == 2


def window_row(account_id: UUID, slot: int) -> dict[str, object]:
    return {
        "id": uuid4(), "account_id": account_id, "session": date(2026, 11, 20), "slot": slot,
        "state": "done", "due_at": WINDOW, "closes_at": WINDOW, "reading": {"quotes": {"SPY": 1}},
    }  # fmt: skip


def test_orders_are_counted_by_window_and_state_and_windows_read_without_their_reading(
    services, account
):
    first, second = window_row(account.id, 10), window_row(account.id, 20)
    common = {
        "account_id": account.id, "session": date(2026, 11, 20), "slot": 10, "side": "buy",
        "leg": 0, "quantity": 1, "price": 1, "quoted_at": WINDOW, "fence": 1, "created_at": WINDOW,
        "updated_at": WINDOW, "window_id": first["id"],
    }  # fmt: skip
    states = {"A": "filled", "B": "filled", "C": "refused"}
    rows = [
        common
        | {"id": uuid4(), "symbol": s, "client_order_id": f"{s}-{first['id']}", "state": state}
        for s, state in states.items()
    ]
    with transaction(services.database.engine) as db:
        db.execute(insert(windows), [first, second])
        db.execute(insert(orders), rows)
    tally = services.orders.tally([first["id"], second["id"]])
    assert tally == {first["id"]: {"filled": 2, "refused": 1}}
    assert {w.slot: w.reading for w in services.windows.of(account.id)} == {
        10: {},
        20: {},
    }
    assert services.windows.of(account.id, readings=True)[0].reading == {"quotes": {"SPY": 1}}


def test_who_holds_a_lease_is_told_and_whether_it_is_held(services):
    name = f"lease-{uuid4()}"
    lease = services.lease(name)
    assert name not in services.lease_holders()
    assert lease.take()
    held = services.lease_holders()[name]
    assert (held.fence, held.held) == (1, True)
    lease.give_back()
    assert not services.lease_holders()[name].held


def test_a_lease_given_back_is_free_at_once(services):
    """Not when the server notices the closed connection, which is some moment later."""
    name = f"lease-{uuid4()}"
    for turn in range(1, 21):
        lease, other = services.lease(name), services.lease(name)
        assert lease.take()
        assert not other.take()
        lease.give_back()
        assert other.take(), f"it was still held in turn {turn}"
        assert other.fence == 2 * turn
        other.give_back()


def test_a_lease_whose_connection_died_is_given_back_without_a_word(services):
    name = f"lease-{uuid4()}"
    lease = services.lease(name)
    assert lease.take()
    with services.database.engine.begin() as db:
        db.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND pid <> pg_backend_pid()"
        )
    assert not lease.alive()
    assert not lease.alive()  # asked again, on what is left of the connection
    lease.give_back()
    assert not lease.alive()
    assert lease.take()
    lease.give_back()


def test_a_preview_plans_and_leaves_no_trace(server, services):
    """The same plan a window makes, with nothing in any table that was not there before."""
    clock = VirtualClock(WINDOW)
    with Services(Settings(home=Path(server.settings.home)), clock=clock, start=False) as then:
        account = open_account(then, NewAccount(name="Preview"))
        flow = from_json({"name": "Buys SPY", "root": {"kind": "asset", "symbol": "SPY"}})
        deploy(then.desk(account), flow, then.flows.find, Decimal(1000))
        before = _rows(then, account.id)
        clock.advance(60)  # what is written now would carry another instant
        due = Due(WINDOW.date(), 0, WINDOW, WINDOW + timedelta(minutes=10))
        plan = TradeWindow(then.desk(account), 0).preview(due)
        (order,) = plan.screened.passed
        assert (order.side, order.symbol) == ("buy", "SPY")
        assert 990 < order.notional <= 1000
        (planned,) = plan.planned
        assert planned.decision.trace["nodes"][0]["title"]
        assert _rows(then, account.id) == before


def _rows(services: Services, account_id: UUID) -> tuple[object, ...]:
    account = services.accounts.by_id(account_id)
    with transaction(services.database.engine) as db:
        counts = [
            db.execute(select(func.count()).where(table.c.account_id == account_id)).scalar_one()
            for table in (ledger_entries, events, orders, windows)
        ]
    return (account, services.ledger.balances(account_id), *counts)
