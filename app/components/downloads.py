"""Buttons that make a table as CSV when they are pressed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core import export
from core.library.strategies import slug_of


def csv_button(key: str, title: str, strategy: str, table: Callable[[], export.Table]) -> None:
    """Offer ``table`` of the strategy called ``strategy``; nothing is made before the click."""
    st.download_button(
        f"{title} CSV", lambda: export.to_csv(table()),
        f"{slug_of(strategy)}-{slug_of(title)}.csv", "text/csv",
        key=f"{key}_{slug_of(title)}_csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
