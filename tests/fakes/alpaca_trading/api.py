"""The trading API's addresses and forms, over the desk.

Each handler takes the call and what its address holds, and gives the JSON to answer, or a whole
``Reply`` for statuses such as 204 and 207.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.alpaca_server import Refused
from tests.fakes.alpaca_trading import rules
from tests.fakes.alpaca_trading.account import NEW_YORK
from tests.fakes.alpaca_trading.desk import Desk
from tests.fakes.alpaca_trading.orders import Order
from tests.fakes.server import Call, Reply

Handler = Callable[["Api", Call, str], Any]

NO_CONTENT = 204
MULTI_STATUS = 207


class Api:
    """``average_places`` rounds the average price of an order's fills; None keeps every digit."""

    def __init__(self, desk: Desk, average_places: int | None) -> None:
        self.desk = desk
        self.average_places = average_places
        self.configuration = {"suspend_trade": False, "fractional_trading": True}

    def answer(self, call: Call) -> Any:
        for method, pattern, handler in _ROUTES:
            if method == call.method and (found := pattern.fullmatch(call.path)):
                with self.desk.lock:
                    self.desk.run()
                    return handler(self, call, (found.groups() or ("",))[0])
        raise rules.not_found("endpoint")

    # -- orders ---------------------------------------------------------------------------------

    def post_order(self, call: Call, _: str) -> Any:
        order = self.desk.accept(_body(call))
        said = self.order_json(order)
        self.desk.route(order)
        return said

    def list_orders(self, call: Call, _: str) -> Any:
        query = call.query
        wanted = query.get("status", "open")
        limit = _limit(query.get("limit", "50"), 500)
        after, until = _instant(query.get("after")), _instant(query.get("until"))
        symbols = {s for s in query.get("symbols", "").split(",") if s}
        if wanted not in ("open", "closed", "all"):
            raise rules.invalid("invalid status")
        found = [
            order
            for order in self.desk.book.all.values()
            if (wanted == "all" or (wanted == "open") != order.final)
            and (after is None or order.submitted_at > after)
            and (until is None or order.submitted_at < until)
            and (not symbols or order.symbol in symbols)
        ]
        found.sort(key=lambda order: order.submitted_at)
        if query.get("direction", "desc") == "desc":
            found.reverse()
        return [self.order_json(order) for order in found[:limit]]

    def get_order(self, call: Call, order_id: str) -> Any:
        return self.order_json(self._order(order_id))

    def get_by_client_id(self, call: Call, _: str) -> Any:
        order = self.desk.book.by_client_id.get(call.query.get("client_order_id", ""))
        if order is None:
            raise rules.not_found("order")
        return self.order_json(order)

    def patch_order(self, call: Call, order_id: str) -> Any:
        new = self.desk.replace(self._order(order_id), _body(call))
        said = self.order_json(new)
        self.desk.route(new)
        return said

    def delete_order(self, call: Call, order_id: str) -> Any:
        self.desk.cancel(self._order(order_id))
        return Reply(NO_CONTENT)

    def delete_orders(self, call: Call, _: str) -> Any:
        statuses = []
        for order in list(self.desk.book.open()):
            self.desk.cancel(order)
            statuses.append({"id": order.id, "status": 200})
        return Reply.of(statuses, MULTI_STATUS)

    def order_json(self, order: Order) -> dict[str, Any]:
        return order.json(self.average_places)

    def _order(self, order_id: str) -> Order:
        order = self.desk.book.all.get(order_id)
        if order is None:
            raise rules.not_found("order")
        return order

    # -- positions ------------------------------------------------------------------------------

    def list_positions(self, call: Call, _: str) -> Any:
        return [self._position(symbol) for symbol in sorted(self.desk.account.positions)]

    def get_position(self, call: Call, symbol: str) -> Any:
        return self._position(symbol)

    def delete_position(self, call: Call, symbol: str) -> Any:
        held = self.desk.account.quantity(symbol)
        if not held:
            raise rules.not_found("position")
        quantity = abs(held)
        if "qty" in call.query:
            quantity = Decimal(call.query["qty"])
        elif "percentage" in call.query:
            share = Decimal(call.query["percentage"]) / 100
            quantity = round(quantity * share, 9)
        return self._liquidate(symbol, "sell" if held > 0 else "buy", quantity)

    def delete_positions(self, call: Call, _: str) -> Any:
        if call.query.get("cancel_orders", "").lower() == "true":
            self.delete_orders(call, "")
        answers = []
        for symbol, position in sorted(self.desk.account.positions.items()):
            side = "sell" if position.quantity > 0 else "buy"
            try:
                body, status = self._liquidate(symbol, side, abs(position.quantity)), 200
            except Refused as refused:
                body, status = refused.content, refused.code
            answers.append({"symbol": symbol, "status": status, "body": body})
        return Reply.of(answers, MULTI_STATUS)

    def _liquidate(self, symbol: str, side: str, quantity: Decimal) -> dict[str, Any]:
        body = {"symbol": symbol, "side": side, "type": "market", "time_in_force": "day"}
        order = self.desk.accept({**body, "qty": str(quantity)})
        said = self.order_json(order)
        self.desk.route(order)
        return said

    def _position(self, symbol: str) -> dict[str, Any]:
        if symbol not in self.desk.account.positions:
            raise rules.not_found("position")
        return self.desk.account.position_json(
            symbol, self.desk.price_of(symbol), self.desk.reserved_shares(symbol)
        )

    # -- the account ----------------------------------------------------------------------------

    def get_account(self, call: Call, _: str) -> Any:
        return self.desk.account_json()

    def configurations(self, call: Call, _: str) -> Any:
        if call.method == "PATCH":
            self.configuration |= _body(call)
            blocked = self.desk.account.blocked
            change = blocked.add if self.configuration["suspend_trade"] else blocked.discard
            change("trade_suspended_by_user")
        return self.configuration

    def activities(self, call: Call, kind: str) -> Any:
        query = call.query
        kinds = {k for k in (kind or query.get("activity_types", "")).split(",") if k}
        category = query.get("category")
        after, until = query.get("after", ""), query.get("until", "")
        size = _limit(query.get("page_size", "100"), 100)
        found = [
            activity
            for activity in self.desk.account.activities
            if (not kinds or activity["activity_type"] in kinds)
            and (category is None or (category == "trade_activity") == _is_fill(activity))
            and (not after or _when(activity) > _instant_or_day(after))
            and (not until or _when(activity) < _instant_or_day(until))
        ]
        found.sort(key=_when)
        if query.get("direction", "desc") == "desc":
            found.reverse()
        token = query.get("page_token")
        if token:
            ids = [activity["id"] for activity in found]
            found = found[ids.index(token) + 1 :] if token in ids else []
        return found[:size]

    def history(self, call: Call, _: str) -> Any:
        now, equity = int(self.desk.clock().timestamp()), self.desk.account_json()["equity"]
        values = {"timestamp": [now], "equity": [float(equity)], "profit_loss": [0.0]}
        return {**values, "profit_loss_pct": [0.0], "base_value": float(equity), "timeframe": "1D"}

    # -- the market -----------------------------------------------------------------------------

    def clock(self, call: Call, _: str) -> Any:
        now = self.desk.clock()
        session = self.desk.hours.next(now)
        opens = session
        if session.is_open(now):
            opens = self.desk.hours.following(session)
        return {
            "timestamp": now.astimezone(NEW_YORK).isoformat(),
            "is_open": session.is_open(now),
            "next_open": opens.opens.astimezone(NEW_YORK).isoformat(),
            "next_close": session.closes.astimezone(NEW_YORK).isoformat(),
        }

    def calendar(self, call: Call, _: str) -> Any:
        start = date.fromisoformat(call.query.get("start", "1990-01-01")[:10])
        end = date.fromisoformat(call.query.get("end", "2029-12-31")[:10])
        return [
            {
                "date": session.day.isoformat(),
                "open": f"{session.opens.astimezone(NEW_YORK):%H:%M}",
                "close": f"{session.closes.astimezone(NEW_YORK):%H:%M}",
                "session_open": "0400",
                "session_close": "2000",
                "settlement_date": self.desk.hours.following(session).day.isoformat(),
            }
            for session in self.desk.hours.between(start, end)
        ]

    def list_assets(self, call: Call, _: str) -> Any:
        return self.desk.assets.listed(call.query.get("status"))

    def get_asset(self, call: Call, symbol: str) -> Any:
        asset = self.desk.assets.find(symbol)
        if asset is None:
            raise rules.not_found(f"asset for {symbol}")
        return asset


