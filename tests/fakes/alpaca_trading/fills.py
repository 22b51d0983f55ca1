"""How orders fill, as the test wants: a plan says which shares of an order fill after how long.

An order's plan is made when it is accepted. Times are of the fake's clock, and nothing fills while
the market is closed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, Decimal

from tests.fakes.alpaca_trading.orders import Order

Plan = Callable[[Order], Sequence[tuple[float, Decimal | None]]]
"""Seconds after acceptance, and shares (None: all that are left)."""


def immediately(_: Order) -> Sequence[tuple[float, Decimal | None]]:
    """Whole, right behind the reply that says "accepted"."""
    return [(0, None)]


def never(_: Order) -> Sequence[tuple[float, Decimal | None]]:
    """Not by itself; ``AlpacaTrading.fill`` does it."""
    return []


def after(seconds: float) -> Plan:
    return lambda _: [(seconds, None)]


def partly(quantity: str | Decimal, then_after: float | None = None) -> Plan:
    """So many shares at once; the rest ``then_after`` seconds, or never."""
    first = Decimal(quantity)

    def plan(order: Order) -> Sequence[tuple[float, Decimal | None]]:
        rest: list[tuple[float, Decimal | None]] = [(then_after, None)] if then_after else []
        return [(0, min(first, order.left)), *rest]

    return plan


def at_random(seed: int, *, partial: float = 0.1, slowest_seconds: float = 5.0) -> Plan:
    """As Alpaca's paper account: whole at once, but a share of ``partial`` of the orders in up to
    three parts. The same orders in the same turn fill the same way for one seed."""
    draw = random.Random(seed)

    def plan(order: Order) -> Sequence[tuple[float, Decimal | None]]:
        if draw.random() >= partial:
            return [(0, None)]
        step = Decimal(1) if order.left == order.left.to_integral_value() else Decimal("1e-9")
        parts: list[tuple[float, Decimal | None]] = []
        for _ in range(draw.randint(1, 2)):
            share = Decimal(str(round(draw.uniform(0.1, 0.45), 3)))
            part = (order.left * share).quantize(step, rounding=ROUND_DOWN)
            if part > 0:
                parts.append((draw.uniform(0, slowest_seconds), part))
        return [*sorted(parts, key=lambda part: part[0]), (slowest_seconds, None)]

    return plan


class FillRules:
    """The plan for every order, and for orders of single symbols."""

    def __init__(self) -> None:
        self.default: Plan = immediately
        self.by_symbol: dict[str, Plan] = {}

    def set(self, plan: Plan, *symbols: str) -> None:
        """``plan`` for ``symbols`` from now on; for all, without any."""
        if not symbols:
            self.default = plan
            self.by_symbol.clear()
        for symbol in symbols:
            self.by_symbol[symbol] = plan

    def of(self, order: Order) -> Sequence[tuple[float, Decimal | None]]:
        return self.by_symbol.get(order.symbol, self.default)(order)
