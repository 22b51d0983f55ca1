"""Alpaca's account, positions, orders, assets, quotes and hours, read tolerantly.

alpaca-py's own models fail a whole list when one entry has an exchange, a status or a null they do
not expect, so the raw JSON is read here: unknown fields are left out, unknown words become
``unrecognised`` and are logged once, and an entry that cannot be read costs only itself. What
cannot be traded without (cash, a quantity) is missed aloud: ``Passing``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from core.brokers.alpaca.values import Row, day, flag, in_new_york, instant, number, say_once, text
from core.brokers.base import (
    Asset,
    BrokerAccount,
    BrokerOrder,
    BrokerPosition,
    MarketClock,
    OrderState,
    Quote,
    SessionHours,
    Side,
)
from core.market.patience import Passing

_log = logging.getLogger(__name__)

# Alpaca has the order and may still fill it; how far it is filled says the rest.
_WORKING = frozenset(
    (
        *("new", "accepted", "pending_new", "accepted_for_bidding", "held", "stopped"),
        *("suspended", "calculated", "pending_replace", "done_for_day", "partially_filled"),
    )
)
_SAME_WORD: frozenset[OrderState] = frozenset(
    ("filled", "canceled", "expired", "rejected", "replaced", "pending_cancel")
)
_FRESHER_SECONDS = 60
"""A quote so much newer than the last trade is taken instead (IEX trades some funds rarely)."""
_WIDEST_SPREAD = Decimal("0.01")
"""Of the middle; a wider quote does not stand in for a trade."""


def rows(answer: Any, what: str) -> Iterator[Row]:
    """The entries of a list; ``Passing`` when it is none, odd entries left out."""
    if not isinstance(answer, list):
        raise Passing(f"sent {what} in an unknown form")
    for entry in answer:
        if isinstance(entry, dict):
            yield entry
        else:
            _leave_out(what, "it is no object")


def row(answer: Any, what: str) -> Row:
    if not isinstance(answer, dict):
        raise Passing(f"sent {what} in an unknown form")
    return answer


# -- orders ---------------------------------------------------------------------------------------


def order(answer: Any, request_id: str | None = None) -> BrokerOrder:
    """One order; ``Passing`` when it lacks what an order cannot be without."""
    read = _order(row(answer, "an order"), request_id)
    if isinstance(read, str):
        raise Passing(f"sent an order that {read}")
    if read.filled_quantity and read.filled_price is None:
        raise Passing("sent a filled order without its price")
    return read


def orders(answer: Any) -> list[BrokerOrder]:
    """A list of orders; one that cannot be read is logged and left out.

    One with fills and no price is there as ``unrecognised``: it exists, and must not be booked.
    """
    found = []
    for entry in rows(answer, "orders"):
        read = _order(entry, None)
        if isinstance(read, str):
            _leave_out("orders", f"it {read}", id=text(entry.get("id")))
        elif read.filled_quantity and read.filled_price is None:
            found.append(replace(read, state="unrecognised"))
        else:
            found.append(read)
    return found


def _order(entry: Row, request_id: str | None) -> BrokerOrder | str:
    """The order, or what is wrong with it."""
    broker_id, symbol = text(entry.get("id")), text(entry.get("symbol"))
    side = _side(entry.get("side"))
    if broker_id is None:
        return "has no id"
    if symbol is None or side is None:
        return "has no symbol or side"
    filled = number(entry.get("filled_qty"))
    status = text(entry.get("status")) or ""
    return BrokerOrder(
        client_order_id=text(entry.get("client_order_id")) or "",
        broker_order_id=broker_id,
        symbol=symbol,
        side=side,
        quantity=number(entry.get("qty")),
        state=_state(status, filled),
        status=status,
        filled_quantity=filled or Decimal(0),
        filled_price=number(entry.get("filled_avg_price")) if filled else None,
        submitted_at=instant(entry.get("submitted_at")) or instant(entry.get("created_at")),
        updated_at=instant(entry.get("updated_at")),
        replaced_by=text(entry.get("replaced_by")),
        request_id=request_id,
    )


def _side(value: object) -> Side | None:
    if value in ("buy", "buy_minus"):
        return "buy"
    return "sell" if value in ("sell", "sell_short", "sell_plus", "sell_short_exempt") else None


def _state(status: str, filled: Decimal | None) -> OrderState:
    if status in _WORKING:
        return "partially_filled" if filled else "accepted"
    for known in _SAME_WORD:
        if status == known:
            return known
    say_once("order status", status)
    return "unrecognised"


def chained(client_order_id: str, chain: list[BrokerOrder]) -> BrokerOrder:
    """A chain of replacements as one order: the last one's state, everybody's fills, each once.

    Each order of a chain has the fills of its own; the quantity is what was filled before the
    last plus what the last asks for.
    """
    last = chain[-1]
    if len(chain) == 1:
        return last
    filled = sum((link.filled_quantity for link in chain), Decimal(0))
    cash = sum((link.filled_cash for link in chain), Decimal(0))
    before = filled - last.filled_quantity
    working = last.state == "accepted" and filled
    return replace(
        last,
        client_order_id=client_order_id,
        quantity=None if last.quantity is None else before + last.quantity,
        state="partially_filled" if working else last.state,
        filled_quantity=filled,
        filled_price=cash / filled if filled else None,
        filled_total=cash if filled else None,
        submitted_at=chain[0].submitted_at,
    )


# -- the account ----------------------------------------------------------------------------------


def account(answer: Any) -> BrokerAccount:
    entry = row(answer, "the account")
    cash = number(entry.get("cash"))
    equity = number(entry.get("equity"))
    if equity is None:
        equity = number(entry.get("portfolio_value"))
    buying_power = number(entry.get("buying_power"))
    if cash is None or equity is None or buying_power is None:
        raise Passing("sent an account without cash, equity or buying power")
    return BrokerAccount(
        cash=cash,
        equity=equity,
        buying_power=buying_power,
        currency=text(entry.get("currency")) or "USD",
        blocked=_blocked(entry),
        number=text(entry.get("account_number")) or text(entry.get("id")),
    )


def _blocked(entry: Row) -> str | None:
    reasons = [
        name.replace("_", " ")
        for name in ("account_blocked", "trading_blocked", "trade_suspended_by_user")
        if flag(entry.get(name))
    ]
    status = text(entry.get("status"))
    if status not in (None, "ACTIVE"):
        reasons.append(f"account status {status}")
    return ", ".join(reasons) or None


def positions(answer: Any) -> tuple[BrokerPosition, ...]:
    """Every position. One that cannot be read fails them all: a position missed is a position
    taken for sold."""
    found = []
    for entry in rows(answer, "positions"):
        symbol, quantity = text(entry.get("symbol")), number(entry.get("qty"))
        if symbol is None or quantity is None:
            raise Passing("sent a position without symbol or quantity")
        if entry.get("side") == "short" and quantity > 0:
            quantity = -quantity
        found.append(
            BrokerPosition(
                symbol=symbol,
                quantity=quantity,
                average_price=number(entry.get("avg_entry_price")),
                price=number(entry.get("current_price")),
            )
        )
    return tuple(found)


# -- what trades, at what price, and when ---------------------------------------------------------


def assets(answer: Any) -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for entry in rows(answer, "assets"):
        symbol = text(entry.get("symbol"))
        if symbol is None:
            _leave_out("assets", "it has no symbol")
            continue
        active = entry.get("status") == "active"
        tradable = active and flag(entry.get("tradable")) is True
        if symbol in found and found[symbol].tradable:
            continue
        found[symbol] = Asset(
            symbol=symbol,
            tradable=tradable,
            fractionable=flag(entry.get("fractionable")) is True,
            shortable=flag(entry.get("shortable")) is True,
            reason="" if tradable else "not tradable" if active else "not active",
        )
    return found


def quotes(symbols: Iterable[str], trades: Any, two_sided: Any, feed: str) -> dict[str, Quote]:
    """The last trade of each symbol; the middle of its quote where that is fresher by a minute and
    narrow, or where there is no trade."""
    traded = _by_symbol(trades, "trades")
    quoted = _by_symbol(two_sided, "quotes")
    found = {}
    for symbol in symbols:
        quote = _quote(symbol, traded.get(symbol, {}), quoted.get(symbol, {}), feed)
        if quote is not None:
            found[symbol] = quote
    return found


def _quote(symbol: str, trade: Row, quote: Row, feed: str) -> Quote | None:
    price, at = number(trade.get("p")), instant(trade.get("t"))
    bid, ask, quoted_at = (
        _price(quote.get("bp")),
        _price(quote.get("ap")),
        instant(quote.get("t")),
    )
    if price is not None and price <= 0:
        price = None
    if bid is not None and ask is not None and quoted_at is not None and bid <= ask:
        middle = (bid + ask) / 2
        missing = price is None or at is None
        narrow = ask - bid <= middle * _WIDEST_SPREAD
        if missing or (narrow and at and (quoted_at - at).total_seconds() > _FRESHER_SECONDS):
            price, at = middle, quoted_at
    if price is None or at is None:
        return None
    return Quote(symbol=symbol, price=price, at=at, bid=bid, ask=ask, feed=feed)


def _price(value: object) -> Decimal | None:
    """Alpaca writes 0 for a side nobody quotes."""
    read = number(value)
    return read if read is not None and read > 0 else None


def _by_symbol(answer: Any, key: str) -> dict[str, Row]:
    entries = row(answer, key).get(key)
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise Passing(f"sent {key} in an unknown form")
    return {symbol: entry for symbol, entry in entries.items() if isinstance(entry, dict)}


def clock(answer: Any) -> MarketClock:
    entry = row(answer, "its clock")
    is_open = flag(entry.get("is_open"))
    if is_open is None:
        raise Passing("sent a clock that does not say whether the market is open")
    return MarketClock(
        now=instant(entry.get("timestamp")),
        is_open=is_open,
        next_close=instant(entry.get("next_close")),
    )


def hours(answer: Any, start: date, end: date) -> tuple[SessionHours, ...]:
    """Sessions by Alpaca's calendar, which is written in New York's time. One that cannot be read
    fails them all: a session missed is a window missed."""
    found = []
    for entry in rows(answer, "its calendar"):
        session = day(entry.get("date"))
        if session is None:
            raise Passing("sent a calendar whose dates cannot be read")
        opens = in_new_york(session, entry.get("open"))
        closes = in_new_york(session, entry.get("close"))
        if opens is None or closes is None or closes <= opens:
            raise Passing("sent a calendar whose hours cannot be read")
        if start <= session <= end:
            found.append(SessionHours(session, opens, closes))
    return tuple(sorted(found, key=lambda hours: hours.session))


def _leave_out(what: str, why: str, **fields: str | None) -> None:
    _log.warning(
        "left out an entry of what Alpaca sent",
        extra={"action": "unreadable", "what": what, "why": why, **fields},
    )
