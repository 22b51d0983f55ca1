"""Snapshots: what every book is worth, now and at each close, and what that says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from core.brokers.base import Quote
from core.calendar import calendar
from core.metrics.measure import in_order, measure
from core.portfolio.equity import TOTAL, EquityPoint, Snapshot, chained
from core.portfolio.ledger import OTHER_SIDES, ZERO, Balances, owned, total_of
from core.trading.desk import Desk

METRICS_FROM = 2
"""Returns a book needs before it is measured."""


@dataclass(frozen=True, slots=True)
class Valued:
    """A book at the prices of one instant; ``unpriced`` symbols are counted at their last price,
    or at what they cost where there is none."""

    equity: Decimal
    cash: Decimal
    weights: Mapping[str, float]
    stale: bool


def value_books(
    balances: Balances,
    quotes: Mapping[str, Quote],
    costs: Mapping[str, Decimal],
    books: Sequence[str],
    currency: str,
    *,
    oldest: datetime,
) -> dict[str, Valued]:
    """Each of ``books``, and the total of everything. Pure.

    ``costs`` are prices to fall back on; a price older than ``oldest`` makes a value stale.
    """
    valued = {
        book: _value(balances.get(book, {}), quotes, costs, currency, oldest) for book in books
    }
    valued[TOTAL] = _value(owned(balances), quotes, costs, currency, oldest)
    return valued


def _value(
    held: Mapping[str, Decimal],
    quotes: Mapping[str, Quote],
    costs: Mapping[str, Decimal],
    currency: str,
    oldest: datetime,
) -> Valued:
    cash, stale = held.get(currency, ZERO), False
    worth: dict[str, Decimal] = {}
    for symbol, quantity in held.items():
        if symbol == currency or not quantity:
            continue
        quote = quotes.get(symbol)
        stale = stale or quote is None or quote.at < oldest
        price = costs.get(symbol, ZERO) if quote is None else quote.price
        worth[symbol] = quantity * price
    equity = cash + sum(worth.values(), ZERO)
    weights = {s: float(v / equity) for s, v in worth.items()} if equity > 0 else {}
    return Valued(equity, cash, weights, stale)


def value_now(desk: Desk, *, oldest: datetime) -> dict[str, Valued]:
    """Every running deployment and the total, at the broker's quotes.

    Raises Unavailable where it gives none.
    """
    account = desk.account
    balances = desk.ledger.balances(account.id)
    books = [one.book for one in desk.deployments.of(account.id)]
    held = {s for book, h in balances.items() if book not in OTHER_SIDES for s in h}
    quotes = desk.broker.quotes(sorted(held - {account.currency}))
    lots = desk.ledger.lots(account.id)
    costs = {symbol: kept[-1].price for (_, symbol), kept in lots.items() if kept}
    return value_books(balances, quotes, costs, books, account.currency, oldest=oldest)


def add_equity_points(desk: Desk, valued: Mapping[str, Valued]) -> None:
    now = desk.clock()
    desk.equity.add_points(
        desk.account.id,
        [
            EquityPoint(book=book, at=now, equity=v.equity, cash=v.cash, stale=v.stale)
            for book, v in valued.items()
        ],
    )


def snapshot(desk: Desk, session: date, valued: Mapping[str, Valued]) -> tuple[Snapshot, ...]:
    """Store what each book was worth at the close of ``session``; a second time is an update."""
    account, now = desk.account, desk.clock()
    earlier: dict[str, list[Snapshot]] = {}
    for one in desk.equity.snapshots(account.id, books=list(valued)):
        if one.session < session:
            earlier.setdefault(one.book, []).append(one)
    made = []
    moved: dict[datetime | None, dict[str, Decimal]] = {}  # most books have the same instant before
    for book, value in valued.items():
        before = earlier.get(book, [])
        since = before[-1].at if before else None
        if since not in moved:
            moved[since] = desk.ledger.capital_moved(account.id, account.currency, since)
        # Money between books is none to the account: only what came from outside counts.
        flow = total_of(moved[since]) if book == TOTAL else moved[since].get(book, ZERO)
        made.append(_snapshot(book, session, now, value, before, flow))
    desk.equity.put_snapshots(account.id, made)
    return tuple(made)


def _snapshot(
    book: str,
    session: date,
    now: datetime,
    value: Valued,
    before: Sequence[Snapshot],
    flow: Decimal,
) -> Snapshot:
    peak = max((one.growth for one in before), default=1.0)
    result, growth, drawdown = chained(before[-1] if before else None, peak, value.equity, flow)
    returns = [one.result for one in before[1:] if one.result is not None]
    dates = [one.session for one in before[1:] if one.result is not None]
    if before and result is not None:
        returns, dates = [*returns, result], [*dates, session]
    return Snapshot(
        book=book,
        session=session,
        at=now,
        equity=value.equity,
        cash=value.cash,
        flow=flow,
        result=result,
        growth=growth,
        drawdown=drawdown,
        metrics=_metrics(returns, dates),
        weights=dict(value.weights),
    )


def _metrics(returns: Sequence[float], sessions: Sequence[date]) -> dict[str, float]:
    """The metrics a backtest has, of live returns; none for a handful of sessions."""
    if len(returns) < METRICS_FROM:
        return {}
    periods = calendar("XNYS").periods_per_year
    days = np.array(sessions, dtype="datetime64[D]")
    found = in_order(measure(np.array(returns), days, periods))
    return {name: value for name, value in found.items() if np.isfinite(value)}
