"""Buttons that make tables as CSV or Excel when they are pressed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.exports import account_address
from core import export
from core.accounts.account import Account
from core.library.strategies import slug_of


def csv_button(key: str, title: str, strategy: str, table: Callable[[], export.Table]) -> None:
    """Offer ``table`` of the strategy called ``strategy``; nothing is made before the click."""
    st.download_button(
        f"{title} CSV", lambda: export.to_csv(table()),
        f"{slug_of(strategy)}-{slug_of(title)}.csv", "text/csv",
        key=f"{key}_{slug_of(title)}_csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def export_link(account: Account, table: str, filters: str = "") -> None:
    """Offer a table of the account. A link: a page that is polled would draw a button's file anew
    every few seconds, and a click that comes between would find it gone."""
    st.link_button(
        f"{table} CSV", account_address(account, table) + filters, icon=":material/download:"
    )


def excel_link(account: Account) -> None:
    """Offer everything of an account as a workbook."""
    st.link_button(
        "Excel", account_address(account), icon=":material/download:",
        help="Strategies, equity, holdings, lots, proof, trades and orders of the account.",
    )  # fmt: skip
