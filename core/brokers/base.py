"""The seam between Sluice and a broker: one protocol, values without a vendor's shape.

Quantities, prices and cash are exact ``Decimal``; instants are aware UTC. A value a broker did not
give is None, never zero. Adapters translate every foreign exception:

    Unavailable      it did not answer, or not as it should; a read may be tried again
    NeedsOperator    keys refused, account blocked or closed: stop this account, call a person
    BadInput         what was asked for cannot be (a symbol it does not know)

Only ``submit`` and ``cancel`` change anything at the broker, and they never raise for what the
broker said or failed to say: their outcome is a value, because *unknown* is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

Side = Literal["buy", "sell"]
Mode = Literal["paper", "live"]

OrderState = Literal[
    "accepted",  # the broker has it; nothing is filled
    "partially_filled",
    "filled",
    "canceled",  # final; may hold a filled quantity
    "expired",  # final; may hold a filled quantity
    "rejected",  # final; nothing is filled
    "replaced",  # final for this id; ``replaced_by`` names the order that goes on
    "pending_cancel",
    "unrecognised",  # a status this adapter does not know: ``status`` has it; never final
]
FINAL_STATES: frozenset[OrderState] = frozenset(
    ("filled", "canceled", "expired", "rejected", "replaced")
)

RefusalKind = Literal[
    "invalid",  # the order itself: a field, a quantity, a symbol that does not trade
    "funds",  # too little buying power or too few shares
    "wash_trade",  # an opposite order is open
    "account",  # keys, a blocked account, "rejected by user request": stop the account
    "other",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """A market order for the day. ``quantity`` is positive, in shares, a multiple of the step."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as the broker shows it now; fills are cumulative.

    ``filled_cash`` is what the fills cost or brought, before fees: ``filled_total`` where the
    broker says it exactly, else the filled quantity at the average price.
    """

    client_order_id: str
    broker_order_id: str
    symbol: str
    side: Side
    quantity: Decimal | None
    """None for an order by an amount of money, which people make by hand."""
    state: OrderState
    status: str
    """The broker's own word."""
    filled_quantity: Decimal
    filled_price: Decimal | None
    """Average; None while nothing is filled."""
    submitted_at: datetime | None
    updated_at: datetime | None
    filled_total: Decimal | None = None
    replaced_by: str | None = None
    """Broker's id of the order that took this one's place."""
    request_id: str | None = None
    """What the broker's support asks for."""

    @property
    def final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def filled_cash(self) -> Decimal:
        if self.filled_total is not None:
            return self.filled_total
        return Decimal(0) if self.filled_price is None else self.filled_quantity * self.filled_price


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has the order; ``order`` may be filled already."""

    order: BrokerOrder


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker said no: nothing was and will be traded under this id."""

    kind: RefusalKind
    reason: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The broker has an order of that client id already: look it up."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be trusted: the order may be at the broker or not. Look it up.

    ``wait_seconds`` is how long the broker asked to be left alone, where it said so.
    """

    reason: str
    wait_seconds: float | None = None


SendOutcome = Accepted | Refused | Exists | Unknown


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """``requested``: it will be canceled, or is. ``too_late``: it is final, read it. ``unknown``:
    no answer that can be trusted."""

    result: Literal["requested", "too_late", "unknown"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    currency: str
    blocked: str | None = None
    """Why the broker takes no orders, in its words; None when it does."""
    number: str | None = None
    """The broker's own number of the account, the same whatever keys open it; None where it has
    none of its own (the built-in broker's accounts are Sluice's)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPosition:
    """``quantity`` is negative for a short position."""

    symbol: str
    quantity: Decimal
    average_price: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    symbol: str
    tradable: bool
    fractionable: bool
    shortable: bool = False
    reason: str = ""
    """Why it does not trade, where the broker says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """``price`` is the last trade's, or the middle of bid and ask; ``at`` is when it was made."""

    symbol: str
    price: Decimal
    at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    feed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClock:
    """``now`` is the broker's clock, to measure ours against; None where it shows none."""

    now: datetime | None
    is_open: bool
    next_close: datetime | None


@dataclass(frozen=True, slots=True)
class SessionHours:
    """A session by the broker's calendar, unscheduled closures taken out."""

    session: date
    opens_at: datetime
    closes_at: datetime


ActivityKind = Literal[
    "dividend", "split", "fee", "interest", "transfer", "rename", "bust", "correction", "other"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something that changed the account without an order of ours; fills are not activities.

    ``cash`` is signed, what the account gained. For a split, ``ratio`` is new shares for an old
    one and ``quantity`` the signed change of shares, where given.
    """

    id: str
    kind: ActivityKind
    at: datetime
    symbol: str | None = None
    cash: Decimal | None = None
    quantity: Decimal | None = None
    ratio: Decimal | None = None
    new_symbol: str | None = None
    text: str = ""


@runtime_checkable
class Broker(Protocol):
    """One account at one broker."""

    @property
    def name(self) -> str:
        """``paper``, ``alpaca``."""
        ...

    @property
    def mode(self) -> Mode: ...

    @property
    def quantity_step(self) -> Decimal:
        """Smallest part of a share of a fractionable asset; others trade whole."""
        ...

    @property
    def minimum_notional(self) -> Decimal:
        """Smallest buy in the account's currency."""
        ...

    # -- reading: Unavailable, NeedsOperator ------------------------------------------------------

    def account(self) -> BrokerAccount: ...

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Every position, all pages."""
        ...

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Every order that is not final, whoever made it, all pages."""
        ...

    def recent_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Every order submitted since then, final or not, whoever made it, in few requests."""
        ...

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """The order with that client id, at the end of its chain of replacements with the whole
        chain's fills; None when the broker says it has none."""
        ...

    def assets(self, symbols: Sequence[str]) -> Mapping[str, Asset]:
        """What it says of each; a symbol it does not know is missing."""
        ...

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """The latest of each; a symbol without one is missing."""
        ...

    def clock(self) -> MarketClock: ...

    def hours(self, start: date, end: date) -> tuple[SessionHours, ...]:
        """Sessions from ``start`` to ``end``, both included."""
        ...

    def activities(self, after: datetime) -> tuple[Activity, ...]:
        """Since that instant, oldest first, all pages."""
        ...

    # -- writing: never raise for the broker's or the network's sake ------------------------------

    def submit(self, request: OrderRequest) -> SendOutcome:
        """Send once; never again by itself."""
        ...

    def cancel(self, broker_order_id: str) -> CancelOutcome: ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class OrderStream(Protocol):
    """A broker that tells of its orders as they change. Polling stays the truth behind it."""

    def changed(self, wait_seconds: float) -> frozenset[str]:
        """Client ids of orders that changed since the last call; waits at most so long for one.

        Empty when nothing came, also while the connection is down: it is mended behind.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
