"""The orders table: intents are recorded before anything is sent, and fills are booked once.

Three guards stand in the transactions of this module: the account's state (the kill switch), the
fence of whoever writes, and the UNIQUE key of an order. None of them is checked beforehand only.
Who locks several orders does it in the order of their ids: nobody waits for another in a circle,
the kill switch least of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.accounts.account import TradingState, lease_of
from core.brokers.base import BrokerOrder
from core.clock import Clock
from core.db.leases import held
from core.db.ledger import Ledger
from core.db.live_tables import accounts, leases, order_parts, orders
from core.db.session import joined, transaction
from core.errors import Fenced, Halted
from core.portfolio.ledger import Entry
from core.portfolio.netting import Part
from core.portfolio.records import AT_BROKER, OPEN, OrderRecord, OrderRecordState
from core.risk.checks import ONLY_SMALLER


@dataclass(frozen=True, slots=True)
class Spent:
    """What a session has planned already, refused orders left out; and how many were refused for
    its budgets."""

    orders: int
    notional: Decimal
    refused: int


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why an order may not be sent: ``status`` is ``halted`` or ``reducing``."""

    status: str
    reason: str


class Orders:
    def __init__(self, engine: Engine, clock: Clock, ledger: Ledger) -> None:
        self._engine, self._clock, self._ledger = engine, clock, ledger

    # -- reading -------------------------------------------------------------------------------

    def of_window(self, window_id: UUID) -> tuple[OrderRecord, ...]:
        """Sells first, then buys, by symbol."""
        query = select(orders).where(orders.c.window_id == window_id)
        order = (orders.c.side.desc(), orders.c.symbol, orders.c.leg)
        with transaction(self._engine) as db:
            return _records(db.execute(query.order_by(*order)).mappings())

    def open(self, account_id: UUID) -> tuple[OrderRecord, ...]:
        """Every order that is not final, oldest first."""
        query = select(orders).where(orders.c.account_id == account_id, orders.c.state.in_(OPEN))
        with transaction(self._engine) as db:
            return _records(db.execute(query.order_by(orders.c.created_at)).mappings())

    def called_off(self, account_id: UUID) -> int:
        """How many orders are still to be canceled at the broker."""
        query = select(func.count()).where(
            orders.c.account_id == account_id,
            orders.c.state.in_(AT_BROKER),
            orders.c.cancel_asked_at.is_not(None),
        )
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    def recent(self, account_id: UUID, *, limit: int = 500) -> tuple[OrderRecord, ...]:
        """Newest first."""
        query = select(orders).where(orders.c.account_id == account_id)
        order = (orders.c.created_at.desc(), orders.c.symbol)
        with transaction(self._engine) as db:
            return _records(db.execute(query.order_by(*order).limit(limit)).mappings())

    def tally(self, window_ids: Sequence[UUID]) -> dict[UUID, dict[OrderRecordState, int]]:
        """How many orders of each window are in which state."""
        query = (
            select(orders.c.window_id, orders.c.state, func.count())
            .where(orders.c.window_id.in_(list(window_ids)))
            .group_by(orders.c.window_id, orders.c.state)
        )
        found: dict[UUID, dict[OrderRecordState, int]] = defaultdict(dict)
        with transaction(self._engine) as db:
            for window_id, state, count in db.execute(query):
                found[window_id][state] = count
        return dict(found)

    def books_in_flight(self, account_id: UUID, db: Connection | None = None) -> frozenset[str]:
        """Books that own a part of an order that is not final: what it fills is still to come."""
        query = (
            select(order_parts.c.book)
            .join(orders, orders.c.id == order_parts.c.order_id)
            .where(orders.c.account_id == account_id, orders.c.state.in_(OPEN))
            .distinct()
        )
        with joined(self._engine, db) as here:
            return frozenset(here.execute(query).scalars())

    def parts(self, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Part, ...]]:
        with transaction(self._engine) as db:
            return _parts(db, order_ids)

    def spent(self, account_id: UUID, session: date) -> Spent:
        sent = orders.c.state != "refused"
        query = select(
            func.count().filter(sent),
            func.coalesce(func.sum(orders.c.quantity * orders.c.price).filter(sent), 0),
            func.count().filter(orders.c.state == "refused", orders.c.status == "budget"),
        ).where(orders.c.account_id == account_id, orders.c.session == session)
        with transaction(self._engine) as db:
            count, notional, refused = db.execute(query).one()
        return Spent(count, Decimal(notional), refused)

    def fills_since(self, account_id: UUID, at: datetime | None) -> int:
        """How many orders had fills booked since then."""
        query = select(func.count()).where(
            orders.c.account_id == account_id, orders.c.filled_quantity > 0
        )
        if at is not None:
            query = query.where(orders.c.updated_at >= at)
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    # -- recording -----------------------------------------------------------------------------

    def record(
        self,
        db: Connection,
        made: Sequence[OrderRecord],
        parts: Mapping[UUID, Sequence[Part]],
    ) -> None:
        """Record orders, in the transaction that holds their decisions; the caller has ``guard``ed
        it. One that is recorded already is left as it is."""
        if not made:
            return
        query = insert(orders).values([asdict(one) for one in made]).on_conflict_do_nothing()
        fresh = set(db.execute(query.returning(orders.c.id)).scalars())
        rows = [
            {
                "order_id": order_id,
                "line": line,
                "book": part.book,
                "quantity": part.quantity,
                "booked_quantity": part.booked_quantity,
                "booked_cash": part.booked_cash,
            }
            for order_id, owned in parts.items()
            if order_id in fresh
            for line, part in enumerate(owned)
        ]
        if rows:
            db.execute(insert(order_parts), rows)

    def guard(self, db: Connection, account_id: UUID, fence: int) -> TradingState:
        """The account's state, which cannot change before the transaction ends.

        Raises Fenced for a fence that is not the newest, Halted where nothing may be recorded.
        """
        if db.execute(held(lease_of(account_id), fence)).one_or_none() is None:
            raise Fenced("Another process trades this account by now; this one stops.")
        row = db.execute(
            select(accounts.c.state, accounts.c.state_reason)
            .where(accounts.c.id == account_id)
            .with_for_update(read=True)
        ).one()
        if row.state == "halted":
            raise Halted(row.state_reason)
        state: TradingState = row.state
        return state

    def mark_sending(
        self, account_id: UUID, ids: Sequence[UUID], fence: int, *, reducing: frozenset[UUID]
    ) -> frozenset[UUID]:
        """Which of these planned orders may be sent now: from here on each may be at the broker.

        ``reducing`` are those that make a position smaller: the only ones sent while the account
        is reducing. Raises Fenced or Halted.
        """
        with transaction(self._engine) as db:
            state = self.guard(db, account_id, fence)
            allowed = [one for one in ids if state == "active" or one in reducing]
            now = self._clock()
            query = (
                update(orders)
                .where(orders.c.id.in_(allowed), orders.c.state == "planned")
                .values(state="sending", sent_at=now, updated_at=now, fence=fence)
                .returning(orders.c.id)
            )
            return frozenset(db.execute(query).scalars())

    def forbidden(self, order: OrderRecord, fence: int, *, smaller: bool) -> Forbidden | None:
        """What keeps this order from being sent at this instant: asked right before each send, the
        first or another.

        ``smaller``: it makes a position smaller. Raises Fenced. An order that was called off stays
        so, whatever the account's state is by now.
        """
        query = (
            select(
                accounts.c.state, accounts.c.state_reason, leases.c.fence, orders.c.cancel_asked_at
            )
            .join(accounts, accounts.c.id == orders.c.account_id)
            .outerjoin(leases, leases.c.name == lease_of(order.account_id))
            .where(orders.c.id == order.id)
        )
        with transaction(self._engine) as db:
            row = db.execute(query).one()
        if row.fence != fence:
            raise Fenced("Another process trades this account by now; this one stops.")
        if row.state == "halted":
            return Forbidden("halted", str(Halted(row.state_reason)))
        if row.state == "reducing" and not smaller:
            return Forbidden("reducing", ONLY_SMALLER)
        if row.cancel_asked_at is not None:
            return Forbidden("halted", "it was called off before it was sent")
        return None

    def refuse(self, ids: Sequence[UUID], reason: str, *, status: str = "") -> int:
        """Planned orders that are not sent after all."""
        return self._end(ids, "refused", reason, status)

    def not_sent(self, id: UUID, why: Forbidden) -> None:  # noqa: A002
        """An order that was marked as sending, by who marked it and did not send it after all."""
        with transaction(self._engine) as db:
            end_unsent(
                db, orders.c.id == id, "refused", why.reason, why.status, self._clock(),
                states=("sending",),
            )  # fmt: skip

    def lapse(self, ids: Sequence[UUID], reason: str) -> int:
        """Planned orders whose window is over."""
        return self._end(ids, "lapsed", reason, "")

    def _end(self, ids: Sequence[UUID], state: str, reason: str, status: str) -> int:
        if not ids:
            return 0
        with transaction(self._engine) as db:
            which = orders.c.id.in_(list(ids))
            return end_unsent(db, which, state, reason, status, self._clock())

    def unanswered(self, id: UUID, reason: str, *, not_found: bool = False) -> None:  # noqa: A002
        """Nobody knows whether the broker has it; ``not_found``: it said it has not, this time."""
        values: dict[str, Any] = {
            "state": "unknown",
            "reason": reason,
            "updated_at": self._clock(),
        }
        if not_found:
            values["lookups"] = orders.c.lookups + 1
        with transaction(self._engine) as db:
            db.execute(
                update(orders)
                .where(orders.c.id == id, orders.c.state.in_(("sending", "unknown")))
                .values(values)
            )

    def never_arrived(self, id: UUID, reason: str) -> None:  # noqa: A002
        """The broker has none of it and can no longer get it: nothing was traded under its name."""
        now = self._clock()
        query = (
            update(orders)
            .where(orders.c.id == id, orders.c.state.in_(("sending", "unknown")))
            .values(state="lapsed", reason=reason, final_at=now, updated_at=now)
        )
        with transaction(self._engine) as db:
            db.execute(query)

    def rejected(self, id: UUID, reason: str, *, kind: str, request_id: str | None) -> None:  # noqa: A002
        """The broker refused it: nothing was or will be traded under its name."""
        now = self._clock()
        query = (
            update(orders)
            .where(orders.c.id == id, orders.c.state.in_(("sending", "unknown")))
            .values(
                state="rejected",
                status=kind,
                reason=reason,
                request_id=request_id,
                final_at=now,
                updated_at=now,
            )
        )
        with transaction(self._engine) as db:
            db.execute(query)

    # -- fills ---------------------------------------------------------------------------------

    def book(
        self,
        account_id: UUID,
        seen: Mapping[UUID, BrokerOrder],
        entries_of: Callable[
            [OrderRecord, BrokerOrder, Sequence[Part]], tuple[tuple[Part, ...], Sequence[Entry]]
        ],
    ) -> tuple[OrderRecord, ...]:
        """Take over what the broker shows: states, and fills into the ledger, in one transaction.

        ``entries_of`` gives, of the record before, the parts after the fill and the entries it
        makes. What the broker
        shows is cumulative; an older view than what is stored changes nothing. Returns the orders
        that changed, as they are now.
        """
        changed: list[OrderRecord] = []
        with transaction(self._engine) as db:
            self._ledger.lock(db, account_id)
            mine = select(orders).where(orders.c.id.in_(list(seen)))
            query = mine.order_by(orders.c.id).with_for_update()
            stored = _records(db.execute(query).mappings())
            parts = _parts(db, list(seen))
            entries: list[Entry] = []
            fresh: dict[UUID, tuple[Part, ...]] = {}
            for record in stored:
                view = seen[record.id]
                after = _after(record, view, self._clock())
                if after == record:
                    continue
                changed.append(after)
                if after.filled_quantity != record.filled_quantity:
                    owned, made = entries_of(record, view, parts.get(record.id, ()))
                    entries += made
                    fresh[record.id] = owned
            _write_orders(db, changed)
            _write_parts(db, fresh)
            self._ledger.post_in(db, account_id, entries)
        return tuple(changed)


