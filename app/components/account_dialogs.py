"""The dialogs of an account: a new one, its connection, other keys, its end.

Keys are typed into password fields and go to the vault; no page shows them again. A dialog that is
closed is drawn anew (``on_dismiss``), so that what was typed does not stay in the session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from app.components import real_money
from app.components.account_form import read_slots
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import close_when_done
from app.exports import account_address
from app.resources import services
from core.accounts.account import Account, BrokerName, masked
from core.adapters import SOURCE_NAMES
from core.brokers.base import Mode
from core.errors import SluiceError
from core.trading.broker_account import (
    Connection,
    change_keys,
    check_connection,
    remove_account,
    try_free_keys,
    try_keys,
)
from core.trading.open_account import NewAccount, open_account

_NAME = "new_account_name"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A choice of the form. ``sources`` are the market data it may decide on, the usual first."""

    broker: BrokerName
    mode: Mode
    name: str
    says: str
    sources: tuple[str, ...]


_KINDS = {
    "Built-in paper": _Kind(
        "paper", "paper", "Paper",
        "Sluice's own broker with money that is not real: no keys, fills at the market's prices.",
        # Files need a path, which the terminal asks for.
        tuple(one for one in SOURCE_NAMES if one not in ("files", "bybit")),
    ),
    "Alpaca paper": _Kind(
        "alpaca", "paper", "Alpaca paper",
        "Alpaca's paper account: its broker, money that is not real. Its key id begins with PK.",
        ("alpaca", "yahoo"),
    ),
    "Alpaca live": _Kind(
        "alpaca", "live", "Alpaca live",
        "Real money. Its key id begins with AK. A strategy is deployed to it only after it has "
        "shown on paper what it does.",
        ("alpaca", "yahoo"),
    ),
}  # fmt: skip


@st.dialog("New account", width="medium", icon=":material/account_balance:", on_dismiss="rerun")
def new_account() -> None:
    """Ask for everything an account needs; what is wrong is said, and nothing typed is lost."""
    chosen: str = st.radio(
        "Broker", list(_KINDS), horizontal=True, key="new_account_kind", on_change=_propose_name
    )
    kind = _KINDS[chosen]
    st.caption(kind.says)
    st.session_state.setdefault(_NAME, kind.name)
    name: str = st.text_input("Name", max_chars=80, key=_NAME)
    keys = _keys("new_account") if kind.broker != "paper" else None
    source = st.selectbox(
        "Market data", kind.sources, key=f"new_account_source_{kind.broker}",
        format_func=str.capitalize,
        help="Prices its strategies decide on. Alpaca's are read with the account's own keys."
        if keys else "Prices it decides on and fills at.",
    )  # fmt: skip
    cash, slippage = _paper_options() if keys is None else (Decimal(1), 0.0)
    slots: str = st.text_input(
        "Windows, minutes before the close", "10", key="new_account_slots",
        help="One or more, separated by commas.",
    )  # fmt: skip
    confirmed = real_money.confirmed(kind.mode, "new_account_live")

    def add() -> str:
        wanted = NewAccount(
            name=name, broker=kind.broker, mode=kind.mode, source=source, slots=read_slots(slots),
            cash=cash, slippage_bps=slippage, keys=keys and keys(), confirmed=confirmed,
        )  # fmt: skip
        with st.spinner("Asking the broker …"):
            made = open_account(services(), wanted)
        st.session_state["account"] = made.name
        which = f" ({masked(made.number)})" if made.number else ""
        return f"{made.name}{which} is added: deploy a strategy to it."

    if keys is None:
        if st.button("Add account", type="primary", width="stretch"):
            close_when_done(add)
        return
    _checked(lambda: try_free_keys(services(), kind.broker, kind.mode, keys()), "Add account", add)


def _propose_name() -> None:
    """The name of the broker chosen, unless another one was typed."""
    if st.session_state.get(_NAME) in {kind.name for kind in _KINDS.values()}:
        st.session_state[_NAME] = _KINDS[st.session_state["new_account_kind"]].name


