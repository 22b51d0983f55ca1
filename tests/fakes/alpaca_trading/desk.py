"""The pretended Alpaca's desk: takes orders, fills, cancels, replaces, and keeps the account.

Everything happens under one lock and at the fake's clock; ``run`` does what has fallen due (fills,
expiries) and is called before each request is answered. Nothing here knows HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid5

from core.clock import Clock
from tests.fakes.alpaca_quotes import Quotes
from tests.fakes.alpaca_trading import rules
from tests.fakes.alpaca_trading.account import Account
from tests.fakes.alpaca_trading.assets import Assets
from tests.fakes.alpaca_trading.fills import FillRules
from tests.fakes.alpaca_trading.hours import Hours
from tests.fakes.alpaca_trading.orders import NAMESPACE, Book, Fill, Order

Listener = Callable[[str, Order, dict[str, Any]], None]
"""Called with a stream event's name, the order, and what else the event says."""

REPLACEABLE = ("new", "partially_filled")


class Desk:
    """``collar`` is what a market buy reserves above the price, as Alpaca's does."""

    def __init__(
        self,
        clock: Clock,
        quotes: Quotes,
        *,
        cash: Decimal,
        multiplier: Decimal,
        symbols: Iterable[str],
        closures: Iterable[date],
        collar: Decimal = Decimal("0.025"),
    ) -> None:
        self.clock = clock
        self.quotes = quotes
        self.collar = collar
        self.lock = threading.RLock()
        self.account = Account(cash, clock(), multiplier)
        self.assets = Assets(quotes, [*symbols, *quotes.symbols])
        self.book = Book()
        self.hours = Hours(closures)
        self.fills = FillRules()
        self.cancels_work = True
        """False: a cancel is accepted and stays ``pending_cancel`` for ever."""
        self.listeners: list[Listener] = []
        self._made = 0
        self._stamp = clock()

    # -- orders ---------------------------------------------------------------------------------

    def accept(self, body: dict[str, Any], replaces: Order | None = None) -> Order:
        """A new order as it is acknowledged; raises ``Refused``. ``route`` carries on."""
        rules.check_account(self)
        rules.check_form(self, body)
        last = self.quotes.last(body["symbol"])
        limit = rules.decimal(body, "limit_price")
        now, session = self.stamp(), self.hours.next(self.clock())
        reserve = limit or (last.ask if last else Decimal(0)) * (1 + self.collar)
        order = Order(
            id=self.new_id(),
            client_order_id=body.get("client_order_id") or self.new_id(),
            symbol=body["symbol"],
            side=body["side"],
            quantity=rules.decimal(body, "qty"),
            notional=rules.decimal(body, "notional"),
            type=body["type"],
            time_in_force=body["time_in_force"],
            limit_price=limit,
            status="pending_new" if session.is_open(self.clock()) else "accepted",
            submitted_at=now,
            updated_at=now,
            expires_at=session.closes,
            reserve_price=reserve,
            replaces=replaces.id if replaces else None,
        )
        if order.time_in_force == "gtc":
            order.expires_at = now + timedelta(days=90)
        rules.check_means(self, order)
        self.book.add(order)
        return order

    def route(self, order: Order) -> None:
        """The order reaches the exchange, and fills as planned."""
        if order.status == "pending_new":
            self._turn(order, "new", "new")
        now = self.clock()
        order.due = [(now + timedelta(seconds=s), n) for s, n in self.fills.of(order)]
        self.run()

    def run(self) -> None:
        """Whatever has fallen due."""
        now = self.clock()
        is_open = self.hours.is_open(now)
        for order in self.book.open():
            if order.status == "accepted" and is_open:
                self._turn(order, "new", "new")
            while is_open and order.due and order.due[0][0] <= now and self._marketable(order):
                _, quantity = order.due.pop(0)
                self.fill(order, quantity)
            if not order.final and now >= order.expires_at and order.status != "pending_cancel":
                self._turn(order, "expired", "expired")

    def fill(
        self, order: Order, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> None:
        """``quantity`` of it, or all that is left, at ``price`` or the market's."""
        if order.final:
            return
        shares = order.left if quantity is None else min(quantity, order.left)
        last = self.quotes.last(order.symbol)
        if price is None:
            if last is None:
                return
            price = last.ask if order.is_buy else last.bid
        if shares <= 0:
            return
        fill = Fill(self.stamp(), shares, price)
        order.fills.append(fill)
        self.account.book(order.symbol, shares if order.is_buy else -shares, price)
        done = order.left <= 0
        canceling = order.status == "pending_cancel" and not done
        order.status = "pending_cancel" if canceling else "filled" if done else "partially_filled"
        order.updated_at = fill.at
        order.ended_at = fill.at if done else None
        event = "fill" if done else "partial_fill"
        self.account.record_fill(order, fill, event)
        self._tell_of_fill(event, order, fill)

    def cancel(self, order: Order) -> None:
        """Raises ``Refused`` when it is too late."""
        if order.final:
            raise rules.unfit(f'order is already in "{order.status}" state')
        if not self.cancels_work:
            self._turn(order, "pending_cancel", "pending_cancel")
            return
        self.end(order, "canceled")

    def end(self, order: Order, status: str) -> None:
        """``canceled``, ``expired`` or ``rejected``, now; what is filled stays filled."""
        self._turn(order, status, status)

    def replace(self, order: Order, changes: dict[str, Any]) -> Order:
        """A new order in place of what is left of ``order``; raises ``Refused``."""
        if order.status not in REPLACEABLE or order.notional is not None:
            raise rules.unfit(f'order cannot be replaced in "{order.status}" state')
        left = order.left
        self._turn(order, "replaced", "replaced")
        body = {
            "symbol": order.symbol,
            "side": order.side,
            "type": order.type,
            "time_in_force": changes.get("time_in_force", order.time_in_force),
            "qty": changes.get("qty", str(left)),
            "limit_price": changes.get("limit_price", order.limit_price),
            "client_order_id": changes.get("client_order_id"),
        }
        new = self.accept(body, replaces=order)
        order.replaced_by = new.id
        return new

    # -- afterwards -----------------------------------------------------------------------------

    def bust(self, order: Order, fill: Fill) -> None:
        """The exchange takes a fill back: shares, cash and the order's filled quantity return."""
        order.fills.remove(fill)
        self.account.book(
            order.symbol, -fill.quantity if order.is_buy else fill.quantity, fill.price
        )
        order.updated_at = self.stamp()
        self._tell_of_fill("trade_bust", order, fill)

    def correct(self, order: Order, fill: Fill, price: Decimal) -> None:
        """The exchange changes a fill's price."""
        difference = (price - fill.price) * fill.quantity
        self.account.cash -= difference if order.is_buy else -difference
        fill.price = price
        order.updated_at = self.stamp()
        self._tell_of_fill("trade_correct", order, fill)

    # -- what it knows --------------------------------------------------------------------------

    def account_json(self) -> dict[str, Any]:
        return self.account.json(self.price_of, self.reserved_cash())

    def reserved_cash(self) -> Decimal:
        """What open buys may still cost."""
        open_buys = (order for order in self.book.open() if order.is_buy)
        return sum((order.left * order.reserve_price for order in open_buys), Decimal(0))

    def reserved_shares(self, symbol: str) -> Decimal:
        """What open sells may still deliver."""
        sells = (order for order in self.book.open(symbol) if not order.is_buy)
        return sum((order.left for order in sells), Decimal(0))

    def price_of(self, symbol: str) -> Decimal:
        last = self.quotes.last(symbol)
        if last is not None:
            return last.price
        held = self.account.positions.get(symbol)
        return held.average if held else Decimal(0)

    def stamp(self) -> datetime:
        """Now, and later than any stamp before, though the clock stands."""
        self._stamp = max(self.clock(), self._stamp + timedelta(microseconds=1))
        return self._stamp

    def new_id(self) -> str:
        self._made += 1
        return str(uuid5(NAMESPACE, f"order {self._made}"))

    def _marketable(self, order: Order) -> bool:
        last = self.quotes.last(order.symbol)
        if last is None or order.limit_price is None:
            return last is not None
        return last.ask <= order.limit_price if order.is_buy else last.bid >= order.limit_price

    def _turn(self, order: Order, status: str, event: str) -> None:
        order.status = status
        order.updated_at = self.stamp()
        if order.final:
            order.ended_at = order.updated_at
        self._tell(event, order, {})

    def _tell_of_fill(self, event: str, order: Order, fill: Fill) -> None:
        held = self.account.quantity(order.symbol)
        told = {"price": str(fill.price), "qty": str(fill.quantity), "position_qty": str(held)}
        self._tell(event, order, told)

    def _tell(self, event: str, order: Order, more: dict[str, Any]) -> None:
        for listener in list(self.listeners):
            listener(event, order, more)
