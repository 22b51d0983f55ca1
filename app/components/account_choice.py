"""Which account a page shows; the same on every page, kept in the address."""

from __future__ import annotations

import streamlit as st

from app.components.account_dialogs import new_account
from app.components.account_form import add_demo_account
from app.components.plain import plain
from app.resources import services
from core.accounts.account import Account

_KEY = "account"


def choose_account() -> Account | None:
    """The account to show, chosen at the top where there is more than one; None without any,
    which is then explained here."""
    found = services().accounts.all(services().user.id)
    if not found:
        _nothing_yet()
        return None
    names = [one.name for one in found]
    wanted = st.query_params.get(_KEY, st.session_state.get(_KEY))
    chosen = wanted if wanted in names else names[0]
    if len(found) > 1:
        chosen = st.selectbox(
            "Account", names, names.index(chosen), key=f"choose_{'-'.join(names)}",
            label_visibility="collapsed", width=260, persist_state="session",
        )  # fmt: skip
    st.session_state[_KEY] = chosen
    return found[names.index(chosen)]


def _nothing_yet() -> None:
    with st.container(border=True):
        st.subheader("No account yet", anchor=False)
        st.markdown(
            "Strategies trade inside an account. A paper account is Sluice's own broker with money "
            "that is not real: it fills orders at the market's prices, with slippage, and needs no "
            "keys. With the demo market it needs no data either."
        )
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Add a paper account", type="primary", icon=":material/add:",
                on_click=add_demo_account,
                help="100,000 USD on the demo market, trading 10 minutes before the close.",
            )  # fmt: skip
            if st.button("Choose its settings", icon=":material/tune:"):
                new_account()


def account_line(account: Account) -> str:
    """What kind of account it is, in a line of Markdown."""
    return (
        f"**{plain(account.name)}** · {account.kind} · data: {account.source} · "
        f"trades {', '.join(f'{slot} min' for slot in account.slots)} before the close"
    )
