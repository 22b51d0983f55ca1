"""The editor's page: one strategy's flow to change, a light backtest beside it, and saving."""

from __future__ import annotations

import streamlit as st

from app import navigation
from app.components.builder.builder import builder
from app.components.builder.editing import Editing, editing
from app.components.builder.saving import just_saved
from app.components.plain import plain
from app.resources import services
from core.errors import UnknownName

CHOSEN = "strategy"
"""The address names the strategy, so that a link opens it."""


def editor_view() -> None:
    """The whole page."""
    shared = services()
    names = shared.strategies.names(shared.user.id)
    slug = st.query_params.get(CHOSEN)
    if slug is None or slug not in names:
        if slug is not None:
            raise UnknownName("page", "strategy", slug, names)
        _choose(names)
        return
    saved = shared.strategies.version(shared.user.id, slug)
    edited = editing(slug, saved, shared.flows.find)
    edited.fill = shared.flows.filled
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(names[slug]), anchor=False, width="content")
        st.badge(f"Version {saved.number}", color="gray")
        st.space("stretch")
        st.button(
            "Strategy page", icon=":material/account_tree:", on_click=navigation.open_strategy,
            args=(slug,), help="Backtest what is saved. Your changes here wait for you.",
        )  # fmt: skip
        st.button(
            "Another", icon=":material/swap_horiz:", help="Edit another strategy.",
            on_click=st.query_params.clear,
        )  # fmt: skip
    _edit(edited)


def _choose(names: dict[str, str]) -> None:
    if not names:
        st.info(
            "The library is empty. Make a strategy under **New**, or import one.",
            icon=":material/folder_open:",
        )
        return
    slug: str | None = st.selectbox(
        "Strategy to edit", list(names), None, format_func=names.__getitem__,
        placeholder="Choose one",
    )  # fmt: skip
    if slug is not None:
        st.query_params[CHOSEN] = slug
        st.rerun()


@st.fragment
def _edit(edited: Editing) -> None:
    """One fragment: an edit redraws no more than the editor."""
    builder(edited)
    if just_saved(edited.slug) or navigation.leaving():
        st.rerun()