_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = [
    (method, re.compile(f"/v2/{path}"), handler)
    for method, path, handler in (
        ("POST", "orders", Api.post_order),
        ("GET", "orders", Api.list_orders),
        ("DELETE", "orders", Api.delete_orders),
        ("GET", "orders:by_client_order_id", Api.get_by_client_id),
        ("GET", "orders/([^/]+)", Api.get_order),
        ("PATCH", "orders/([^/]+)", Api.patch_order),
        ("DELETE", "orders/([^/]+)", Api.delete_order),
        ("GET", "positions", Api.list_positions),
        ("DELETE", "positions", Api.delete_positions),
        ("GET", "positions/([^/]+)", Api.get_position),
        ("DELETE", "positions/([^/]+)", Api.delete_position),
        ("GET", "account", Api.get_account),
        ("GET", "account/configurations", Api.configurations),
        ("PATCH", "account/configurations", Api.configurations),
        ("GET", "account/activities", Api.activities),
        ("GET", "account/activities/([^/]+)", Api.activities),
        ("GET", "account/portfolio/history", Api.history),
        ("GET", "clock", Api.clock),
        ("GET", "calendar", Api.calendar),
        ("GET", "assets", Api.list_assets),
        ("GET", "assets/([^/]+)", Api.get_asset),
    )
]


def _body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        raise rules.no(400, 40010000, "request body format is invalid") from None
    if not isinstance(body, dict):
        raise rules.no(400, 40010000, "request body format is invalid")
    return body


def _limit(text: str, most: int) -> int:
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise rules.invalid(f"limit must be between 1 and {most}")
    return int(text)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _is_fill(activity: dict[str, Any]) -> bool:
    return activity["activity_type"] == "FILL"


def _when(activity: dict[str, Any]) -> datetime:
    return _instant_or_day(activity.get("transaction_time") or activity["date"])


def _instant_or_day(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=NEW_YORK)
