"""The ledger's tables against a broker's totals: balances, postings and lots say the same."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.portfolio.ledger import OTHER_SIDES, Entry, moved, traded
from core.portfolio.lots import Lot
from core.risk.limits import Limits
from tests.properties.ledger_world import USD, World

AT = datetime(2026, 1, 2, 20, 50, tzinfo=UTC)


@pytest.fixture
def account(services):
    return services.accounts.add(
        services.user.id, "Test", broker="paper", mode="paper", source="demo", slots=(10,),
        limits=Limits(), options={},
    )  # fmt: skip


def stored_world(services, account, seed: int) -> World:
    """A world whose every entry goes to the database as well."""

    class Stored(World):
        def post(self, *entries: Entry) -> None:
            super().post(*entries)
            services.ledger.post(account.id, entries)

        def check(self) -> None:
            super().check()
            there = {book: held for book, held in self.balances.items() if held}
            assert services.ledger.balances(account.id) == there

    return Stored(random.Random(seed), strategies=12, symbols=5)


@pytest.mark.parametrize("seed", [2, 3])
def test_tables_agree_with_the_broker_after_every_step(services, account, seed):
    world = stored_world(services, account, seed)
    for _ in range(15):
        world.step()
    balances = services.ledger.balances(account.id)
    assert services.ledger.recomputed(account.id) == balances
    lots = {
        key: sum((lot.quantity for lot in held), Decimal(0))
        for key, held in services.ledger.lots(account.id).items()
    }
    expected = {
        (book, asset): amount
        for book, held in balances.items()
        if book not in OTHER_SIDES
        for asset, amount in held.items()
        if asset != USD
    }
    assert lots == expected
    kinds = {one.kind for one in services.ledger.movements(account.id, limit=10**6)}
    assert {"trade", "cross", "split", "allocation"} <= kinds


def test_an_entry_is_posted_once(services, account):
    entry = Entry("opening", "o", AT, moved("owner", "reserve", USD, Decimal(100)))
    assert services.ledger.post(account.id, [entry]) == 1
    assert services.ledger.post(account.id, [entry]) == 0
    assert services.ledger.post(account.id, [entry, entry]) == 0
    assert services.ledger.balances(account.id)["reserve"] == {USD: Decimal(100)}


def test_the_same_entry_twice_at_once_is_posted_once(services, account):
    entry = Entry("trade", "t", AT, traded("a", "SPY", Decimal(2), Decimal(-200), USD))
    assert services.ledger.post(account.id, [entry, entry]) == 1
    assert services.ledger.balances(account.id)["a"] == {"SPY": Decimal(2), USD: Decimal(-200)}
    assert services.ledger.recomputed(account.id) == services.ledger.balances(account.id)


def test_every_digit_is_kept(services, account):
    quantity, cash = Decimal("123456789.123456789"), Decimal("-15241578780.67367851562261")
    services.ledger.post(
        account.id, [Entry("trade", "t", AT, traded("a", "SPY", quantity, cash, USD))]
    )
    assert services.ledger.balances(account.id)["a"] == {"SPY": quantity, USD: cash}


def test_lots_follow_a_rename_and_a_handover(services, account):
    def post(kind, name, postings):
        services.ledger.post(account.id, [Entry(kind, name, AT, tuple(postings))])

    post("trade", "1", traded("a", "OLD", Decimal(2), Decimal(-20), USD))
    post("trade", "2", traded("a", "OLD", Decimal(1), Decimal(-30), USD))
    post("trade", "3", traded("b", "OLD", Decimal(4), Decimal(-80), USD))
    both = [p for book, q in (("a", Decimal(3)), ("b", Decimal(4)))
            for p in (*moved(book, "market", "OLD", q), *moved("market", book, "NEW", q))]  # fmt: skip
    post("rename", "4", both)
    post("handover", "5", moved("a", "external", "NEW", Decimal(3)))
    lots: dict = defaultdict(list)
    for key, held in services.ledger.lots(account.id).items():
        lots[key] = [(lot.quantity, lot.price) for lot in held if isinstance(lot, Lot)]
    assert lots == {("external", "NEW"): [(2, 10), (1, 30)], ("b", "NEW"): [(4, 20)]}


def test_a_sale_says_what_it_made(services, account):
    for name, quantity, cash in (
        ("1", Decimal(2), Decimal(-20)),
        ("2", Decimal(2), Decimal(-40)),
        ("3", Decimal(-3), Decimal(90)),
    ):
        postings = traded("a", "SPY", quantity, cash, USD)
        services.ledger.post(account.id, [Entry("trade", name, AT, postings)])
    newest = services.ledger.movements(account.id, books=["a"])[:2]
    assert [one.realised for one in newest if one.asset == "SPY"] == [2 * 20 + 1 * 10]
