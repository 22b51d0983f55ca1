"""The accounts strategies trade in: a list that is looked at again, and what is done to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import streamlit as st

from app.components.account_dialogs import (
    confirm_removal,
    new_account,
    new_keys,
    show_connection,
)
from app.components.age import age
from app.components.list_heading import list_heading
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import said
from app.resources import services
from app.theme import TRADING
from core import export
from core.accounts.account import Account, masked
from core.errors import SluiceError
from core.portfolio.equity import EquityPoint, Snapshot

REFRESH_SECONDS = 10
WIDTHS = (2.4, 2.2, 1.4, 2.4, 1.4, 1.8)
_TITLES = ("Account", "Broker", "State", "Equity", "Strategies", "")
_OPEN = "accounts_open"
"""What a row asked for: a dialog, and its account's id. See ``channels_view``."""
_DIALOGS = {"check": show_connection, "keys": new_keys, "remove": confirm_removal}


@dataclass(frozen=True, slots=True)
class _Standing:
    """An account, its newest equity (None where nothing read it) and its running strategies."""

    account: Account
    equity: EquityPoint | Snapshot | None
    strategies: int

    @property
    def keys(self) -> str:
        """Where its keys are, in a word."""
        if self.account.broker == "paper":
            return "none"
        return "environment" if self.account.sealed is None else "stored"


def accounts_view() -> None:
    """The part of the page that is about accounts."""
    st.subheader("Broker accounts", anchor=False)
    wanted = st.session_state.pop(_OPEN, None)
    _list()
    if wanted is not None:
        _open(*wanted)


def _open(dialog: str, account_id: UUID | None) -> None:
    if account_id is None:
        new_account()
        return
    try:
        account = services().accounts.by_id(account_id)
    except SluiceError:
        st.toast("That account was removed meanwhile.", icon=":material/search_off:")
        return
    _DIALOGS[dialog](account)


def _standings() -> list[_Standing]:
    shared = services()
    return [
        _Standing(
            account,
            shared.equity.total(account.id),
            len(shared.deployments.of(account.id)),
        )
        for account in shared.accounts.all(shared.user.id)
    ]


@st.fragment(run_every=REFRESH_SECONDS)
def _list() -> None:
    said()
    try:
        found = _standings()
    except SluiceError as err:
        show_error(err)
        return
    intro, buttons = st.columns([3, 1], vertical_alignment="center", gap="medium")
    intro.caption(
        "Strategies trade inside an account. Keys are stored encrypted and never shown. An account "
        "at a broker is one account here: two would each take all of it for their own."
    )
    with buttons.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if found:
            st.download_button(
                "CSV", lambda: export.to_csv(_table(found)), "accounts.csv", "text/csv",
                on_click="ignore", icon=":material/download:", key="accounts_csv",
            )  # fmt: skip
        if st.button("New account", type="primary", icon=":material/add:"):
            _ask("new")
    if not found:
        st.info(
            "No account yet: nothing can be deployed. The built-in paper account needs no keys; "
            "for Alpaca's, have the key id and the secret of its dashboard at hand.",
            icon=":material/account_balance:",
        )
        return
    list_heading(WIDTHS, _TITLES, "accounts")
    for one in found:
        _row(one)
    st.caption("Equity is read when an account is added, and every five minutes of a session.")


def _ask(dialog: str, account: Account | None = None) -> None:
    st.session_state[_OPEN] = (dialog, account.id if account else None)
    st.rerun()


def _row(one: _Standing) -> None:
    account = one.account
    style = TRADING[account.state]
    with st.container(border=True):
        name, broker, state, equity, strategies, actions = st.columns(
            WIDTHS, vertical_alignment="center"
        )
        name.markdown(f"**{plain(account.name)}**")
        with broker.container(key=f"cell_broker_{account.id}"):
            st.markdown(" ".join((account.kind.capitalize(), masked(account.number))).strip())
        with state:
            st.badge(
                style.label, icon=f":material/{style.icon}:", color=style.colour,
                help=plain(account.state_reason) or None,
            )  # fmt: skip
        with equity.container(key=f"cell_equity_{account.id}"):
            st.markdown(_equity(one))
        with strategies.container(key=f"cell_strategies_{account.id}"):
            st.markdown(f"{one.strategies:,}")
        with actions.container(horizontal=True, gap="small", horizontal_alignment="right"):
            _actions(account)


def _equity(one: _Standing) -> str:
    if one.equity is None:
        return "not read yet"
    when = age(one.equity.at, services().clock())
    return f"{one.equity.equity:,.2f} {one.account.currency}  \n:small[:gray[{when}]]"


def _actions(account: Account) -> None:
    if st.button(
        "", key=f"account_check_{account.id}", icon=":material/cable:",
        help="Check connection: ask the broker, without trading.",
    ):  # fmt: skip
        _ask("check", account)
    if account.broker != "paper" and st.button(
        "", key=f"account_keys_{account.id}", icon=":material/key:", help="Change its keys."
    ):
        _ask("keys", account)
    if st.button("", key=f"account_remove_{account.id}", icon=":material/delete:", help="Remove."):
        _ask("remove", account)


def _table(found: Sequence[_Standing]) -> export.Table:
    header = (
        "name", "broker", "kind", "number", "keys", "state", "reason", "equity", "currency",
        "equity at", "strategies", "windows", "market data",
    )  # fmt: skip
    rows = (
        (
            one.account.name, one.account.broker, one.account.mode, masked(one.account.number),
            one.keys, one.account.state, one.account.state_reason,
            one.equity and one.equity.equity, one.account.currency, one.equity and one.equity.at,
            one.strategies, " ".join(map(str, one.account.slots)), one.account.source,
        )
        for one in found
    )  # fmt: skip
    return header, rows
