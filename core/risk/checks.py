"""Checks: what stands between a plan and its orders. Pure; a refusal is a value with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from core.portfolio.ledger import ZERO
from core.portfolio.netting import NetOrder
from core.risk.limits import Limits

ONLY_SMALLER = "the account only makes positions smaller"
Rule = Literal["budget", "position", "reducing", "funds", "too_small", "not_tradable", "stopped"]


@dataclass(frozen=True, slots=True)
class Refusal:
    order: NetOrder
    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Screened:
    """``halt`` is why the account has to stop, where it has to."""

    passed: tuple[NetOrder, ...]
    refused: tuple[Refusal, ...]
    halt: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the account is and has done today; ``positions`` are signed quantities."""

    equity: Decimal
    buying_power: Decimal
    positions: Mapping[str, Decimal]
    reducing: bool
    orders_today: int
    notional_today: Decimal
    refused_today: int
    cash_missing: bool = False


def reduces(order: NetOrder, positions: Mapping[str, Decimal]) -> bool:
    """Whether the order makes its symbol's position smaller and does not turn it."""
    held = positions.get(order.symbol, ZERO)
    return order.quantity <= held if order.side == "sell" else order.quantity <= -held


def screen(orders: Sequence[NetOrder], standing: Standing, limits: Limits) -> Screened:
    """Let through what every limit allows, sells before buys.

    A window over its own budgets plans nothing at all and halts the account: something is wrong
    with the plan, not with its last orders.
    """
    over = _window_over(orders, standing, limits)
    if over:
        refused = tuple(Refusal(order, "budget", over) for order in orders)
        return Screened((), refused, halt=over)
    passed: list[NetOrder] = []
    refused_list: list[Refusal] = []
    count, notional = standing.orders_today, standing.notional_today
    day_limit = _times(limits.notional_per_day, standing.equity)
    power = standing.buying_power
    for order in orders:
        reason = _forbidden(order, standing, limits)
        if reason is None and not reduces(order, standing.positions):
            if count + 1 > limits.orders_per_day:
                reason = ("budget", f"the day's {limits.orders_per_day} orders are used up")
            elif notional + order.notional > day_limit:
                reason = ("budget", f"the day's {day_limit:,.0f} of trading are used up")
        if reason is None and order.side == "buy" and order.notional > power:
            reason = (
                "funds",
                f"it costs {order.notional:,.2f}, {max(power, ZERO):,.2f} can be spent",
            )
        if reason is not None:
            refused_list.append(Refusal(order, *reason))
            continue
        passed.append(order)
        count, notional = count + 1, notional + order.notional
        power += order.notional if order.side == "sell" else -order.notional
    refused_today = standing.refused_today + sum(r.rule == "budget" for r in refused_list)
    halt = ""
    if refused_today >= limits.refusals_before_halt:
        halt = f"{refused_today} orders were refused today for the day's budget"
    return Screened(tuple(passed), tuple(refused_list), halt)


def _window_over(orders: Sequence[NetOrder], standing: Standing, limits: Limits) -> str:
    if len(orders) > limits.orders_per_window:
        return (
            f"the window wants {len(orders)} orders, more than its limit of "
            f"{limits.orders_per_window}"
        )
    wanted = sum((order.notional for order in orders), ZERO)
    most = _times(limits.notional_per_window, standing.equity)
    if wanted > most:
        return f"the window wants to trade {wanted:,.0f}, more than its limit of {most:,.0f}"
    return ""


def _forbidden(order: NetOrder, standing: Standing, limits: Limits) -> tuple[Rule, str] | None:
    if reduces(order, standing.positions):
        return None
    if standing.reducing:
        return "reducing", ONLY_SMALLER
    if standing.cash_missing:
        return "stopped", "the broker has less cash than the strategies together"
    signed = order.quantity if order.side == "buy" else -order.quantity
    after = abs(standing.positions.get(order.symbol, ZERO) + signed) * order.mark
    most = _times(limits.position_share, standing.equity)
    if after > most * Decimal("1.000001"):
        return (
            "position",
            f"{order.symbol} would be worth {after:,.0f}, more than the limit of {most:,.0f}",
        )
    return None


def _times(multiple: float, equity: Decimal) -> Decimal:
    return Decimal(repr(multiple)) * equity
