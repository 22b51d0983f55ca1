"""Deploy: give a strategy of the library capital in an account."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from app import navigation
from app.account_reading import desk_of, free_capital
from app.components import real_money
from app.components.account_form import add_demo_account
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import said, say
from app.resources import services
from core.accounts.account import Account
from core.errors import SluiceError
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.library.strategies import StrategyVersion
from core.trading.deploy import deploy

USUAL_SHARE = Decimal("0.2")
"""Of what is free: what the form proposes."""


@st.dialog("Deploy a strategy", icon=":material/rocket_launch:")
def choose_and_deploy(account: Account) -> None:
    """Choose any strategy of the library, for this account."""
    names = services().strategies.names(services().user.id)
    if not names:
        st.info("The library has no strategy yet.", icon=":material/folder:")
        return
    slugs = sorted(names, key=names.__getitem__)
    slug: str = st.selectbox("Strategy", slugs, 0, format_func=names.__getitem__)
    version = services().strategies.version(services().user.id, slug)
    _form(version, services().flows.filled(from_json(version.flow, slug)), account)


@st.dialog("Deploy", icon=":material/rocket_launch:")
def deploy_dialog(version: StrategyVersion, running: Flow) -> None:
    """Deploy this version; ``running`` is its flow with the global variables."""
    said()
    accounts = services().accounts.all(services().user.id)
    if not accounts:
        st.markdown("A strategy trades inside an account, and there is none yet.")
        if st.button("Add a paper account", type="primary", icon=":material/add:"):
            add_demo_account()
            st.rerun(scope="fragment")
        return
    shown = st.session_state.get("account")
    first = next((i for i, one in enumerate(accounts) if one.name == shown), 0)
    account = accounts[first]
    if len(accounts) > 1:
        account = st.selectbox(
            "Account", accounts, first,
            format_func=lambda one: f"{one.name} ({one.kind})",
        )  # fmt: skip
    _form(version, running, account)


def _form(version: StrategyVersion, running: Flow, account: Account) -> None:
    """Fields and button are one fragment: a click never loses what was typed last."""
    free = free_capital(account)
    key = f"deploy_{version.strategy_id}_{account.id}"
    name = st.text_input("Name", running.name, max_chars=80, key=f"{key}_name")
    proposed = (free * USUAL_SHARE).quantize(Decimal("0.01"))
    capital = st.number_input(
        f"Capital ({account.currency})", 0.0, None, float(proposed), 1_000.0, format="%.2f",
        key=f"{key}_capital",
        help="Its own money inside the account: no other strategy can spend it.",
    )  # fmt: skip
    st.caption(f"{free:,.2f} {account.currency} of {plain(account.name)} is free.")
    confirmed = real_money.confirmed(account.mode, f"{key}_live")
    if not st.button(
        "Deploy", type="primary", width="stretch", icon=":material/rocket_launch:", key=f"{key}_go"
    ):
        return
    try:
        made = deploy(
            desk_of(account), running, services().flows.find, Decimal(f"{capital:.2f}"),
            name=name, strategy_id=version.strategy_id, version=version.number,
            confirmed=confirmed,
        )  # fmt: skip
    except SluiceError as err:
        show_error(err)
        return
    st.session_state["account"] = account.name
    say(plain(f"{made.name} trades {made.capital:,.2f} {account.currency}."))
    navigation.go_to("/dashboard")
    st.rerun()
