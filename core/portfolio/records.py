"""What a trade window leaves behind: windows, decisions, orders. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from core.brokers.base import Side

WindowState = Literal["requested", "claimed", "planned", "done", "missed", "failed", "expired"]
"""``requested`` a person asked for it; ``claimed`` one process works on it; ``planned`` its orders
are recorded; ``expired`` the session closed before all were sent."""

UNFINISHED: tuple[WindowState, ...] = ("claimed", "planned")

OrderRecordState = Literal[
    "planned",
    "sending",  # it may have reached the broker
    "unknown",  # nobody knows: looked up until it is answered
    "accepted",
    "partially_filled",
    "pending_cancel",
    "unrecognised",
    "filled",
    "canceled",
    "expired",
    "rejected",
    "replaced",
    "refused",  # by our own checks, never sent
    "lapsed",  # the window ended before it could be sent
]
OPEN: tuple[OrderRecordState, ...] = (
    "planned",
    "sending",
    "unknown",
    "accepted",
    "partially_filled",
    "pending_cancel",
    "unrecognised",
)
AT_BROKER: tuple[OrderRecordState, ...] = OPEN[1:]
"""May be at the broker: tended until final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    id: UUID
    account_id: UUID
    session: date
    slot: int
    state: WindowState
    due_at: datetime
    closes_at: datetime
    claimed_at: datetime | None = None
    planned_at: datetime | None = None
    finished_at: datetime | None = None
    fence: int | None = None
    host: str = ""
    error: str = ""
    timeline: tuple[Mapping[str, Any], ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def manual(self) -> bool:
        return self.slot <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """``state``: ``decided`` new weights; ``held``: not due, or nothing to do; ``aborted``: no
    order may follow, the reason says why; ``failed``: the same, after an error nobody foresaw."""

    window_id: UUID
    deployment_id: UUID
    state: Literal["decided", "held", "aborted", "failed"]
    reason: str
    version: int | None
    flow_hash: str
    equity: Decimal | None
    weights: Mapping[str, float] | None
    trace: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    id: UUID
    account_id: UUID
    window_id: UUID
    session: date
    slot: int
    symbol: str
    side: Side
    leg: int
    client_order_id: str
    quantity: Decimal
    price: Decimal
    """The mark it was planned at."""
    quoted_at: datetime
    state: OrderRecordState
    status: str = ""
    reason: str = ""
    broker_order_id: str | None = None
    request_id: str | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_cash: Decimal = Decimal(0)
    lookups: int = 0
    fence: int = 0
    created_at: datetime
    sent_at: datetime | None = None
    final_at: datetime | None = None
    updated_at: datetime
    cancel_asked_at: datetime | None = None
    """When the kill switch called it off; the broker is asked to cancel it until it is final."""

    @property
    def called_off(self) -> bool:
        """Whether it may still be at the broker, and is not to be."""
        return self.cancel_asked_at is not None and self.state in AT_BROKER

    @property
    def notional(self) -> Decimal:
        return self.quantity * self.price

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def average_price(self) -> Decimal | None:
        """Of its fills; None while there are none."""
        return self.filled_cash / self.filled_quantity if self.filled_quantity else None

    @property
    def slippage_bps(self) -> float | None:
        """How much worse than its mark it filled, in basis points; negative where better."""
        if self.average_price is None or not self.price:
            return None
        worse = self.average_price / self.price - 1
        return float(worse if self.side == "buy" else -worse) * 10_000

    @property
    def latency_seconds(self) -> float | None:
        """From sending to its last state; None while either is to come."""
        if self.sent_at is None or self.final_at is None:
            return None
        return (self.final_at - self.sent_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Leg:
    """A strategy's part of an order. ``missing`` is what of it was not filled, positive;
    ``crossed`` what the strategy traded of the symbol inside since, signed. ``flow_hash`` is the
    version that decided it."""

    book: str
    symbol: str
    side: Side
    session: date
    at: datetime
    state: OrderRecordState
    status: str
    called_off: bool
    missing: Decimal
    flow_hash: str
    crossed: Decimal = Decimal(0)


def client_order_id(
    account_id: UUID, session: date, slot: int, symbol: str, side: Side, leg: int
) -> str:
    """The one name an order has, here and at the broker: a function of what it is.

    At most 36 characters, as the strictest broker wants: a digest where the parts would be longer.
    """
    from hashlib import blake2s

    key = f"{account_id}/{session}/{slot}/{symbol}/{side}/{leg}"
    digest = blake2s(key.encode(), digest_size=8).hexdigest()
    return f"sl-{session:%y%m%d}-{symbol[:5].lower()}-{side[0]}{leg}-{digest}"
