"""Dividends, splits, fees and renames at the pretended Alpaca: the account changes, and activities
say so as Alpaca writes them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import uuid5

from tests.fakes.alpaca_trading.desk import Desk
from tests.fakes.alpaca_trading.orders import NAMESPACE, plain

ZERO = Decimal(0)


def dividend(desk: Desk, symbol: str, per_share: Decimal, at: datetime) -> None:
    held = desk.account.quantity(symbol)
    cash = round(held * per_share, 2)
    desk.account.cash += cash
    desk.account.record(
        at, "DIV", cash=cash, symbol=symbol, qty=plain(held), per_share_amount=plain(per_share)
    )


def split(desk: Desk, symbol: str, ratio: Decimal, at: datetime) -> None:
    """``ratio`` new shares for an old one; the price moves against it where one is set."""
    position = desk.account.positions.get(symbol)
    last = desk.quotes.last(symbol)
    if last is not None:
        desk.quotes.set(symbol, last.price / ratio)
    if position is None:
        return
    old, new = position.quantity, (position.quantity * ratio).quantize(Decimal("1e-9"))
    position.quantity, position.average = new, position.average / ratio
    said = f"From QTY:{plain(old)}, To QTY:{plain(new)}"
    desk.account.record(at, "SPLIT", symbol=symbol, qty=-old, description=f"REMOVE, {said}")
    desk.account.record(at, "SPLIT", symbol=symbol, qty=new, description=f"ADD, {said}")


def rename(desk: Desk, old: str, new: str, at: datetime) -> None:
    last = desk.quotes.last(old)
    if last is not None:
        desk.quotes.set(new, last.price)
        desk.quotes.remove(old)
    desk.assets.set(old, status="inactive", tradable=False)
    desk.assets.set(new)
    position = desk.account.positions.pop(old, None)
    if position is None:
        return
    position.symbol = new
    desk.account.positions[new] = position
    group = str(uuid5(NAMESPACE, f"rename {old} {new}"))
    held = position.quantity
    desk.account.record(at, "NC", symbol=old, qty=-held, group_id=group)
    desk.account.record(at, "NC", symbol=new, qty=held, group_id=group)


def cash(desk: Desk, kind: str, amount: Decimal, at: datetime) -> None:
    """``FEE``, ``INT``, ``CSD`` (deposit), ``CSW`` (withdrawal) …; ``amount`` signed."""
    desk.account.cash += amount
    desk.account.record(at, kind, cash=amount)
