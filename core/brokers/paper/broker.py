"""The built-in broker: fills market orders at its market data source's price, without keys.

It keeps books of its own (``PaperBooks``), as a broker does: Sluice's ledger is compared with them
and never writes them. Orders fill at the source's latest price, moved against the order by the
slippage, while the market is open by the calendar; a share of orders may fill in two parts.
Dividends and splits come from the source's price series (core/market/actions.py) on the first
question of a session, and show as activities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.brokers.base import (
    Accepted,
    Activity,
    Asset,
    BrokerAccount,
    BrokerOrder,
    BrokerPosition,
    CancelOutcome,
    Exists,
    MarketClock,
    Mode,
    OrderRequest,
    Quote,
    Refused,
    SendOutcome,
    SessionHours,
    Side,
)
from core.brokers.paper.books import (
    PRICE_STEP,
    PaperBook,
    PaperBooks,
    PaperOrder,
    after_fill,
)
from core.brokers.paper.corporate import begun, read_actions, settle, unsettled
from core.brokers.paper.prices import Prices
from core.calendar import Calendar, calendar
from core.clock import Clock
from core.market.source import MarketSource

ZERO = Decimal(0)
_CURRENCY = "USD"
_OPEN = ("accepted", "partially_filled")


class PaperOptions(BaseModel):
    """What the built-in broker is told when an account is added."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cash: Decimal = Field(Decimal(100_000), gt=0, description="Money it starts with.")
    slippage_bps: float = Field(
        1.0, ge=0, le=500, description="A fill is so much worse than the price, in basis points."
    )
    partial_share: float = Field(
        0.0, ge=0, le=1, description="Share of orders that fill in two parts."
    )
    fractional: bool = Field(True, description="Whether parts of a share can be traded.")
    minimum_notional: Decimal = Field(
        Decimal(1), ge=0, description="Smallest buy it takes, in its currency."
    )


