"""Operations: what trades when, what was decided and sent, what stops it, and what happened."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from app.account_reading import shown_account
from app.components.account_choice import account_line, choose_account
from app.components.account_dialogs import new_account
from app.components.account_form import limits_form
from app.components.event_log import event_log
from app.components.kill_switch import kill_switch, show_wanted
from app.components.plain import plain
from app.components.preview_view import preview_view
from app.components.trading_health import trading_health
from app.components.windows_view import windows_view
from app.resources import services
from core.accounts.account import Account

VIEWS = {
    "Windows": ":material/event_repeat:",
    "Preview": ":material/visibility:",
    "Log": ":material/list_alt:",
    "Health": ":material/monitor_heart:",
    "Account": ":material/account_balance:",
}


def operations_view() -> None:
    """The kill switch on top, the views below it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        account = choose_account()
        if account is None:
            return
        st.markdown(account_line(account), width="content")
        st.space("stretch")
        if st.button("Add an account", icon=":material/add:", key="ops_add"):
            new_account()
    show_wanted(account)
    kill_switch(account.id)
    view = _view()
    if view == "Windows":
        windows_view(account.id)
    elif view == "Preview":
        preview_view(account.id)
    elif view == "Log":
        event_log(account.id)
    elif view == "Health":
        trading_health(account.id)
    else:
        _account(account.id)


def _view() -> str:
    """The view chosen; it is in the address, by its plain name."""
    asked = st.query_params.get("view", "Windows")
    view: str = st.segmented_control(
        "View", list(VIEWS), default=asked if asked in VIEWS else "Windows", required=True,
        key="ops_view", format_func=lambda name: f"{VIEWS[name]} {name}",
        label_visibility="collapsed",
    ) or "Windows"  # fmt: skip
    if view != asked:
        st.query_params["view"] = view
    return view


def _account(account_id: UUID) -> None:
    account = shown_account(account_id)
    st.subheader("Limits", anchor=False)
    st.caption(
        f"What a window, a day and a position of {plain(account.name)} may be at most. Shares are "
        "of equity: 0.25 is 25 %. A change counts from the next window on."
    )
    limits_form(account)
    _broker(account)


def _broker(account: Account) -> None:
    if account.broker != "paper":
        return
    st.subheader("Paper broker", anchor=False)
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", gap="small"):
        slippage = st.number_input(
            "Slippage (bps)", 0.0, 500.0, float(account.options.get("slippage_bps", 1.0)), 0.5,
            key=f"slippage_{account.id}", help="A fill is so much worse than the price.", width=200,
        )  # fmt: skip
        share = st.number_input(
            "Partial fills (share)", 0.0, 1.0, float(account.options.get("partial_share", 0.0)),
            0.1, key=f"partial_{account.id}", help="Share of orders that fill in two parts.",
            width=200,
        )  # fmt: skip
        if st.button("Save", icon=":material/save:", key="save_paper"):
            options = {**account.options, "slippage_bps": slippage, "partial_share": share}
            services().accounts.change(account.id, options=options)
            st.toast("Saved.", icon=":material/check_circle:")
