"""The kill switch: what an account may do, who said so, and one click to change it."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from app.account_reading import shown_account
from app.components.age import age
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from app.theme import TRADING
from core.accounts.account import Account, TradingState
from core.errors import SluiceError
from core.trading.deploy import still_canceling, turn_kill_switch

REFRESH_SECONDS = 3
_WANTED = "kill_wanted"
MEANS: dict[TradingState, str] = {
    "active": "Trades as its strategies decide.",
    "reducing": "Only makes positions smaller; nothing is bought.",
    "halted": "Records and sends no order at all.",
}
WHO = {
    "user": "a person",
    "budget": "a budget of its limits",
    "breaker": "its drawdown breaker",
    "broker": "its broker",
}


@st.fragment(run_every=REFRESH_SECONDS)
def kill_switch(account_id: UUID) -> None:
    """As the database has it now: the same row the trading transaction reads."""
    if _WANTED in st.session_state:
        st.rerun(scope="app")
    account = shown_account(account_id)
    style = TRADING[account.state]
    with st.container(border=True, key="kill_switch"):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            st.markdown(
                f"### :{style.colour}[:material/{style.icon}: {account.state.upper()}]",
            )
            st.caption(f"{MEANS[account.state]} {_told(account)}".strip())
            if left_over := still_canceling(services().orders.called_off(account_id)):
                st.badge(left_over, icon=":material/hourglass_top:", color="orange")
        with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            _buttons(account)


def _told(account: Account) -> str:
    if account.state_at is None:
        return ""
    who = WHO.get(account.state_by, account.state_by)
    why = f": {plain(account.state_reason)}" if account.state_reason else ""
    return (
        f"Since {account.state_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({age(account.state_at, services().clock())}), by {plain(who)}{why}."
    )


def _buttons(account: Account) -> None:
    if account.state == "active":
        _button("Only reduce", "trending_down", "reducing")
        _button("Stop all trading", "block", "halted", primary=True)
    elif account.state == "reducing":
        _button("Release", "lock_open", "active")
        _button("Stop all trading", "block", "halted", primary=True)
    else:
        _button("Only reduce", "trending_down", "reducing")
        _button("Release", "lock_open", "active", primary=True)


def _button(label: str, icon: str, state: TradingState, *, primary: bool = False) -> None:
    # A callback, as a button's own value survives a rerun: it would ask again and again.
    st.button(
        label, icon=f":material/{icon}:", key=f"kill_{state}",
        type="primary" if primary else "secondary",
        on_click=st.session_state.__setitem__, args=(_WANTED, state),
    )  # fmt: skip


def show_wanted(account: Account) -> None:
    """Draw the question that a button of the polled control asked for, once."""
    wanted: TradingState | None = st.session_state.pop(_WANTED, None)
    if wanted is not None:
        _confirm(account, wanted)


@st.dialog("Are you sure?", icon=":material/block:")
def _confirm(account: Account, state: TradingState) -> None:
    verbs = {"active": "Release", "reducing": "Only reduce", "halted": "Stop all trading"}
    st.markdown(f"**{plain(account.name)}**: {MEANS[state].lower()}")
    if state == "halted":
        st.caption("From this moment on no order is recorded and none is sent. Orders the broker "
                   "has already are canceled; what fills before that stays. What is held stays "
                   "held.")  # fmt: skip
    if state == "reducing":
        st.caption("Buys that are not filled are canceled; sales go on.")
    if state == "active":
        st.caption("From the next window on its strategies trade again. No order that was stopped "
                   "is sent after all.")  # fmt: skip
    reason = st.text_input("Why", max_chars=200, placeholder="Optional; it is kept in the log")
    left, right = st.columns(2)
    if left.button("Leave it as it is", width="stretch"):
        st.rerun()
    if right.button(verbs[state], type="primary", width="stretch", key="kill_confirm"):
        try:
            turn_kill_switch(services(), account, state, reason=reason.strip())
        except SluiceError as err:
            show_error(err)
            return
        st.rerun()
