"""Settle: bring the ledger up to what the broker shows, before anything is decided.

Open orders are looked up, activities are booked, then holdings and cash are compared. It is the
first step of every window and of every start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from core.accounts.account import Account
from core.accounts.events import Event
from core.brokers.base import BrokerAccount
from core.errors import NeedsOperator
from core.portfolio.ledger import Entry, applied
from core.portfolio.records import OrderRecord
from core.trading.activities import entry_of
from core.trading.broker_account import refuse_another, require_own
from core.trading.desk import Desk
from core.trading.reconcile import Comparison, compare, proof

log = logging.getLogger(__name__)

CLOCK_WARN_SECONDS = 1.5
_OVERLAP = timedelta(days=3)
"""Activities are asked for from so long before the last time: some are booked days late."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What both sides hold after settling."""

    account: BrokerAccount
    positions: Mapping[str, Decimal]
    balances: Mapping[str, Mapping[str, Decimal]]
    open_orders: tuple[OrderRecord, ...]
    comparison: Comparison

    @property
    def in_flight(self) -> frozenset[str]:
        return frozenset(order.symbol for order in self.open_orders)


def settle(desk: Desk, fence: int) -> Standing:
    """Raises Unavailable where the broker does not answer, NeedsOperator where it takes no orders:
    nothing may be traded then."""
    account_id = desk.account.id
    _compare_clocks(desk)
    require_own(desk)
    open_orders = desk.executor().tend(account_id, None, fence)
    _book_activities(desk)
    before = desk.accounts.by_id(account_id)
    seen = _compared(desk, open_orders, before)
    found = seen.comparison
    desk.ledger.post(account_id, found.entries)
    desk.accounts.reconciled(account_id, [one.as_json() for one in found.differences])
    desk.events.add(_told(desk, before.differences, found, first=before.reconciled_at is None))
    return replace(seen, balances=desk.ledger.balances(account_id))


def look(desk: Desk) -> Standing:
    """The same as ``settle`` would find, without recording anything: for a preview.

    Orders stand as they were last recorded, what the comparison would book is counted as booked,
    activities nobody booked yet are not.
    """
    before = desk.accounts.by_id(desk.account.id)
    seen = _compared(desk, desk.orders.open(desk.account.id), before)
    return replace(seen, balances=applied(seen.balances, seen.comparison.entries))


def _compared(desk: Desk, open_orders: tuple[OrderRecord, ...], before: Account) -> Standing:
    """What both sides hold, and how they differ; nothing is written."""
    account_id = desk.account.id
    account = desk.broker.account()
    refuse_another(before, account)
    if account.blocked:
        raise NeedsOperator(f"The broker takes no orders: {account.blocked}")
    shown = desk.broker.positions()
    positions = {one.symbol: one.quantity for one in shown}
    strangers = _orders_of_others(desk, open_orders)
    balances = desk.ledger.balances(account_id)
    found = compare(
        balances,
        account.cash,
        positions,
        currency=account.currency,
        in_flight={order.symbol for order in open_orders},
        elsewhere=strangers,
        at=desk.clock(),
        prices={one.symbol: one.price for one in shown if one.price is not None},
        fills=desk.orders.fills_since(account_id, before.reconciled_at),
        first=before.reconciled_at is None,
    )
    return Standing(account, positions, balances, open_orders, found)


def _compare_clocks(desk: Desk) -> None:
    """Ours decides when a window begins and when sending ends; the broker's is the market's."""
    asked = desk.clock()
    theirs = desk.broker.clock().now
    answered = desk.clock()
    if theirs is None:
        return
    ahead = (asked + (answered - asked) / 2 - theirs).total_seconds()
    # Where in the wait for its answer the broker read its clock is not known.
    sure = abs(ahead) - (answered - asked).total_seconds() / 2
    said = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the broker's"
    if desk.clock_limit_seconds is not None and sure > desk.clock_limit_seconds:
        raise NeedsOperator(f"This machine's clock is {said}: nothing is traded. Set it right.")
    if sure > CLOCK_WARN_SECONDS:
        log.warning("this machine's clock is %s", said, extra={"action": "clock"})


def _book_activities(desk: Desk) -> None:
    """Activities since the last time, each once; told of."""
    account = desk.accounts.by_id(desk.account.id)
    since = account.activities_until or account.created_at
    told: list[Event] = []
    newest = since
    for activity in desk.broker.activities(since - _OVERLAP):
        if activity.at < account.created_at - _OVERLAP:
            continue
        balances = desk.ledger.balances(account.id)
        entry = entry_of(activity, balances, account.currency)
        if entry is not None and desk.ledger.post(account.id, [entry]):
            told.append(desk.event("activity", _sentence(entry), detail={"kind": entry.kind}))
        newest = max(newest, activity.at)
    desk.events.add(told)
    if newest > since or account.activities_until is None:
        desk.accounts.heard_until(account.id, newest)


def _sentence(entry: Entry) -> str:
    return f"{entry.kind.capitalize()} booked: {entry.text}"


def _orders_of_others(desk: Desk, ours: Sequence[OrderRecord]) -> frozenset[str]:
    """Symbols with an open order Sluice did not make: what it fills is not known yet."""
    mine = {order.client_order_id for order in ours}
    return frozenset(
        one.symbol for one in desk.broker.open_orders() if one.client_order_id not in mine
    )


def _told(
    desk: Desk, before: Sequence[Mapping[str, object]], found: Comparison, *, first: bool
) -> list[Event]:
    known = {one["asset"] for one in before}
    events = [
        desk.event(
            "difference",
            f"{one.asset}: the strategies together own {one.ledger}, the broker has {one.broker}. "
            "It is not traded until they agree.",
            severity="critical",
            detail=one.as_json(),
        )
        for one in found.differences
        if one.asset not in known
    ]
    gone = known - {one.asset for one in found.differences}
    if gone:
        events.append(desk.event("reconciled", f"Equal again: {', '.join(sorted(map(str, gone)))}"))
    if not first:
        events += [
            desk.event("adopted", _adopted(entry))
            for entry in found.entries
            if entry.kind == "adoption" and entry.postings[-1].amount > 0
        ]
    return events


def _adopted(entry: Entry) -> str:
    position = entry.postings[-1]
    return (
        f"{position.asset}: {position.amount.normalize():f} held outside every strategy; "
        "it is kept and never sold."
    )


def prove(desk: Desk) -> bool:
    """Whether the books sum to what the broker holds, to the last decimal, now."""
    positions = {one.symbol: one.quantity for one in desk.broker.positions()}
    account = desk.broker.account()
    rows = proof(desk.ledger.balances(desk.account.id), account.cash, positions, account.currency)
    return all(book == broker for _, book, broker in rows)