def _paper_options() -> tuple[Decimal, float]:
    left, right = st.columns(2)
    cash = left.number_input(
        "Starting cash (USD)", 1.0, 1e9, 100_000.0, 1_000.0, format="%.2f", key="new_account_cash"
    )
    slippage = right.number_input(
        "Slippage (bps)", 0.0, 500.0, 1.0, 0.5, key="new_account_slippage",
        help="A fill is so much worse than the price.",
    )  # fmt: skip
    return Decimal(f"{cash:.2f}"), slippage


def _keys(prefix: str) -> Callable[[], dict[str, str]]:
    """Fields for a key id and its secret; what reads them."""
    left, right = st.columns(2)
    key_id: str = left.text_input(
        "Key id", type="password", autocomplete="off", key=f"{prefix}_key_id",
        help="In Alpaca's dashboard: API keys of the account. It begins with PK or AK.",
    )  # fmt: skip
    secret: str = right.text_input(
        "Secret key", type="password", autocomplete="off", key=f"{prefix}_secret_key",
        help="The longer of the two. Alpaca shows it once, when it makes the pair.",
    )  # fmt: skip
    st.caption("Both are stored encrypted, and never shown again.")
    return lambda: {"key_id": key_id, "secret_key": secret}


def _checked(check: Callable[[], Connection], label: str, save: Callable[[], str]) -> None:
    """Two buttons: try the keys, and keep them."""
    left, right = st.columns(2)
    tried = left.button("Check connection", icon=":material/cable:", width="stretch")
    saved = right.button(label, type="primary", width="stretch")
    if saved:
        close_when_done(save)
    elif tried:
        _show(check)


def _show(check: Callable[[], Connection]) -> None:
    """Ask the broker, and what it says; nothing is traded or stored."""
    try:
        with st.spinner("Asking the broker …"):
            found = check()
    except SluiceError as err:
        show_error(err)
        return
    shown = st.warning if found.blocked else st.success
    shown(plain(str(found)), icon=":material/block:" if found.blocked else ":material/check:")


@st.dialog("Connection", icon=":material/cable:", on_dismiss="rerun")
def show_connection(account: Account) -> None:
    """Whether the keys of an account open it, and what the broker says of it now."""
    st.markdown(f"**{plain(account.name)}** · {account.kind}")
    _show(lambda: check_connection(services(), account))


@st.dialog("Change keys", width="medium", icon=":material/key:", on_dismiss="rerun")
def new_keys(account: Account) -> None:
    """Other keys of the same account: after they were lost, or a paper account's reset."""
    which = f" It is the broker's account {masked(account.number)}." if account.number else ""
    st.markdown(f"**{plain(account.name)}** · {account.kind}.{which}")
    keys = _keys(f"keys_{account.id}")

    def save() -> str:
        with st.spinner("Asking the broker …"):
            change_keys(services(), account, keys())
        halted = " It stays halted until you release it." if account.state == "halted" else ""
        return f"The keys of {account.name} are changed.{halted}"

    _checked(lambda: try_keys(services(), account.broker, account.mode, keys()), "Save keys", save)


@st.dialog("Remove account", icon=":material/delete:", on_dismiss="rerun")
def confirm_removal(account: Account) -> None:
    """Ask once more: its history goes with it."""
    running = services().deployments.of(account.id)
    if running:
        names = ", ".join(plain(one.name) for one in running[:5])
        more = f" and {len(running) - 5} more" if len(running) > 5 else ""
        st.warning(
            f"{plain(account.name)} still has strategies: {names}{more}. Stop them on the "
            "dashboard first.",
            icon=":material/play_circle:",
        )
        return
    st.markdown(
        f"Remove **{plain(account.name)}** ({account.kind})? Its keys, windows, orders and equity "
        "are gone with it, and what its strategies have shown on paper no longer counts for a "
        "live account. At the broker nothing happens: what is held there stays."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.link_button(
            "Excel", account_address(account), icon=":material/download:",
            help="Everything of the account, before it goes.",
        )  # fmt: skip
        if st.button("Keep"):
            st.rerun()
        sent = st.button("Remove", type="primary", icon=":material/delete:")
    if sent:
        close_when_done(lambda: _removed(account))


def _removed(account: Account) -> str:
    remove_account(services(), account)
    return f"{account.name} is removed."
