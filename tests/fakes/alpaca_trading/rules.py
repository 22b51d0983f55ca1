"""What the pretended Alpaca refuses, and in which words.

Statuses, codes and texts as Alpaca's documents and its users' reports have them; the rules for a
fractional share, opposite orders, flips and cut-offs included.
"""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tests.fakes.alpaca_server import Refused
from tests.fakes.alpaca_trading.account import NEW_YORK
from tests.fakes.alpaca_trading.orders import Order, plain

if TYPE_CHECKING:
    from tests.fakes.alpaca_trading.desk import Desk

LONGEST_ID = 128
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES = ("day", "gtc", "opg", "cls", "ioc", "fok")


def no(status: int, code: int, message: str) -> Refused:
    return Refused(status, {"code": code, "message": message})


def invalid(message: str) -> Refused:
    return no(422, 40010001, message)


def forbidden(message: str) -> Refused:
    return no(403, 40310000, message)


def unfit(message: str) -> Refused:
    return no(422, 42210000, message)


def not_found(what: str) -> Refused:
    return no(404, 40410000, f"{what} not found")


def decimal(body: dict[str, Any], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        raise invalid(f"{name} is not a number") from None
    if not read.is_finite():
        raise invalid(f"{name} is not a number")
    return read


def check_account(desk: Desk) -> None:
    """A blocked account takes no orders."""
    blocked = desk.account.blocked
    if "trade_suspended_by_user" in blocked:
        raise forbidden("new orders are rejected by user request")
    if blocked & {"account_blocked", "trading_blocked"} or desk.account.status != "ACTIVE":
        raise forbidden("account is restricted to liquidation only")


def check_form(desk: Desk, body: dict[str, Any]) -> None:
    """What can be said of the order without the account."""
    asset = desk.assets.find(str(body.get("symbol") or ""))
    if asset is None:
        raise invalid(f'asset "{body.get("symbol")}" not found')
    if body.get("side") not in ("buy", "sell"):
        raise invalid("invalid side")
    if body.get("type") not in TYPES:
        raise invalid("invalid order type")
    if body.get("time_in_force") not in TIMES:
        raise invalid("invalid time_in_force")
    client_id = body.get("client_order_id")
    if client_id is not None and len(client_id) > LONGEST_ID:
        raise invalid(f"client_order_id must be no more than {LONGEST_ID} characters")
    if client_id in desk.book.by_client_id:
        raise invalid("client_order_id must be unique")
    if asset["status"] != "active":
        raise unfit(f'asset "{asset["symbol"]}" is not active')
    if not asset["tradable"]:
        raise unfit(f'asset "{asset["symbol"]}" is not tradable')
    _check_quantity(body, asset)
    _check_price(body)
    _check_cut_off(str(body["time_in_force"]), desk.clock())


def _check_quantity(body: dict[str, Any], asset: dict[str, Any]) -> None:
    quantity, notional = decimal(body, "qty"), decimal(body, "notional")
    if (quantity is None) == (notional is None):
        raise invalid("one of qty or notional is required, not both")
    given = quantity if quantity is not None else notional
    assert given is not None
    if given <= 0:
        raise invalid("qty must be > 0" if quantity is not None else "notional must be > 0")
    if quantity is not None and quantity != round(quantity, 9):
        raise invalid("qty has more than 9 decimals")
    if notional is not None and notional != round(notional, 2):
        raise invalid("notional value must be limited to 2 decimal places")
    if notional is not None or given != given.to_integral_value():
        if not asset["fractionable"]:
            raise forbidden(f'asset "{asset["symbol"]}" is not fractionable')
        if body["time_in_force"] != "day":
            raise unfit("fractional orders must be DAY orders")


def _check_price(body: dict[str, Any]) -> None:
    price = decimal(body, "limit_price")
    if (body["type"] in ("limit", "stop_limit")) != (price is not None):
        raise invalid("limit orders, and only they, require a limit_price")
    if price is not None and price != round(price, 2 if price >= 1 else 4):
        said = "sub-penny increment does not fulfill minimum pricing criteria"
        raise unfit(f"invalid limit_price {price}. {said}")


def _check_cut_off(time_in_force: str, now: datetime) -> None:
    at = now.astimezone(NEW_YORK).time()
    if time_in_force == "cls" and time(15, 50) <= at < time(19):
        raise unfit("cls orders are not accepted between 3:50pm and 7:00pm")
    if time_in_force == "opg" and time(9, 28) <= at < time(19):
        raise unfit("opg orders are not accepted between 9:28am and 7:00pm")


def check_means(desk: Desk, order: Order) -> None:
    """Whether the account can pay or deliver, and no order of its own stands opposite."""
    for other in desk.book.open(order.symbol):
        if other.side != order.side and _would_cross(order, other):
            raise forbidden("potential wash trade detected. use complex orders")
    held = desk.account.quantity(order.symbol)
    if order.is_buy:
        _check_buy(desk, order, held)
    else:
        _check_sell(desk, order, held)


def _would_cross(order: Order, other: Order) -> bool:
    if order.limit_price is None or other.limit_price is None:
        return True
    buy, sell = (order, other) if order.is_buy else (other, order)
    return buy.limit_price >= sell.limit_price


def _check_buy(desk: Desk, order: Order, held: Decimal) -> None:
    if held < 0:
        if order.left > -held:
            raise forbidden(_too_few(order, -held))
        return
    cost = order.left * order.reserve_price
    if order.notional is None and cost < 1:
        raise invalid("cost basis must be >= minimal amount of order 1")
    power = Decimal(desk.account_json()["buying_power"])
    if cost > power:
        said = f"insufficient buying power (requested: {plain(cost)}, available: {plain(power)})"
        raise forbidden(said)


def _check_sell(desk: Desk, order: Order, held: Decimal) -> None:
    if held > 0 or desk.account.multiplier == 1:
        available = max(Decimal(0), held - desk.reserved_shares(order.symbol))
        if order.left > available:
            raise forbidden(_too_few(order, available))
        return
    if order.left != order.left.to_integral_value():
        raise unfit("fractional orders cannot be sold short")
    asset = desk.assets.find(order.symbol)
    if asset is None or not asset["shortable"]:
        raise unfit(f'asset "{order.symbol}" cannot be sold short')


def _too_few(order: Order, available: Decimal) -> str:
    asked = plain(order.left)
    return (
        f"insufficient qty available for order (requested: {asked}, available: {plain(available)})"
    )
