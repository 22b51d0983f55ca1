"""Alpaca's trading API on loopback: an account, its orders and positions, and the stream.

    clock = VirtualClock("2026-11-25T20:50:00")                 # UTC: ten minutes to the close
    with AlpacaData(clock) as data, AlpacaTrading(clock, quotes=data.quotes) as alpaca:
        data.quotes.set("SPY", "600.00")
        alpaca.fill_as(fills.partly("3"), "SPY")                # 3 shares, then nothing more
        alpaca.misbehave(does.drop_after, path="/v2/orders", method="POST")
        …                                                       # trade at alpaca.url
        assert alpaca.sent_ids == ["…"]

Time is the clock's: a ``VirtualClock`` a test advances, or ``clock_from`` where other processes
run on theirs. The documents behind it are named in ``docs/brokers.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any, Self

from core.clock import Clock
from tests.fakes.alpaca_quotes import Quotes
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY, AlpacaServer, Refused, rate_limited
from tests.fakes.alpaca_trading import corporate, fills
from tests.fakes.alpaca_trading.account import Account
from tests.fakes.alpaca_trading.api import Api
from tests.fakes.alpaca_trading.desk import Desk
from tests.fakes.alpaca_trading.fills import Plan
from tests.fakes.alpaca_trading.orders import Order
from tests.fakes.alpaca_trading.stream import TradeUpdates
from tests.fakes.server import Call

__all__ = ["KEY_ID", "SECRET_KEY", "AlpacaTrading", "fills", "rate_limited"]

Amount = str | int | Decimal


class AlpacaTrading(AlpacaServer):
    """``quotes`` are what it fills at, best those of an ``AlpacaData``.

    ``cash``        at the start; ``multiplier`` 1 is a cash account, 2 has margin and may go short
    ``symbols``     it trades besides those that have a price
    ``closures``    sessions that do not take place
    ``latency``     real seconds each answer takes
    ``average_places``, ``cash_places``  to which an order's average price, and the cash of each
                    fill, are rounded; None for every digit
    """

    wrong_keys = Refused(401, {"code": 40110000, "message": "request is not authorized"})

    def __init__(
        self,
        clock: Clock,
        *,
        quotes: Quotes | None = None,
        cash: Amount = "100000",
        multiplier: Amount = 1,
        symbols: Iterable[str] = (),
        closures: Iterable[date] = (),
        latency: float = 0.0,
        average_places: int | None = None,
        cash_places: int | None = None,
        requests_per_minute: int = 200,
        keys: tuple[str, str] = (KEY_ID, SECRET_KEY),
        binary: bool = True,
    ) -> None:
        super().__init__(clock, requests_per_minute=requests_per_minute, keys=keys)
        self.quotes = quotes or Quotes(clock)
        self.latency = latency
        self.desk = Desk(
            clock,
            self.quotes,
            cash=Decimal(cash),
            multiplier=Decimal(multiplier),
            symbols=symbols,
            closures=closures,
        )
        self.desk.account.cash_places = cash_places
        self._api = Api(self.desk, average_places)
        self.stream = TradeUpdates(clock, keys, binary=binary)
        self.desk.listeners.append(self._tell)
        self._open = ExitStack()

    def content(self, call: Call) -> Any:
        if self.latency:
            self.stopping.wait(self.latency)
        return self._api.answer(call)

    def __enter__(self) -> Self:
        self._open.enter_context(self.stream)
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()
        super().__exit__(*error)

    @property
    def stream_url(self) -> str:
        return self.stream.url

    # -- what arrived ---------------------------------------------------------------------------

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The body of every POST of an order, whatever became of it."""
        posts = [c for c in self.calls("/v2/orders", "POST") if c.path == "/v2/orders"]
        return [json.loads(call.body) for call in posts]

    @property
    def sent_ids(self) -> list[str]:
        return [body["client_order_id"] for body in self.sent]

    @property
    def canceled_ids(self) -> list[str]:
        """Alpaca's id of every order that was asked to be canceled."""
        return [c.path.rsplit("/", 1)[-1] for c in self.calls("/v2/orders/", "DELETE")]

    # -- what the account has -------------------------------------------------------------------

    @property
    def account(self) -> Account:
        return self.desk.account

    @property
    def orders(self) -> list[Order]:
        """Every order there ever was, oldest first."""
        with self.desk.lock:
            return list(self.desk.book.all.values())

    def order(self, either_id: str) -> Order:
        """By Alpaca's id or the client's; KeyError."""
        with self.desk.lock:
            return self.desk.book.find(either_id)

    def position(self, symbol: str) -> Decimal:
        with self.desk.lock:
            return self.account.quantity(symbol)

    # -- how it behaves -------------------------------------------------------------------------

    def fill_as(self, plan: Plan, *symbols: str) -> None:
        """How orders fill that are accepted from now on; see ``fills``."""
        with self.desk.lock:
            self.desk.fills.set(plan, *symbols)

    def never_cancel(self) -> None:
        """Cancels are accepted and stay pending for ever."""
        self.desk.cancels_work = False

    def block(self, flag: str = "trading_blocked") -> None:
        """``account_blocked``, ``trading_blocked`` or ``trade_suspended_by_user``."""
        with self.desk.lock:
            self.account.blocked.add(flag)

    def unblock(self) -> None:
        with self.desk.lock:
            self.account.blocked.clear()

    # -- what happens there ---------------------------------------------------------------------

    def run(self) -> None:
        """What has fallen due by the clock, without a request that asks."""
        with self.desk.lock:
            self.desk.run()

    def fill(
        self, either_id: str, quantity: Amount | None = None, price: Amount | None = None
    ) -> None:
        """Fill an order now, by hand: all of it, or so many shares."""
        with self.desk.lock:
            self.desk.fill(self.desk.book.find(either_id), _decimal(quantity), _decimal(price))

    def end(self, either_id: str, status: str) -> None:
        """``canceled``, ``expired`` or ``rejected``, now."""
        with self.desk.lock:
            self.desk.end(self.desk.book.find(either_id), status)

    def replace(self, either_id: str, **changes: Any) -> Order:
        """Somebody replaces an order by hand; the new one fills as planned."""
        with self.desk.lock:
            new = self.desk.replace(self.desk.book.find(either_id), changes)
            self.desk.route(new)
            return new

    def bust(self, either_id: str, fill: int = -1) -> None:
        """The exchange takes a fill back."""
        with self.desk.lock:
            order = self.desk.book.find(either_id)
            self.desk.bust(order, order.fills[fill])

    def correct(self, either_id: str, price: Amount, fill: int = -1) -> None:
        """The exchange changes a fill's price."""
        with self.desk.lock:
            order = self.desk.book.find(either_id)
            self.desk.correct(order, order.fills[fill], Decimal(price))

    def order_by_hand(self, symbol: str, side: str, quantity: Amount, **more: Any) -> Order:
        """Somebody places an order in Alpaca's own app."""
        body = {"type": "market", "time_in_force": "day", "qty": str(quantity)}
        with self.desk.lock:
            order = self.desk.accept({"symbol": symbol, "side": side, **body, **more})
            self.desk.route(order)
            return order

    def give(self, symbol: str, quantity: Amount, price: Amount) -> None:
        """Shares are there that nobody's order brought."""
        with self.desk.lock:
            self.account.hold(symbol, Decimal(quantity), Decimal(price))

    def dividend(self, symbol: str, per_share: Amount) -> None:
        with self.desk.lock:
            corporate.dividend(self.desk, symbol, Decimal(per_share), self.clock())

    def split(self, symbol: str, ratio: Amount) -> None:
        """``ratio`` new shares for an old one."""
        with self.desk.lock:
            corporate.split(self.desk, symbol, Decimal(ratio), self.clock())

    def rename(self, old: str, new: str) -> None:
        with self.desk.lock:
            corporate.rename(self.desk, old, new, self.clock())

    def move_cash(self, kind: str, amount: Amount) -> None:
        """``FEE``, ``INT``, ``CSD``, ``CSW``, …; ``amount`` is what the account gains."""
        with self.desk.lock:
            corporate.cash(self.desk, kind, Decimal(amount), self.clock())

    def _tell(self, event: str, order: Order, more: dict[str, Any]) -> None:
        self.stream.tell(event, self._api.order_json(order), more)


def _decimal(value: Amount | None) -> Decimal | None:
    return None if value is None else Decimal(value)
