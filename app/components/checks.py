"""Checks as a list: what is well, what is not, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.components.plain import plain
from app.theme import CHECKS
from core.health import Check


def show_checks(checks: Sequence[Check]) -> None:
    """A box for each, and all of them as a file."""
    for check in checks:
        style = CHECKS[check.state]
        with st.container(border=True):
            state, name, message = st.columns([1, 1.4, 7], vertical_alignment="center")
            state.badge(style.label, icon=f":material/{style.icon}:", color=style.colour)
            name.markdown(f"**{plain(check.name.capitalize())}**")
            message.markdown(
                plain(check.message) + (f"  \n{plain(check.fix)}" if check.fix else "")
            )
    table = pd.DataFrame([[c.name, c.state, c.message, c.fix] for c in checks])
    table.columns = ["Check", "State", "Message", "Fix"]
    st.download_button(
        "CSV", table.to_csv(index=False), "checks.csv", "text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip
