"""Recording: a plan as rows, and a window as sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from core.accounts.events import Event
from core.portfolio.netting import NetOrder, Part
from core.portfolio.records import (
    DecisionRecord,
    OrderRecord,
    OrderRecordState,
    Window,
    client_order_id,
)
from core.risk.checks import ONLY_SMALLER, reduces
from core.trading.desk import Desk
from core.trading.plan import Plan, Planned, Reading


@dataclass(frozen=True, slots=True)
class _Leg:
    order: NetOrder
    state: OrderRecordState
    status: str = ""
    reason: str = ""


def orders_of(
    window: Window, plan: Plan, reading: Reading, fence: int, now: datetime
) -> tuple[list[OrderRecord], dict[UUID, tuple[Part, ...]]]:
    legs = [_Leg(order, "planned") for order in plan.screened.passed]
    legs += [_Leg(r.order, "refused", r.rule, r.reason) for r in plan.screened.refused]
    legs += [
        _Leg(
            order, "refused", "too_small", f"worth {order.notional:.2f}, less than the broker takes"
        )
        for order in plan.too_small
    ]
    made, parts = [], {}
    for leg in legs:
        order = leg.order
        name = client_order_id(
            window.account_id, window.session, window.slot, order.symbol, order.side, 0
        )
        record = OrderRecord(
            id=uuid5(window.id, name),
            account_id=window.account_id,
            window_id=window.id,
            session=window.session,
            slot=window.slot,
            symbol=order.symbol,
            side=order.side,
            leg=0,
            client_order_id=name,
            quantity=order.quantity,
            price=order.mark,
            quoted_at=reading.quotes[order.symbol].at,
            state=leg.state,
            status=leg.status,
            reason=leg.reason,
            fence=fence,
            created_at=now,
            final_at=None if leg.state == "planned" else now,
            updated_at=now,
        )
        made.append(record)
        parts[record.id] = tuple(
            Part(book, quantity, Decimal(0), Decimal(0)) for book, quantity in order.parts.items()
        )
    return made, parts


def only_reducing(order: OrderRecord, positions: Mapping[str, Decimal]) -> OrderRecord:
    if order.state != "planned" or makes_smaller(order, positions):
        return order
    return replace(
        order, state="refused", status="reducing", reason=ONLY_SMALLER, final_at=order.created_at
    )


def makes_smaller(order: OrderRecord, positions: Mapping[str, Decimal]) -> bool:
    return reduces(NetOrder(order.symbol, order.side, order.quantity, order.price, {}), positions)


def decision_record(window: Window, planned: Planned) -> DecisionRecord:
    one, decision = planned.deployment, planned.decision
    return DecisionRecord(
        window_id=window.id,
        deployment_id=one.id,
        state=decision.state,
        reason=decision.reason,
        version=one.version,
        flow_hash=one.flow_hash,
        equity=planned.equity,
        weights=None if decision.weights is None else dict(decision.weights),
        trace=None if decision.trace is None else dict(decision.trace),
    )


def refusal_events(
    desk: Desk, window: Window, plan: Plan, made: Sequence[OrderRecord]
) -> list[Event]:
    events = [
        desk.event(
            "refused",
            f"{order.side} {order.quantity.normalize():f} {order.symbol} was refused: "
            f"{order.reason}.",
            severity="warning",
            window=window.id,
        )
        for order in made
        if order.state == "refused" and order.status not in ("too_small",)
    ]
    events += [
        desk.event(
            "strategy_failed" if one.decision.state == "failed" else "refused",
            f"{one.deployment.name} did not trade: {one.decision.reason}.",
            severity="critical" if one.decision.state == "failed" else "warning",
            deployment=one.deployment.id,
            window=window.id,
        )
        for one in plan.planned
        if one.decision.state in ("aborted", "failed")
    ]
    return events


def failure_events(desk: Desk, window: Window, orders: Sequence[OrderRecord]) -> list[Event]:
    """What the broker refused or did not answer. Nobody sends it again by himself."""
    return [
        desk.event(
            "order_failed",
            f"{order.side} {order.quantity.normalize():f} {order.symbol} is {order.state}: "
            f"{order.reason}",
            severity="critical" if order.status in ("account", "wash_trade") else "warning",
            window=window.id,
        )
        for order in orders
        if order.state in ("rejected", "unknown")
    ]


def summary_event(
    desk: Desk, window: Window, state: str, error: str, orders: Sequence[OrderRecord]
) -> Event:
    if state == "failed":
        return desk.event(
            "window_failed",
            f"The window of {window.session} planned nothing: {error}",
            severity="critical",
            window=window.id,
        )
    if state == "missed":
        text = f"The window of {window.session} was missed: {error}."
        return desk.event("missed_window", text, severity="critical", window=window.id)
    filled = sum(order.state == "filled" for order in orders)
    refused = sum(order.state in ("refused", "rejected") for order in orders)
    ended = sum(order.state in ("canceled", "expired") for order in orders)
    lapsed = sum(order.state == "lapsed" for order in orders)
    still = sum(order.open for order in orders)
    parts = [f"{filled} filled"]
    parts += [f"{still} open"] if still else []
    parts += [f"{refused} refused"] if refused else []
    parts += [f"{ended} canceled or expired"] if ended else []
    parts += [f"{lapsed} not sent before the close"] if lapsed else []
    return desk.event(
        "window_failed" if state == "expired" else "rebalanced",
        f"Window of {window.session}: {', '.join(parts) if orders else 'nothing to trade'}.",
        severity="critical" if lapsed else "warning" if refused or still or ended else "info",
        window=window.id,
        detail={"orders": len(orders)},
    )
