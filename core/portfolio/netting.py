"""Netting: opposite wishes of deployments meet inside, the rest is one order a symbol. Pure.

The rule. For each symbol, buyers and sellers among the deployments trade with each other at the
mark as far as they match; the side that wants more gives up in proportion to what each wanted.
What is left is one net order, owned in parts by those who still want something. A fill is given to
the owners in proportion to what each is still owed, rounded down to the symbol's step, the
remainder to the last; its cash likewise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.brokers.base import Side
from core.portfolio.ledger import ZERO, Posting, rounded_down, shared_out
from core.portfolio.rebalance import Lattice, Wish


@dataclass(frozen=True, slots=True)
class Cross:
    """A deployment's share of an internal trade; ``quantity`` is signed."""

    book: str
    symbol: str
    quantity: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True)
class NetOrder:
    """``parts`` are positive and sum to ``quantity``."""

    symbol: str
    side: Side
    quantity: Decimal
    mark: Decimal
    parts: Mapping[str, Decimal]

    @property
    def notional(self) -> Decimal:
        return self.quantity * self.mark


@dataclass(frozen=True, slots=True)
class Netted:
    crosses: tuple[Cross, ...]
    orders: tuple[NetOrder, ...]
    """Sells first, then buys, each by symbol."""
    too_small: tuple[NetOrder, ...]
    """Below the symbol's smallest amount of money."""


def net(
    wishes: Sequence[Wish], marks: Mapping[str, Decimal], lattices: Mapping[str, Lattice]
) -> Netted:
    """Cross what can be crossed, and make one order a symbol of the rest."""
    symbols = sorted({symbol for one in wishes for symbol in one.changes})
    crosses: list[Cross] = []
    orders: list[NetOrder] = []
    small: list[NetOrder] = []
    for symbol in symbols:
        wanted = {one.book: one.changes[symbol] for one in wishes if symbol in one.changes}
        lattice, mark = lattices[symbol], marks[symbol]
        inside, left = _crossed(wanted, lattice.step)
        crosses += [Cross(book, symbol, q, mark) for book, q in inside.items() if q]
        total = sum(left.values(), ZERO)
        if not total:
            continue
        parts = {book: abs(quantity) for book, quantity in left.items() if quantity}
        order = NetOrder(symbol, "buy" if total > 0 else "sell", abs(total), mark, parts)
        if order.side == "buy" and order.notional < lattice.minimum_notional:
            small.append(order)
        else:
            orders.append(order)
    orders.sort(key=lambda order: (order.side == "buy", order.symbol))
    return Netted(tuple(crosses), tuple(orders), tuple(small))


def _crossed(
    wanted: Mapping[str, Decimal], step: Decimal
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What each trades inside, and what each still wants outside; both signed."""
    buys = {book: q for book, q in wanted.items() if q > 0}
    sells = {book: q for book, q in wanted.items() if q < 0}
    matched = min(sum(buys.values(), ZERO), -sum(sells.values(), ZERO))
    if not matched:
        return {}, dict(wanted)
    inside = shared_out(matched, buys, step) | shared_out(-matched, sells, step)
    return inside, {book: q - inside[book] for book, q in wanted.items()}


def cross_postings(crosses: Sequence[Cross], currency: str) -> tuple[Posting, ...]:
    """The postings of internal trades: shares and cash between deployments, nothing outside.

    Cash is quantity times mark, exactly; as the quantities of a symbol sum to zero, so does it.
    """
    postings: list[Posting] = []
    for cross in crosses:
        postings.append(Posting(cross.book, cross.symbol, cross.quantity, cross.mark))
        postings.append(Posting(cross.book, currency, -cross.quantity * cross.mark))
    return tuple(postings)


@dataclass(frozen=True, slots=True)
class Part:
    """One owner's part of an order, and what of it is booked; all positive."""

    book: str
    quantity: Decimal
    booked_quantity: Decimal
    booked_cash: Decimal


def split_fill(
    parts: Sequence[Part], filled: Decimal, cash: Decimal, step: Decimal
) -> tuple[Part, ...]:
    """The parts after the order has filled ``filled`` for ``cash`` in all.

    Both are cumulative: applying the same twice changes nothing. What a broker filled over the
    order's quantity is nobody's part, and of its cash no more than that quantity's share is booked.
    """
    booked = sum((part.booked_quantity for part in parts), ZERO)
    spent = sum((part.booked_cash for part in parts), ZERO)
    owed = {str(i): part.quantity - part.booked_quantity for i, part in enumerate(parts)}
    open_quantity = sum(owed.values(), ZERO)
    more = max(min(filled - booked, open_quantity), ZERO)
    beyond = max(filled - booked - open_quantity, ZERO)
    if not more:
        return tuple(parts)
    # Cash of what lies within the order, where the broker filled more than was asked for.
    due = cash - spent if not beyond else (cash - spent) * more / (more + beyond)
    quantities = shared_out(more, owed, step)
    return tuple(
        Part(
            part.book,
            part.quantity,
            part.booked_quantity + quantities[str(i)],
            part.booked_cash + money,
        )
        for (i, part), money in zip(
            enumerate(parts), _money(due, list(quantities.values())), strict=True
        )
    )


_MONEY = Decimal("0.000001")


def _money(due: Decimal, quantities: Sequence[Decimal]) -> list[Decimal]:
    """``due`` in proportion to the quantities, to a millionth, the remainder to the last."""
    total = sum(quantities, ZERO)
    shares = [rounded_down(due * quantity / total, _MONEY) for quantity in quantities]
    last = max(i for i, quantity in enumerate(quantities) if quantity)
    shares[last] += due - sum(shares, ZERO)
    return shares