def end_unsent(
    db: Connection,
    which: ColumnElement[bool],
    state: str,
    reason: str,
    status: str,
    now: datetime,
    *,
    states: Sequence[OrderRecordState] = ("planned",),
) -> int:
    """End those of ``which`` that were never sent; how many there were."""
    found = _locked(db, which, states)
    values = {"state": state, "reason": reason, "status": status, "final_at": now}
    return db.execute(
        update(orders).where(orders.c.id.in_(found)).values(**values, updated_at=now)
    ).rowcount


def call_off(
    db: Connection, account_id: UUID, state: TradingState, reason: str, now: datetime
) -> None:
    """What a kill switch that was just turned to ``state`` means for the orders there are.

    In its transaction: from its commit on those not sent yet are refused, and those that may be at
    the broker are to be canceled there. While the account only reduces these are the buys: Sluice
    is long only. Nothing takes it back; whoever holds the account's lease sees to it.
    """
    if state == "active":
        return
    which = orders.c.account_id == account_id
    if state == "reducing":
        which &= orders.c.side == "buy"
    why = ONLY_SMALLER if state == "reducing" else str(Halted(reason))
    end_unsent(db, which, "refused", why, state, now)
    found = _locked(db, which & orders.c.cancel_asked_at.is_(None), AT_BROKER)
    db.execute(update(orders).where(orders.c.id.in_(found)).values(cancel_asked_at=now))


