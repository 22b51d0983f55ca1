"""Lots: what each acquisition has left and what it cost; the oldest is sold first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from core.portfolio.ledger import ZERO, rounded_down

_SHARE = Decimal("0.000000001")


@dataclass(frozen=True, slots=True)
class Lot:
    """``quantity`` is negative for shares sold short at ``price``."""

    quantity: Decimal
    price: Decimal
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The lots after a trade, and what closing some of them made."""

    lots: tuple[Lot, ...]
    realised: Decimal | None
    """None where nothing was closed."""


def after_trade(lots: Sequence[Lot], quantity: Decimal, price: Decimal, at: datetime) -> Change:
    """Buy or sell ``quantity``: lots of the other sign are closed first, the oldest first."""
    left, remaining, made, closed = quantity, list(lots), ZERO, False
    while left and remaining and (remaining[0].quantity > 0) != (left > 0):
        lot = remaining[0]
        taken = min(-left, lot.quantity, key=abs)
        made += taken * (price - lot.price)
        closed = True
        left += taken
        if taken == lot.quantity:
            remaining.pop(0)
        else:
            remaining[0] = replace(lot, quantity=lot.quantity - taken)
    if left:
        remaining.append(Lot(left, price, at))
    return Change(tuple(remaining), made if closed else None)


def after_split(lots: Sequence[Lot], change: Decimal) -> tuple[Lot, ...]:
    """So many shares more (or fewer) for the same cost, over the lots in proportion; a lot too
    small to keep a share's smallest part is gone."""
    held = sum((lot.quantity for lot in lots), ZERO)
    if not held or not held + change:
        return ()
    ratio = (held + change) / held
    # In whole parts of a share, as holdings are; what that leaves over is the newest lot's, so
    # that the sum is exact.
    quantities = [rounded_down(lot.quantity * ratio, _SHARE) for lot in lots]
    quantities[-1] += held + change - sum(quantities, ZERO)
    return tuple(
        replace(lot, quantity=quantity, price=lot.quantity * lot.price / quantity)
        for lot, quantity in zip(lots, quantities, strict=True)
        if quantity
    )


def cost(lots: Sequence[Lot]) -> Decimal:
    return sum((lot.quantity * lot.price for lot in lots), ZERO)
