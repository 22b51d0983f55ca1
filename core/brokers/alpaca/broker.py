"""AlpacaBroker: one account at Alpaca, through alpaca-py.

Reads are patient: asked again after failures that may pass, waiting where Alpaca limits how often
it may be asked. Writes are sent once. Whatever is not an answer of Alpaca's own leaves a write's
outcome unknown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from core.brokers.alpaca import answers
from core.brokers.alpaca.activities import activities
from core.brokers.alpaca.connection import Connection
from core.brokers.alpaca.login import check_login
from core.brokers.alpaca.refusals import outcome
from core.brokers.alpaca.values import NEW_YORK, Row, text
from core.brokers.base import (
    Accepted,
    Activity,
    Asset,
    BrokerAccount,
    BrokerOrder,
    BrokerPosition,
    CancelOutcome,
    MarketClock,
    Mode,
    OrderRequest,
    Quote,
    Refused,
    SendOutcome,
    SessionHours,
    Unknown,
)
from core.clock import Clock
from core.errors import NeedsOperator, Unavailable
from core.market.patience import Passing, Sleep
from core.market.refusal import Refusal
from core.market.sources.alpaca.symbols import is_symbol

if TYPE_CHECKING:
    from core.market.sources.alpaca.source import Feed

Answer = TypeVar("Answer")

DECIMALS = 9
QUANTITY_STEP = Decimal(1).scaleb(-DECIMALS)
MINIMUM_NOTIONAL = Decimal(1)
LONGEST_ID = 128
ORDERS_A_PAGE = 500
ACTIVITIES_A_PAGE = 100
SYMBOLS_A_REQUEST = 100  # keeps the address under 1,000 characters
_LONGEST_CHAIN = 50


class AlpacaBroker:
    """One account; safe to use from several threads.

    ``mode``             paper by default; keys and addresses must fit it (NeedsOperator)
    ``trading_url``      of the trading API, ``data_url`` of the data API; None is Alpaca's own
    ``feed``             of quotes: ``iex`` (every plan) or ``sip`` (paid)
    ``timeout_seconds``  longest wait for one answer
    ``tries``            how often one read is asked before Unavailable
    ``longest_wait_seconds``  for rate limits within one read, in all
    """

    def __init__(
        self,
        key_id: str | None,
        secret_key: str | None,
        *,
        clock: Clock,
        mode: Mode = "paper",
        trading_url: str | None = None,
        data_url: str | None = None,
        feed: Feed = "iex",
        timeout_seconds: float = 20.0,
        sleep: Sleep = time.sleep,
        tries: int = 3,
        longest_wait_seconds: float = 90.0,
    ) -> None:
        self._login = check_login(
            key_id, secret_key, mode=mode, trading_url=trading_url, data_url=data_url
        )
        self._connection = Connection(
            self._login,
            clock,
            timeout_seconds=timeout_seconds,
            sleep=sleep,
            tries=tries,
            longest_wait_seconds=longest_wait_seconds,
        )
        self._clock = clock
        self._feed: str = feed
        self._assets: dict[str, tuple[date, Mapping[str, Asset]]] = {}
        self._listing = threading.Lock()

    def __repr__(self) -> str:
        return f"<AlpacaBroker {self.mode}>"

    @property
    def name(self) -> str:
        return "alpaca"

    @property
    def mode(self) -> Mode:
        return self._login.mode

    @property
    def quantity_step(self) -> Decimal:
        return QUANTITY_STEP

    @property
    def minimum_notional(self) -> Decimal:
        return MINIMUM_NOTIONAL

    # -- reading --------------------------------------------------------------------------------

    def account(self) -> BrokerAccount:
        return self._connection.read("/account", {}, answers.account)

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Alpaca gives all positions at once."""
        return self._connection.read("/positions", {}, answers.positions)

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Oldest first."""
        return self._orders({"status": "open"})

    def recent_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Oldest first, each as it is: one that was replaced and its follower are two."""
        before = since - timedelta(microseconds=1)
        return self._orders({"status": "all", "after": _stamp(before)})

    def _orders(self, which: Mapping[str, Any]) -> tuple[BrokerOrder, ...]:
        """Pages overlap by a microsecond, as many orders may share one instant."""
        found: dict[str, BrokerOrder] = {}
        params: dict[str, Any] = {**which, "limit": ORDERS_A_PAGE, "direction": "asc"}
        while True:
            page = self._connection.read("/orders", params, _listed)
            read = {order.broker_order_id: order for order in answers.orders(page)}
            stamps = [order.submitted_at for order in read.values() if order.submitted_at]
            advances = not read.keys() <= found.keys()
            found |= read
            if len(page) < ORDERS_A_PAGE:
                return tuple(found.values())
            if not advances or not stamps:
                raise Unavailable("Alpaca's pages of orders do not advance. Try again later.")
            params |= {"after": _stamp(max(stamps) - timedelta(microseconds=1))}

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """See Broker.order. Alpaca's own 404 is a no; anybody else's is no answer."""
        found = self._connection.find(
            "/orders:by_client_order_id", {"client_order_id": client_order_id}, answers.order
        )
        if found is None:
            return None
        if found.client_order_id != client_order_id:
            raise Unavailable("Alpaca sent another order than the one asked for. Try again later.")
        chain = [found]
        while chain[-1].state == "replaced" and chain[-1].replaced_by:
            follower = self._connection.find(f"/orders/{chain[-1].replaced_by}", {}, answers.order)
            if follower is None or len(chain) == _LONGEST_CHAIN:
                raise Unavailable(
                    "Alpaca says the order was replaced by one it cannot show. Try again later."
                )
            chain.append(follower)
        return answers.chained(client_order_id, chain)

    def assets(self, symbols: Sequence[str]) -> Mapping[str, Asset]:
        """From Alpaca's lists, which are read once a New York day: what trades, and what no longer
        does when a symbol is not among the first."""
        active = self._listed_assets("active")
        if all(symbol in active for symbol in symbols):
            return {symbol: active[symbol] for symbol in symbols}
        known = {**self._listed_assets("inactive"), **active}
        return {symbol: known[symbol] for symbol in symbols if symbol in known}

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """See ``answers.quotes`` for which price is taken."""
        asked = sorted({symbol for symbol in symbols if is_symbol(symbol)})
        found: dict[str, Quote] = {}
        for i in range(0, len(asked), SYMBOLS_A_REQUEST):
            found |= self._quotes(asked[i : i + SYMBOLS_A_REQUEST])
        return found

    def clock(self) -> MarketClock:
        return self._connection.read("/clock", {}, answers.clock)

    def hours(self, start: date, end: date) -> tuple[SessionHours, ...]:
        params = {"start": start.isoformat(), "end": end.isoformat()}
        read = partial(answers.hours, start=start, end=end)
        return self._connection.read("/calendar", params, read)

    def activities(self, after: datetime) -> tuple[Activity, ...]:
        """Those of the New York day of ``after`` and later: most of Alpaca's have a date and no
        time, so some are given again and are known by their ids."""
        first = after.astimezone(NEW_YORK).date()
        asked = datetime.combine(first - timedelta(days=1), time_of_day(), NEW_YORK)
        entries = self._activity_pages(asked)
        found = _checked(lambda: activities(entries))
        return tuple(a for a in found if a.at.astimezone(NEW_YORK).date() >= first)

    # -- writing --------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> SendOutcome:
        """One POST, never a second. The quantity goes out as exact text: alpaca-py's own request
        models would make it a float."""
        if problem := _unfit(request):
            return Refused("invalid", problem)
        body = {
            "symbol": request.symbol,
            "side": request.side,
            "type": "market",
            "time_in_force": "day",
            "qty": exact(request.quantity),
            "client_order_id": request.client_order_id,
        }
        trading = self._connection.trading
        try:
            answer = trading.post("/orders", body)
            accepted = answers.order(answer, trading.request_id)
        except Refusal as refusal:
            return outcome(refusal, self._seconds_until(refusal.reset))
        except Passing as failure:
            return Unknown(f"Alpaca {failure}.")
        except NeedsOperator as failure:
            return Refused("account", str(failure))
        if accepted.client_order_id != request.client_order_id:
            return Unknown("Alpaca answered with another order than the one sent.")
        return Accepted(accepted)

    def cancel(self, broker_order_id: str) -> CancelOutcome:
        try:
            self._connection.trading.delete(f"/orders/{broker_order_id}")
        except Refusal as refusal:
            if refusal.status == 422 and refusal.said is not None:
                return CancelOutcome("too_late", f"Alpaca: {refusal.said}")
            return CancelOutcome(
                "unknown", f"Alpaca answered with HTTP {refusal.status}{refusal.colon_said}."
            )
        except Passing as failure:
            return CancelOutcome("unknown", f"Alpaca {failure}.")
        except NeedsOperator as failure:
            return CancelOutcome("unknown", str(failure))
        return CancelOutcome("requested")

    def close(self) -> None:
        self._connection.close()

    # -- pages and lists ------------------------------------------------------------------------

    def _quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Of as many symbols as fit one request."""
        params = {"symbols": ",".join(symbols), "feed": self._feed}
        trades = self._connection.read_data("/stocks/trades/latest", params)
        two_sided = self._connection.read_data("/stocks/quotes/latest", params)
        return _checked(lambda: answers.quotes(symbols, trades, two_sided, self._feed))

    def _activity_pages(self, after: datetime) -> list[Row]:
        params: dict[str, Any] = {
            "after": _stamp(after),
            "direction": "asc",
            "page_size": ACTIVITIES_A_PAGE,
            "category": "non_trade_activity",
        }
        found: dict[str, Row] = {}
        while True:
            answer = self._connection.read("/account/activities", params, _listed)
            page = list(answers.rows(answer, "activities"))
            known = len(found)
            found |= {text(entry.get("id")) or "": entry for entry in page}
            if len(page) < ACTIVITIES_A_PAGE:
                return list(found.values())
            last = text(page[-1].get("id"))
            if len(found) == known or last is None:
                raise Unavailable("Alpaca's pages of activities do not advance. Try again later.")
            params["page_token"] = last

    def _listed_assets(self, status: str) -> Mapping[str, Asset]:
        today = self._clock().astimezone(NEW_YORK).date()
        with self._listing:
            kept = self._assets.get(status)
            if kept is None or kept[0] != today:
                params = {"status": status, "asset_class": "us_equity"}
                kept = today, self._connection.read("/assets", params, answers.assets)
                self._assets[status] = kept
            return kept[1]

    def _seconds_until(self, reset: datetime | None) -> float | None:
        return None if reset is None else max(0.0, (reset - self._clock()).total_seconds())


def _listed(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise Passing("sent an answer that is no list")
    return answer


def _checked(read: Callable[[], Answer]) -> Answer:
    """``read`` of answers that are there already; Unavailable where they cannot be read."""
    try:
        return read()
    except Passing as failure:
        raise Unavailable(f"Alpaca {failure}. Try again later.") from failure


def _unfit(request: OrderRequest) -> str | None:
    """Why the order is not sent at all."""
    quantity = request.quantity
    if not quantity.is_finite() or quantity <= 0:
        return "The quantity is not a number of shares above zero."
    if len(exact(quantity).partition(".")[2]) > DECIMALS:
        return f"The quantity has more than {DECIMALS} decimals."
    if not 0 < len(request.client_order_id) <= LONGEST_ID:
        return f"The order's id has no or more than {LONGEST_ID} characters."
    return None


def exact(quantity: Decimal) -> str:
    """All its digits, no exponent, no zeros at the end: ``0.00001``, ``100``."""
    digits = format(quantity, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
