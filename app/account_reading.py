"""What the pages show of an account, read in few queries however many strategies it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import streamlit as st

from app.resources import services
from core.accounts.account import Account
from core.brokers.base import SessionHours
from core.calendar import calendar
from core.errors import UnknownName
from core.portfolio.deployment import State
from core.portfolio.equity import TOTAL
from core.portfolio.holdings import Mark, marks_of
from core.portfolio.ledger import RESERVE, ZERO, Balances
from core.portfolio.overview import Overview, overview
from core.trading.desk import Desk
from core.trading.schedule import Due, next_window

CALENDAR = "XNYS"
SPARK_DAYS = 60
LIVE: tuple[State, ...] = ("active", "paused", "liquidating")
ALL: tuple[State, ...] = (*LIVE, "stopped")


def session_of(now: datetime) -> date:
    """The session whose result is today's: the one that runs or ran today, or the last one."""
    venue = calendar(CALENDAR)
    today = venue.current(now)
    if today is not None and venue.opening(today) <= now:
        return today
    return venue.last_closed(now)


def next_due(account: Account, now: datetime) -> Due | None:
    """The next window of the account by the exchange's calendar."""
    venue = calendar(CALENDAR)
    days = venue.between(now.date(), now.date() + timedelta(days=10)).tolist()
    hours = [SessionHours(day, venue.opening(day), venue.close(day)) for day in days]
    return next_window(hours, account.slots, now)


def shown_account(account_id: UUID) -> Account:
    """The account a polled part of a page shows, as it is now. Where it was removed meanwhile, the
    page is drawn anew and chooses another."""
    try:
        return services().accounts.by_id(account_id)
    except UnknownName:
        st.rerun(scope="app")


def desk_of(account: Account) -> Desk:
    """The account's desk, for what a person does on a page; raises NeedsOperator."""
    return services().desk(account)


def free_capital(account: Account) -> Decimal:
    """Cash of the account that no strategy was given."""
    held = services().ledger.balances(account.id)
    return held.get(RESERVE, {}).get(account.currency, ZERO)


def read_overview(account: Account, states: tuple[State, ...] = LIVE) -> Overview:
    """Where the account and its strategies in these states stand; read again only when one of
    them changed, and once for everybody who looks."""
    shared = services()
    session = session_of(shared.clock())
    return _overview(account, states, session, account.id, shared.accounts.revision(account.id))


@st.cache_resource(max_entries=32, show_spinner=False)
def _overview(
    _account: Account, states: tuple[State, ...], session: date, account_id: UUID, revision: object
) -> Overview:
    shared, account = services(), _account
    del account_id, revision  # what the cache knows it by
    before = shared.equity.latest_snapshots(account.id, before=session, metrics=())
    since = before[TOTAL].at if TOTAL in before else None
    return overview(
        shared.deployments.of(account.id, states),
        shared.ledger.balances(account.id),
        account.currency,
        before=before,
        newest=shared.equity.latest_snapshots(account.id, metrics=("sharpe",)),
        points=shared.equity.latest(account.id),
        moved=shared.ledger.capital_moved(account.id, account.currency, since),
        growths=shared.equity.growths(account.id, session - timedelta(days=SPARK_DAYS)),
    )


def read_marks(account: Account, balances: Balances) -> Mapping[str, Mark]:
    """The newest price known of each symbol that is held; no broker is asked."""
    windows = services().windows.of(
        account.id, states=("planned", "done", "expired"), readings=True, limit=1
    )
    total = services().equity.latest_snapshots(account.id).get(TOTAL)
    return marks_of(windows[0].reading if windows else {}, total, balances)


@dataclass(frozen=True, slots=True)
class Names:
    """What books are called: strategies by their names, stopped ones too."""

    by_book: Mapping[str, str]

    def __getitem__(self, book: str) -> str:
        return self.by_book.get(book, book)


def read_names(account: Account) -> Names:
    from core.portfolio.overview import BOOK_NAMES

    every = services().deployments.of(account.id, ALL)
    return Names({**BOOK_NAMES, **{one.book: one.name for one in every}})