def _locked(
    db: Connection, which: ColumnElement[bool], states: Sequence[OrderRecordState]
) -> list[UUID]:
    query = select(orders.c.id).where(which, orders.c.state.in_(states))
    return list(db.execute(query.order_by(orders.c.id).with_for_update()).scalars())


def _after(record: OrderRecord, view: BrokerOrder, now: datetime) -> OrderRecord:
    """The record after the broker showed ``view``: quantities only grow, a final state stays."""
    from dataclasses import replace

    final = record.state in ("filled", "canceled", "expired", "rejected", "replaced")
    if view.filled_quantity < record.filled_quantity or (
        final and view.filled_quantity == record.filled_quantity
    ):
        return record
    state = record.state if final else view.state
    return replace(
        record,
        state=state,
        status=view.status,
        reason="" if record.state in ("sending", "unknown") else record.reason,
        broker_order_id=view.broker_order_id,
        request_id=view.request_id or record.request_id,
        filled_quantity=view.filled_quantity,
        filled_cash=view.filled_cash,
        final_at=record.final_at or (now if view.final else None),
        updated_at=record.updated_at if _same(record, view, state) else now,
    )


def _same(record: OrderRecord, view: BrokerOrder, state: str) -> bool:
    return (
        record.state == state
        and record.status == view.status
        and record.broker_order_id == view.broker_order_id
        and record.filled_quantity == view.filled_quantity
        and record.filled_cash == view.filled_cash
    )


