"""The dashboard: an account's figures, its curve, its strategies, and what they hold and traded."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import streamlit as st

from app import navigation
from app.account_reading import next_due, read_overview, shown_account
from app.components.account_choice import account_line, choose_account
from app.components.age import age
from app.components.deploy_dialog import choose_and_deploy
from app.components.deployment_dialogs import asking, show_pending
from app.components.live_compare import compare_view
from app.components.live_correlation import correlation_view
from app.components.live_equity import equity_view
from app.components.live_holdings import allocation_view, holdings_view
from app.components.live_trades import trades_view
from app.components.plain import plain
from app.components.strategies_table import strategies_table
from app.components.toasts import said
from app.resources import services
from app.theme import TRADING
from core.accounts.account import Account
from core.portfolio.overview import Now, Overview
from core.replay import being_filled

REFRESH_SECONDS, DETAILS_SECONDS = 4, 10
VIEWS = {
    "Holdings": ":material/donut_small:",
    "Trades": ":material/swap_horiz:",
    "Allocation": ":material/pie_chart:",
    "Backtest against live": ":material/compare_arrows:",
    "Correlation": ":material/grid_on:",
}


def dashboard_view() -> None:
    """The whole page of the account chosen."""
    head = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with head:
        account = choose_account()
        if account is None:
            return
        st.markdown(account_line(account), width="content")
        st.space("stretch")
        if st.button("Deploy a strategy", icon=":material/rocket_launch:", key="dash_deploy"):
            choose_and_deploy(account)
    show_pending(account)
    _figures(account.id)
    equity_view(account.id)
    _strategies(account.id)
    _details(account.id)


@st.fragment(run_every=REFRESH_SECONDS)
def _figures(account_id: UUID) -> None:
    """The cards; looked at again every few seconds."""
    account = shown_account(account_id)
    found = read_overview(account)
    _state(account)
    if being_filled(services(), account):
        st.info(
            "The demo account is being filled: its strategies are traded over past sessions, one "
            "after the other. The figures are of the session reached so far.",
            icon=":material/fast_forward:",
        )
    with st.container(key="cards"):
        _cards(account, found)


def _state(account: Account) -> None:
    now = services().clock()
    style = TRADING[account.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(style.label, icon=f":material/{style.icon}:", color=style.colour)
        if account.state != "active":
            since = None if account.state_at is None else age(account.state_at, now)
            parts = (plain(account.state_reason), since)
            st.caption(", ".join(part for part in parts if part), width="content")
        due = next_due(account, now)
        if due is not None:
            st.caption(
                f"next window {due.due_at:%a %Y-%m-%d %H:%M} UTC, {until(due.due_at - now)}",
                width="content",
            )
        if account.differences:
            st.badge(
                f"{len(account.differences)} differ from the broker",
                icon=":material/error:", color="red",
            )  # fmt: skip
        elif account.reconciled_at is not None:
            st.caption(
                f":material/verified: books equal the broker, {age(account.reconciled_at, now)}",
                width="content",
            )


def until(left: timedelta) -> str:
    """``in 2 h 5 min``."""
    minutes = int(left.total_seconds() // 60)
    if minutes < 1:
        return "in less than a minute"
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"in {days} d {hours} h"
    return f"in {hours} h {minutes} min" if hours else f"in {minutes} min"


def _cards(account: Account, found: Overview) -> None:
    total, columns = found.total, st.columns(4)
    old = _old(total)
    equity = found.cash if total is None else total.equity
    columns[0].metric(
        "Equity", f"{equity:,.2f}", border=True, delta=old, delta_color="off", delta_arrow="off",
        help=f"{account.currency}. Everything the account holds, at the last prices known.",
    )  # fmt: skip
    known = total is not None and total.result is not None
    moved = known and bool(total and total.result)
    columns[1].metric(
        "Today", f"{total.result:+,.2f}" if total and known else "–", border=True,
        delta=f"{total.share:+.2%}" if total and total.share is not None else "no prices yet",
        delta_color="normal" if moved else "off", delta_arrow="auto" if moved else "off",
        help="Result since the close before this session; deposits and withdrawals taken out.",
    )  # fmt: skip
    invested = float(1 - found.cash / equity) if equity > 0 else 0.0
    columns[2].metric(
        "Open positions", f"{found.positions}", border=True, delta_color="off", delta_arrow="off",
        delta=f"{invested:.1%} invested, {len(found.rows)} strategies",
    )  # fmt: skip
    fall, limit = (total.drawdown if total else 0.0), account.limits.account_drawdown
    columns[3].metric(
        "Drawdown", f"{fall:.2%}", border=True, delta_arrow="off",
        delta=f"of {limit:.0%} allowed, {min(fall / limit, 1):.0%} used",
        delta_color="off" if fall < limit / 2 else "inverse",
        help="How far below its highest value. At the limit the account is halted.",
    )  # fmt: skip


def _old(total: Now | None) -> str:
    if total is None or total.at is None:
        return "not valued yet"
    said = age(total.at, services().clock())
    return f"{said}, old prices" if total.stale else said


@st.fragment(run_every=REFRESH_SECONDS)
def _strategies(account_id: UUID) -> None:
    said()
    account = shown_account(account_id)
    strategies_table(account)
    if navigation.leaving() or asking():
        st.rerun()


@st.fragment(run_every=DETAILS_SECONDS)
def _details(account_id: UUID) -> None:
    """The view chosen. No view is a polled fragment of its own: one that is not shown any more
    would go on drawing into the page."""
    account = shown_account(account_id)
    view = st.segmented_control(
        "Details", list(VIEWS), default="Holdings", required=True, key="dash_details",
        format_func=lambda name: f"{VIEWS[name]} {name}", label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    if view == "Holdings":
        holdings_view(account)
    elif view == "Trades":
        trades_view(account)
    elif view == "Allocation":
        allocation_view(account)
    elif view == "Backtest against live":
        compare_view(account)
    else:
        correlation_view(account)
