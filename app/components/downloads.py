"""Buttons that make tables as CSV or Excel when they are pressed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.account_export import account_tables
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


def excel_button(account: Account) -> None:
    """Offer everything of an account as a workbook; nothing is read before the click."""
    st.download_button(
        "Excel", lambda: export.to_workbook(account_tables(account)),
        f"{slug_of(account.name)}.xlsx", key="account_excel", icon=":material/download:",
        on_click="ignore",
        help="Strategies, equity, holdings, lots, proof, trades and orders of the account.",
        mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )  # fmt: skip
