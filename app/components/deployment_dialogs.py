"""What is asked before strategies are stopped, get other capital or another version.

A dialog that a polled fragment drew would close at its next run: so the fragment says what is to
be asked, and the page itself draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from uuid import UUID

import streamlit as st

from app.account_reading import desk_of, free_capital
from app.components import real_money
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import say
from app.resources import services
from core.accounts.account import Account
from core.errors import SluiceError
from core.flow.formats.native import from_json
from core.portfolio.deployment import Deployment
from core.trading.deploy import change_capital, swap, undeploy

Question = Literal["stop", "capital", "version"]
_ASKED = "deployment_question"


def ask(question: Question, ids: Sequence[UUID]) -> None:
    """Have the page ask it: for a button's callback, as a button's own value survives a rerun."""
    st.session_state[_ASKED] = (question, tuple(ids))


def asking() -> bool:
    """Whether something is to be asked: a fragment then has to run the whole page."""
    return _ASKED in st.session_state


def show_pending(account: Account) -> None:
    """Draw what was asked for, once."""
    asked: tuple[Question, tuple[UUID, ...]] | None = st.session_state.pop(_ASKED, None)
    if asked is None:
        return
    question, ids = asked
    found = [one for one in services().deployments.of(account.id) if one.id in ids]
    if not found:
        st.toast("It was stopped meanwhile.", icon=":material/info:")
    elif question == "stop":
        _stop(account, found)
    elif question == "capital":
        _capital(account, found[0])
    else:
        _version(account, found[0])


@st.dialog("Stop", icon=":material/stop_circle:")
def _stop(account: Account, found: Sequence[Deployment]) -> None:
    names = ", ".join(plain(one.name) for one in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    st.markdown(f"**{names}{more}** will decide nothing any more.")
    how = st.radio(
        "What they hold",
        ["Sell it at the next window", "Leave it in the account"],
        captions=[
            "Then their cash goes back to the reserve.",
            "It becomes external: kept, shown, and never sold by Sluice.",
        ],
    )
    left, right = st.columns(2)
    if left.button("Keep running", width="stretch"):
        st.rerun()
    label = "Stop" if len(found) == 1 else f"Stop {len(found)} strategies"
    if right.button(label, type="primary", width="stretch", icon=":material/stop_circle:"):
        try:
            desk = desk_of(account)
            states = [undeploy(desk, one, liquidate=how.startswith("Sell")).state for one in found]
        except SluiceError as err:
            show_error(err)
            return
        selling = states.count("liquidating")
        said = f"{selling} sell at the next window" if selling else "Stopped"
        say(plain(f"{said}."))
        st.rerun()


@st.dialog("Change capital", icon=":material/payments:")
def _capital(account: Account, one: Deployment) -> None:
    free = free_capital(account)
    st.markdown(
        f"**{plain(one.name)}** was given {one.capital:,.2f} {account.currency}; "
        f"{free:,.2f} more is free in the account."
    )
    value = st.number_input(
        f"Capital ({account.currency})", 0.0, None, float(one.capital), 1_000.0, format="%.2f"
    )
    st.caption("What is added or taken back is no result. Only cash it has can be taken back.")
    if st.button("Change capital", type="primary", width="stretch"):
        try:
            change_capital(desk_of(account), one, Decimal(f"{value:.2f}"))
        except SluiceError as err:
            show_error(err)
            return
        st.rerun()


@st.dialog("Change version", icon=":material/published_with_changes:")
def _version(account: Account, one: Deployment) -> None:
    user = services().user.id
    slug = None if one.strategy_id is None else services().strategies.slug(user, one.strategy_id)
    if slug is None:
        st.info("The strategy is not in the library any more.", icon=":material/search_off:")
        return
    labels = services().strategies.labels(user, slug)
    numbers = sorted(labels, reverse=True)
    st.markdown(f"**{plain(one.name)}** runs version {one.version}.")
    number = st.selectbox(
        "Version", numbers, numbers.index(one.version) if one.version in labels else 0,
        format_func=lambda n: f"{n}" + (f": {labels[n]}" if labels[n] else ""),
    )  # fmt: skip
    st.caption("It decides from the next window on; what is held stays until then.")
    confirmed = real_money.confirmed(account.mode, f"version_{one.id}_live")
    if st.button("Change version", type="primary", width="stretch"):
        saved = services().strategies.version(user, slug, number)
        try:
            flow = services().flows.filled(from_json(saved.flow, slug))
            swap(
                desk_of(account), one, flow, services().flows.find,
                version=number, confirmed=confirmed,
            )  # fmt: skip
        except SluiceError as err:
            show_error(err)
            return
        st.rerun()
