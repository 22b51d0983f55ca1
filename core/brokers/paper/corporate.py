"""Corporate actions of the built-in broker: dividends paid, splits carried out.

In two steps: what happened is read from the market while nobody waits for the books, and carried
out under their lock.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Sessions after ``until`` that have begun, and the symbols held since."""

    until: date
    symbols: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class CorporateActions:
    """What the sessions of ``of`` brought; ``raw`` are their prices as traded."""

    of: Unsettled
    raw: Bars
    found: tuple[Action, ...]


def begun(market: Calendar, now: datetime) -> date:
    """The latest session that has opened."""
    session = market.current(now) or market.last_closed(now)
    return session if now >= market.opening(session) else market.last_closed(now)


def unsettled(book: PaperBook, session: date) -> Unsettled | None:
    """What has to be read before the books can be settled up to ``session``; None for nothing."""
    if book.actions_until is None or book.actions_until >= session:
        return None
    held = book.positions()
    return Unsettled(book.actions_until, tuple(sorted(held))) if held else None


def read_actions(wanted: Unsettled, prices: Prices, session: date) -> CorporateActions:
    """Dividends and splits up to ``session``, from the source's price series; as its ``bars``
    raises."""
    raw = prices.traded(wanted.symbols, wanted.until)
    if not prices.tell_actions():
        return CorporateActions(wanted, raw, ())
    split = prices.recent(wanted.symbols, "split_adjusted", wanted.until)
    whole = prices.recent(wanted.symbols, "adjusted", wanted.until)
    found = actions_between(raw, split, whole, wanted.until)
    return CorporateActions(wanted, raw, tuple(a for a in found if a.session <= session))


def settle(
    book: PaperBook,
    session: date,
    actions: CorporateActions | None,
    market: Calendar,
    step: Decimal,
) -> None:
    """Pay the dividends and carry out the splits: the books are settled up to ``session`` then.

    ``step`` is the smallest part of a share: what a split leaves below it is paid in cash.
    """
    if actions is not None:
        for action in actions.found:
            _act(book, action, actions.raw, market.opening(action.session), step)
    if book.actions_until is None or book.actions_until < session:
        book.actions_until = session


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
