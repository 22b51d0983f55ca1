"""The account's equity over time: ranges, a line for each strategy, the drawdown."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import numpy as np
import streamlit as st

from app.account_reading import session_of, shown_account
from app.charts.live_equity import live_equity_chart
from app.components.downloads import export_link
from app.resources import services
from app.theme import palette
from core.accounts.account import Account
from core.market.bars import Float
from core.portfolio.equity import TOTAL, Snapshot

REFRESH_SECONDS = 30
RANGES = {"1W": 7, "1M": 31, "3M": 92, "6M": 183, "1Y": 366, "All": None}
INTRADAY_DAYS = 7
"""A range up to this shows the points between the closes, too."""
CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


@st.fragment(run_every=REFRESH_SECONDS)
def equity_view(account_id: UUID) -> None:
    """A chart whose data has not changed is left as it is: its zoom stays."""
    account = shown_account(account_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            "Range", list(RANGES), default="3M", required=True, key="dash_range",
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        apart = st.toggle(
            "Strategies", key="dash_lines", persist_state="session",
            help="The growth of each strategy beside the account's, in percent.",
        )  # fmt: skip
        st.space("stretch")
        export_link(account, "Equity")
    days = RANGES[chosen or "3M"]
    since = None if days is None else session_of(services().clock()) - timedelta(days=days)
    _chart(account, since, apart, intraday=days is not None and days <= INTRADAY_DAYS)


def _chart(account: Account, since: date | None, apart: bool, *, intraday: bool) -> None:
    found = services().equity.snapshots(account.id, since=since, books=None if apart else [TOTAL])
    total = [one for one in found if one.book == TOTAL]
    if len(total) < 2:
        st.info(
            "The curve begins with the second session's close: each close adds a point."
            if not total
            else "One close so far; the curve begins with the next one.",
            icon=":material/show_chart:",
        )
        return
    when: list[datetime] = [one.at for one in total]
    equity = [float(one.equity) for one in total]
    growth = [one.growth for one in total]
    if intraday and not apart:
        when, equity, growth = _with_points(account, total)
    figure = live_equity_chart(
        when,
        np.array(equity), np.array(growth), palette(st.context.theme.type),
        currency=account.currency, lines=_lines(account, found) if apart else None,
        limit=account.limits.account_drawdown,
    )  # fmt: skip
    st.plotly_chart(figure, key="dash_equity", config=CHART, theme=None)


def _lines(
    account: Account, found: tuple[Snapshot, ...]
) -> dict[str, tuple[list[datetime], Float]]:
    """Growth of the strategies that run now, by name."""
    by_book: dict[str, list[Snapshot]] = {}
    for one in found:
        by_book.setdefault(one.book, []).append(one)
    return {
        one.name: (
            [s.at for s in by_book[one.book]],
            np.array([s.growth for s in by_book[one.book]]),
        )
        for one in services().deployments.of(account.id)
        if len(by_book.get(one.book, ())) > 1
    }


def _with_points(
    account: Account, total: list[Snapshot]
) -> tuple[list[datetime], list[float], list[float]]:
    """The closes and, between them, what the account was worth every few minutes.

    Growth between two closes follows equity from the close before: capital that came on the way
    would look like a result, so a session that had some shows its closes only.
    """
    points = services().equity.points(account.id, books=[TOTAL], since=total[0].at)
    rows: list[tuple[datetime, float, float]] = [(s.at, float(s.equity), s.growth) for s in total]
    for before, after in pairwise(total):
        if not after.flow and before.equity:
            rows += [
                (p.at, float(p.equity), before.growth * float(p.equity / before.equity))
                for p in points
                if before.at < p.at < after.at
            ]
    rows.sort(key=lambda row: row[0])
    when, equity, growth = zip(*rows, strict=True)
    return list(when), list(equity), list(growth)