_CHANGING = (
    "state", "status", "reason", "broker_order_id", "request_id", "filled_quantity",
    "filled_cash", "final_at", "updated_at",
)  # fmt: skip


def _write_orders(db: Connection, records: Sequence[OrderRecord]) -> None:
    if records:
        rows = [
            {"order": one.id, **{f"new_{name}": getattr(one, name) for name in _CHANGING}}
            for one in records
        ]
        fresh: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _CHANGING}
        db.execute(update(orders).where(orders.c.id == bindparam("order")).values(fresh), rows)


def _write_parts(db: Connection, owned: Mapping[UUID, Sequence[Part]]) -> None:
    rows = [
        {"order": order_id, "at": line, "shares": part.booked_quantity, "cash": part.booked_cash}
        for order_id, parts in owned.items()
        for line, part in enumerate(parts)
    ]
    if rows:
        here = (order_parts.c.order_id == bindparam("order")) & (
            order_parts.c.line == bindparam("at")
        )
        fresh: dict[str, Any] = {
            "booked_quantity": bindparam("shares"),
            "booked_cash": bindparam("cash"),
        }
        db.execute(update(order_parts).where(here).values(fresh), rows)


def _parts(db: Connection, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Part, ...]]:
    query = (
        select(order_parts)
        .where(order_parts.c.order_id.in_(list(order_ids)))
        .order_by(order_parts.c.order_id, order_parts.c.line)
    )
    found: dict[UUID, list[Part]] = defaultdict(list)
    for row in db.execute(query):
        found[row.order_id].append(
            Part(row.book, row.quantity, row.booked_quantity, row.booked_cash)
        )
    return {order_id: tuple(parts) for order_id, parts in found.items()}


def _records(rows: Iterable[Mapping[Any, Any]]) -> tuple[OrderRecord, ...]:
    return tuple(OrderRecord(**row) for row in rows)