class PaperBroker:
    """A ``Broker``."""

    name = "paper"
    mode: Mode = "paper"

    def __init__(
        self,
        account_id: UUID,
        books: PaperBooks,
        source: MarketSource,
        clock: Clock,
        options: PaperOptions | None = None,
    ) -> None:
        self._id, self._books, self._source, self._clock = account_id, books, source, clock
        self._options = options or PaperOptions()
        self._calendar: Calendar = calendar("XNYS")
        self._prices = Prices(source, self._calendar, clock)

    @property
    def quantity_step(self) -> Decimal:
        return Decimal("0.000000001") if self._options.fractional else Decimal(1)

    @property
    def minimum_notional(self) -> Decimal:
        return self._options.minimum_notional

    # -- reading ---------------------------------------------------------------------------------

    def account(self) -> BrokerAccount:
        with self._book() as book:
            held, cash = book.positions(), book.cash
        quotes = self.quotes(sorted(held))
        value = sum(
            (p.quantity * (quotes[s].price if s in quotes else p.average_price))
            for s, p in held.items()
        )
        return BrokerAccount(
            cash=cash, equity=cash + value, buying_power=max(cash, ZERO), currency=_CURRENCY
        )

    def positions(self) -> tuple[BrokerPosition, ...]:
        with self._book() as book:
            held = book.positions()
        quotes = self.quotes(sorted(held))
        return tuple(
            BrokerPosition(
                symbol=symbol,
                quantity=position.quantity,
                average_price=position.average_price,
                price=quotes[symbol].price if symbol in quotes else None,
            )
            for symbol, position in sorted(held.items())
        )

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        quotes = self._quotes_of_open_orders()
        with self._book() as book:
            orders = [self._tended(book, order, quotes) for order in book.open_orders()]
        return tuple(_shown(order) for order in orders if order.state in _OPEN)

    def recent_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        quotes = self._quotes_of_open_orders()
        with self._book() as book:
            orders = [self._tended(book, order, quotes) for order in book.orders_since(since)]
        return tuple(_shown(order) for order in orders)

    def order(self, client_order_id: str) -> BrokerOrder | None:
        quotes = self._quotes_of_open_orders()
        with self._book() as book:
            found = book.order(client_order_id)
            return None if found is None else _shown(self._tended(book, found, quotes))

    def assets(self, symbols: Sequence[str]) -> Mapping[str, Asset]:
        known = set(self._source.symbols())
        return {
            symbol: Asset(symbol=symbol, tradable=True, fractionable=self._options.fractional)
            for symbol in symbols
            if not known or symbol in known
        }

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """See ``Prices.quotes``."""
        return self._prices.quotes(symbols)

    def clock(self) -> MarketClock:
        now = self._clock()
        hours = self.hours(now.date() - timedelta(days=1), now.date() + timedelta(days=7))
        open_now = next((h for h in hours if h.opens_at <= now < h.closes_at), None)
        coming = open_now or next((h for h in hours if h.opens_at > now), None)
        return MarketClock(
            now=now,
            is_open=open_now is not None,
            next_close=None if coming is None else coming.closes_at,
        )

    def hours(self, start: date, end: date) -> tuple[SessionHours, ...]:
        return tuple(
            SessionHours(day, self._calendar.opening(day), self._calendar.close(day))
            for day in self._calendar.between(start, end).tolist()
        )

    def activities(self, after: datetime) -> tuple[Activity, ...]:
        with self._book() as book:
            return book.activities(after)

    # -- writing ---------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> SendOutcome:
        now = self._clock()
        clock = self.clock()
        price = self.quotes([request.symbol]).get(request.symbol)
        with self._book() as book:
            if book.order(request.client_order_id) is not None:
                return Exists()
            refusal = self._refusal(book, request, price, clock)
            if refusal is not None or price is None or clock.next_close is None:
                return refusal or Refused("invalid", "there is no market")
            order = book.add_order(
                PaperOrder(
                    client_order_id=request.client_order_id,
                    number=0,
                    symbol=request.symbol,
                    side=request.side,
                    quantity=request.quantity,
                    state="accepted",
                    filled_quantity=ZERO,
                    filled_cash=ZERO,
                    submitted_at=now,
                    updated_at=now,
                    expires_at=clock.next_close,
                )
            )
            first = request.quantity
            if _draw(request.client_order_id) < self._options.partial_share:
                first = (request.quantity / 3).quantize(self.quantity_step, "ROUND_DOWN")
            # A third of a share that trades whole is nothing: all of it comes later.
            return Accepted(_shown(self._fill(book, order, first, price.price) if first else order))

    def cancel(self, broker_order_id: str) -> CancelOutcome:
        with self._book() as book:
            for order in book.open_orders():
                if str(order.number) == broker_order_id:
                    book.put_order(replace(order, state="canceled", updated_at=self._clock()))
                    return CancelOutcome("requested")
        return CancelOutcome("too_late", "it is final")

    def close(self) -> None:
        """Nothing is open between calls."""

    # -- inside ----------------------------------------------------------------------------------

    @contextmanager
    def _book(self) -> Iterator[PaperBook]:
        """The books, locked, once they have had what the sessions since the last time brought.

        That is read before: a market that is slow keeps nobody from the books. Where they changed
        meanwhile, it is read again.
        """
        session, actions = begun(self._calendar, self._clock()), None
        while True:
            with self._books.locked(self._id, self._options.cash) as book:
                wanted = unsettled(book, session)
                if wanted is None or (actions is not None and actions.of == wanted):
                    carried = None if wanted is None else actions
                    settle(book, session, carried, self._calendar, self.quantity_step)
                    yield book
                    return
            actions = read_actions(wanted, self._prices, session)

    def _quotes_of_open_orders(self) -> Mapping[str, Quote]:
        """For ``_tended``, which has the books locked."""
        with self._book() as book:
            symbols = sorted({order.symbol for order in book.open_orders()})
        return self.quotes(symbols) if symbols else {}

    def _refusal(
        self, book: PaperBook, request: OrderRequest, quote: Quote | None, clock: MarketClock
    ) -> Refused | None:
        if not request.quantity.is_finite() or request.quantity <= 0:
            return Refused("invalid", "the quantity is not a number of shares above zero")
        if quote is None:
            return Refused("invalid", f"{request.symbol} has no price")
        if not clock.is_open:
            return Refused("invalid", "the market is closed")
        if request.quantity % self.quantity_step:
            return Refused("invalid", f"quantity must be a multiple of {self.quantity_step}")
        if request.side == "sell":
            position = book.position(request.symbol)
            held = ZERO if position is None else position.quantity
            if request.quantity > held:
                return Refused("funds", f"{held} {request.symbol} are held")
            return None
        notional = request.quantity * quote.price
        if notional < self.minimum_notional:
            return Refused("invalid", f"a buy must be worth at least {self.minimum_notional}")
        needed = request.quantity * self._price(quote.price, "buy")
        if needed > book.cash:
            return Refused("funds", f"it costs {needed:.2f}, the account has {book.cash:.2f}")
        return None

    def _price(self, price: Decimal, side: Side) -> Decimal:
        against = Decimal(repr(self._options.slippage_bps)) / 10_000
        factor = 1 + against if side == "buy" else 1 - against
        return (price * factor).quantize(PRICE_STEP)

    def _tended(
        self, book: PaperBook, order: PaperOrder, quotes: Mapping[str, Quote]
    ) -> PaperOrder:
        """An order that waits for its second part gets it; after the close it expires."""
        if order.state not in _OPEN:
            return order
        now = self._clock()
        if now >= order.expires_at:
            order = replace(order, state="expired", updated_at=now)
            book.put_order(order)
            return order
        quote = quotes.get(order.symbol)
        if quote is None or now == order.updated_at:
            return order
        return self._fill(book, order, order.quantity - order.filled_quantity, quote.price)

    def _fill(
        self, book: PaperBook, order: PaperOrder, quantity: Decimal, price: Decimal
    ) -> PaperOrder:
        at = self._price(price, order.side)
        cash = quantity * at
        signed = quantity if order.side == "buy" else -quantity
        book.cash -= cash if order.side == "buy" else -cash
        held = book.position(order.symbol)
        book.put_position(order.symbol, after_fill(held, signed, at))
        filled = order.filled_quantity + quantity
        order = replace(
            order,
            state="filled" if filled == order.quantity else "partially_filled",
            filled_quantity=filled,
            filled_cash=order.filled_cash + cash,
            updated_at=self._clock(),
        )
        book.put_order(order)
        return order


def _shown(order: PaperOrder) -> BrokerOrder:
    filled = order.filled_quantity
    return BrokerOrder(
        client_order_id=order.client_order_id,
        broker_order_id=str(order.number),
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        state=order.state,  # type: ignore[arg-type]
        status=order.state,
        filled_quantity=filled,
        filled_price=None if not filled else (order.filled_cash / filled).quantize(PRICE_STEP),
        filled_total=order.filled_cash,
        submitted_at=order.submitted_at,
        updated_at=order.updated_at,
    )


def _draw(client_order_id: str) -> float:
    """A number in [0, 1) that is the order's own: drills repeat."""
    from hashlib import blake2s

    return int.from_bytes(blake2s(client_order_id.encode(), digest_size=4).digest(), "big") / 2**32
