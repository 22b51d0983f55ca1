"""From target weights to quantities: what each deployment wants to trade. Pure.

Money is Decimal here and in the ledger; weights are float64 from the flow engine. The conversion
happens in ``exact`` and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.portfolio.ledger import ZERO, rounded_down

WEIGHT_TOLERANCE = 1e-6
"""Weights may sum to so much over the gross limit: what rounding does."""


UNSPENT = Decimal("0.001")
"""Money a deployment leaves where it would spend all: a fill's cash is split over its owners to a
millionth, and what one is overdrawn by would be missing for the last order of all."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """What a symbol trades in: whole steps, and nothing below a smallest amount of money."""

    step: Decimal
    minimum_notional: Decimal


@dataclass(frozen=True, slots=True)
class Wish:
    """What one deployment wants: signed changes of quantity by symbol, and its targets."""

    book: str
    equity: Decimal
    targets: Mapping[str, Decimal]
    changes: Mapping[str, Decimal]


class Unplannable(ValueError):
    """A deployment's weights cannot be acted upon; the message says why."""


def exact(number: float) -> Decimal:
    """The shortest decimal that reads back as this float."""
    return Decimal(repr(float(number)))


def checked(weights: Mapping[str, float], *, gross_limit: float) -> dict[str, float]:
    """``weights`` without zeros; raises Unplannable where no order may follow from them.

    A sum that rounding carried over the limit is brought back to it: there is no money for more.
    """
    for symbol, weight in weights.items():
        if weight is None or not math.isfinite(weight):
            raise Unplannable(f"the weight of {symbol} is not a number")
        if weight < 0:
            raise Unplannable(f"the weight of {symbol} is below zero, and nothing is sold short")
    gross = sum(abs(weight) for weight in weights.values())
    if gross > gross_limit + WEIGHT_TOLERANCE:
        raise Unplannable(
            f"its weights add up to {gross:.4g} of its equity, more than the limit of "
            f"{gross_limit:g}"
        )
    part = min(gross_limit / gross, 1.0) if gross else 1.0
    return {symbol: weight * part for symbol, weight in weights.items() if weight}


def worth(holdings: Mapping[str, Decimal], marks: Mapping[str, Decimal], cash: Decimal) -> Decimal:
    """Equity at the marks; raises Unplannable for a holding without a price."""
    total = cash
    for symbol, quantity in holdings.items():
        if symbol not in marks:
            raise Unplannable(f"{symbol}, which it holds, has no price")
        total += quantity * marks[symbol]
    return total


def wish(
    book: str,
    weights: Mapping[str, float],
    equity: Decimal,
    holdings: Mapping[str, Decimal],
    marks: Mapping[str, Decimal],
    lattices: Mapping[str, Lattice],
    *,
    allowance: Decimal = ZERO,
    frozen: frozenset[str] = frozenset(),
    at_most: Mapping[str, Decimal] | None = None,
) -> Wish:
    """What a deployment of that equity has to trade to hold ``weights``.

    A target is weight × equity ÷ mark, rounded towards zero to the symbol's step; a symbol
    without weight is sold whole, to the last digit, and a part of a step that is held beside a
    target stays. ``allowance`` is the share of equity kept back
    for what trading costs. Symbols in ``frozen`` are left as they are. Changes worth less than the
    symbol's smallest amount of money are no changes, except that what is no longer wanted is sold
    all the same. Where sales it counted on do not take place, all buys are smaller in proportion:
    it spends its own money and nobody else's, and of that all but ``UNSPENT``. With ``at_most``
    only its symbols are traded, each in its direction and no further than that (signed).

    Raises Unplannable for a symbol without a price.
    """
    base = equity * (1 - allowance)
    targets: dict[str, Decimal] = {}
    for symbol, weight in weights.items():
        if symbol not in marks:
            raise Unplannable(f"{symbol} has no price")
        if symbol in lattices:
            wanted = exact(weight) * base / marks[symbol]
            targets[symbol] = rounded_down(wanted, lattices[symbol].step)
    changes: dict[str, Decimal] = {}
    for symbol in sorted(targets.keys() | holdings.keys()):
        if symbol in frozen or symbol not in lattices:
            continue
        if at_most is not None and symbol not in at_most:
            continue
        held = holdings.get(symbol, ZERO)
        change = targets.get(symbol, ZERO) - held
        if targets.get(symbol):
            change = rounded_down(change, lattices[symbol].step)
        if at_most is not None:
            change = _no_further(change, at_most[symbol])
        if not change:
            continue
        small = abs(change) * marks[symbol] < lattices[symbol].minimum_notional
        if not (small and targets.get(symbol, ZERO)):
            changes[symbol] = change
    cash = equity - sum((q * marks[symbol] for symbol, q in holdings.items()), ZERO)
    borrowed = max(sum(map(exact, weights.values())) * base - equity, ZERO)
    changes = _afforded(changes, cash + borrowed - UNSPENT, marks, lattices)
    return Wish(book, equity, targets, changes)


def _no_further(change: Decimal, most: Decimal) -> Decimal:
    if change * most <= 0:
        return ZERO
    return min(change, most) if most > 0 else max(change, most)


def _afforded(
    changes: dict[str, Decimal],
    money: Decimal,
    marks: Mapping[str, Decimal],
    lattices: Mapping[str, Lattice],
) -> dict[str, Decimal]:
    over = sum((change * marks[symbol] for symbol, change in changes.items()), ZERO) - money
    bought = sum((q * marks[symbol] for symbol, q in changes.items() if q > 0), ZERO)
    if over <= 0 or not bought:
        return changes
    part = max(bought - over, ZERO) / bought
    afforded: dict[str, Decimal] = {}
    for symbol, change in changes.items():
        smaller = change if change < 0 else rounded_down(change * part, lattices[symbol].step)
        enough = smaller * marks[symbol] >= lattices[symbol].minimum_notional
        if smaller and (smaller < 0 or enough):
            afforded[symbol] = smaller
    return afforded
