"""Preview: what the next window would send if it opened now. Nothing is recorded or sent."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from uuid import UUID

import pandas as pd
import streamlit as st

from app.account_reading import desk_of, session_of, shown_account
from app.components.age import age
from app.components.live_trace import gates, trace_table
from app.components.plain import plain
from app.components.problems import show_error
from app.components.window_detail import weights_text
from app.resources import services
from app.theme import DECISIONS
from core.accounts.account import Account
from core.calendar import calendar
from core.errors import SluiceError
from core.trading.plan import Plan
from core.trading.schedule import Due
from core.trading.window import TradeWindow

_KEPT = "preview"
PERCENT = st.column_config.NumberColumn(format="percent")


@st.fragment
def preview_view(account_id: UUID) -> None:
    """A button, and what the last preview of this visit said."""
    account = shown_account(account_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        asked = st.button(
            "Preview next window", icon=":material/visibility:", type="primary", key="ops_preview"
        )
        st.caption(
            "Reads prices and decides as a window would; records nothing and sends nothing.",
            width="content",
        )
    if asked:
        try:
            with st.spinner("Deciding"):
                st.session_state[_KEPT] = (account.id, services().clock(), _planned(account))
        except SluiceError as err:
            show_error(err)
    kept: tuple[UUID, datetime, Plan] | None = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == account.id:
        _shown(kept[2], kept[1], account)


def _planned(account: Account) -> Plan:
    now = services().clock()
    venue = calendar("XNYS")
    session = session_of(now)
    due = Due(session, 0, now, venue.close(session))
    desk = desk_of(account)
    with closing(desk.broker):
        return TradeWindow(desk, 0).preview(due)


def _shown(plan: Plan, at: datetime, account: Account) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("Preview", icon=":material/visibility:", color="violet")
        st.caption(
            f"Made {age(at, services().clock())} ({at:%H:%M:%S} UTC), decided on the bars of "
            f"{session_of(at)}. Prices move until the window: what it sends may differ.",
            width="content",
        )
    if account.state == "halted":
        st.warning("The account is halted: none of this would be sent.", icon=":material/block:")
    if plan.screened.halt:
        st.error(
            f"It would halt the account: {plain(plan.screened.halt)}.", icon=":material/block:"
        )
    _orders(plan)
    _decisions(plan)
    _gates(plan)


def _orders(plan: Plan) -> None:
    st.markdown("**Would be sent**")
    rows = [
        {
            "Side": one.side, "Symbol": one.symbol, "Quantity": float(one.quantity),
            "Mark": float(one.mark), "Worth": round(float(one.notional), 2),
            "Strategies": len(one.parts),
        }
        for one in plan.screened.passed
    ]  # fmt: skip
    config = {
        "Worth": st.column_config.NumberColumn(format="accounting"),
        "Mark": st.column_config.NumberColumn(format="%.4f"),
        "Quantity": st.column_config.NumberColumn(format="%.6g"),
    }
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config)
    else:
        st.info("Nothing: everybody holds what they want.", icon=":material/done_all:")
    if plan.crosses:
        st.caption(f"{len(plan.crosses)} trades between strategies would cross inside.")
    refused = [
        {
            "Side": one.order.side, "Symbol": one.order.symbol, "Rule": one.rule,
            "Reason": one.reason, "Worth": round(float(one.order.notional), 2),
        }
        for one in plan.screened.refused
    ]  # fmt: skip
    if refused:
        st.markdown("**Would be refused**")
        st.dataframe(pd.DataFrame(refused), hide_index=True, column_config=config)


def _decisions(plan: Plan) -> None:
    st.markdown("**Would be decided**")
    colours = {style.label: style.colour for style in DECISIONS.values()}
    rows = [
        {
            "Strategy": one.deployment.name,
            "State": [DECISIONS[one.decision.state].label],
            "Weights": weights_text(one.decision.weights),
            "Reason": one.decision.reason,
        }
        for one in plan.planned
    ]
    if not rows:
        st.info("No strategy runs in this account.", icon=":material/rocket_launch:")
        return
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, placeholder="–",
        column_config={
            "State": st.column_config.MultiselectColumn(
                options=list(colours), color=list(colours.values()), width="small"
            ),
            "Weights": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip


def _gates(plan: Plan) -> None:
    st.markdown("**How far each choice is from another**")
    rows = [
        {"Strategy": one.deployment.name, **row}
        for one in plan.planned
        if one.decision.trace is not None
        for row in gates(one.decision.trace)
    ]
    if not rows:
        st.caption("No gate or sort decides in them.")
        return
    rows.sort(key=lambda row: row["To flip"])  # type: ignore[arg-type, return-value]
    st.dataframe(
        pd.DataFrame(rows).drop(columns="Reads"), hide_index=True, placeholder="",
        height="content" if len(rows) < 12 else 440,
        column_config={"Share": PERCENT, "To flip": PERCENT},
    )  # fmt: skip
    traced = {o.deployment.name: o.decision.trace for o in plan.planned if o.decision.trace}
    chosen = st.selectbox(
        "Path of", list(traced), index=None, key="preview_path", placeholder="See a whole path"
    )
    if chosen in traced:
        trace_table(traced[chosen], key="preview_trace")
