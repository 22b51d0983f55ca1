"""Corporate actions of the built-in broker: dividends paid, splits carried out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import numpy as np

from core.brokers.base import Activity
from core.brokers.paper.books import PRICE_STEP, PaperBook, PaperPosition
from core.brokers.paper.prices import Prices
from core.calendar import Calendar
from core.market.actions import Action, actions_between
from core.market.bars import Bars

_CENT = Decimal("0.000001")


def settle(book: PaperBook, prices: Prices, market: Calendar, now: datetime, step: Decimal) -> None:
    """Pay dividends and carry out splits of the sessions that began since the last time.

    ``step`` is the smallest part of a share: what a split leaves below it is paid in cash.
    """
    session = _begun(market, now)
    until, held = book.actions_until, book.positions()
    if until is not None and until >= session:
        return
    if until is not None and held:
        raw = prices.traded(sorted(held), until)
        if prices.tell_actions():
            split = prices.recent(sorted(held), "split_adjusted", until)
            whole = prices.recent(sorted(held), "adjusted", until)
            for action in actions_between(raw, split, whole, until):
                if action.session <= session:
                    _act(book, action, raw, market.opening(action.session), step)
    book.actions_until = session


def _begun(market: Calendar, now: datetime) -> date:
    """The latest session that has opened."""
    session = market.current(now) or market.last_closed(now)
    return session if now >= market.opening(session) else market.last_closed(now)


def _act(book: PaperBook, action: Action, raw: Bars, at: datetime, step: Decimal) -> None:
    position = book.position(action.symbol)
    if position is not None and action.ratio != 1.0:
        position = _split(book, action, position, raw, at, step)
    if position is not None and action.dividend:
        _pay(book, action, position, at)


def _split(
    book: PaperBook,
    action: Action,
    position: PaperPosition,
    raw: Bars,
    at: datetime,
    step: Decimal,
) -> PaperPosition | None:
    ratio = Decimal(repr(action.ratio))
    after = (position.quantity * ratio).quantize(step, "ROUND_DOWN")
    fraction = _fraction(action, position.quantity * ratio - after, raw, at)
    if fraction.cash and book.add_activity(fraction):
        book.cash += fraction.cash
    split = Activity(
        id=f"split-{action.symbol}-{action.session}",
        kind="split",
        at=at,
        symbol=action.symbol,
        quantity=after - position.quantity,
        ratio=ratio,
    )
    if book.add_activity(split):
        position = PaperPosition(after, position.average_price / ratio)
        book.put_position(action.symbol, position if after else None)
    return position if position.quantity else None


def _pay(book: PaperBook, action: Action, position: PaperPosition, at: datetime) -> None:
    each = Decimal(repr(action.dividend)).quantize(PRICE_STEP)
    cash = (position.quantity * each).quantize(_CENT)
    dividend = Activity(
        id=f"dividend-{action.symbol}-{action.session}",
        kind="dividend",
        at=at,
        symbol=action.symbol,
        cash=cash,
        quantity=position.quantity,
    )
    if cash and book.add_activity(dividend):
        book.cash += cash


def _fraction(action: Action, left: Decimal, raw: Bars, at: datetime) -> Activity:
    """What a split leaves of a share that trades whole is paid in cash. Named so that it comes
    before the split, while the books still know who held it."""
    row = int(np.searchsorted(raw.sessions, np.datetime64(action.session)))
    price = Decimal(repr(float(raw.close[row, raw.column(action.symbol)])))
    return Activity(
        id=f"fraction-{action.symbol}-{action.session}",
        kind="dividend",
        at=at,
        symbol=action.symbol,
        cash=(left * price).quantize(_CENT),
        text=f"{action.symbol}: cash for a fraction of a share",
    )
