"""The line of titles above a list whose rows are drawn one by one; a phone does without it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def list_heading(widths: Sequence[float], titles: Sequence[str], of: str) -> None:
    """``titles`` over columns of these widths; ``of`` tells lists of a page apart."""
    with st.container(key=f"wide_heading_{of}"):
        columns = st.columns(widths, vertical_alignment="bottom")
        for column, title in zip(columns, titles, strict=True):
            column.caption(title)
