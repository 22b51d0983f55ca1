"""The page behind the "+": open any strategy, or make a new one, blank or from a template."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from app import navigation
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from app.theme import KINDS
from core.errors import SluiceError
from core.flow.templates import Shelf, Template, templates
from core.library.strategies import Strategy
from core.library.templates import start_blank, start_from

SHELVES: dict[Shelf, tuple[str, str]] = {
    "classics": ("Classics", "Well-known strategies, each with what it teaches."),
    "blocks": ("One block at a time", "A small strategy for each kind of block, with notes."),
    "examples": ("Examples", "The strategies a new library begins with."),
}
COLUMNS = 3


@st.fragment
def new_view() -> None:
    """Name and search above, templates below; one fragment, so that a click loses no text."""
    left, right = st.columns(2, gap="large")
    with left:
        _blank()
    with right:
        _open_any()
    for shelf, (title, said) in SHELVES.items():
        st.subheader(title, anchor=False)
        st.caption(said)
        _shelf([t for t in _templates() if t.shelf == shelf])
    if navigation.leaving():
        st.rerun()


@lru_cache(maxsize=1)
def _templates() -> tuple[Template, ...]:
    return templates()


def _blank() -> None:
    st.subheader("New strategy", anchor=False)
    with st.form("new_blank", border=False), st.container(horizontal=True, gap="small"):
        name: str = st.text_input(
            "Name", placeholder="My strategy", max_chars=200, label_visibility="collapsed",
            help="It can be changed later; the address keeps the first one.",
        )  # fmt: skip
        made = st.form_submit_button("Start blank", type="primary", icon=":material/add:")
    if made:
        title = name.strip() or "My strategy"
        _made(
            lambda: start_blank(title, services().strategies, services().user.id),
            navigation.edit_strategy,
        )


def _open_any() -> None:
    st.subheader("Open a strategy", anchor=False)
    names = services().strategies.names(services().user.id)
    if not names:
        st.caption("The library is empty.")
        return
    st.selectbox(
        "Strategy", list(names), index=None, format_func=lambda slug: names[slug],
        placeholder=f"Part of a name; {len(names):,} in the library", key="open_any",
        on_change=_chosen, label_visibility="collapsed",
    )  # fmt: skip
    opened = services().tabs.titles(services().user.id)
    if opened:
        count = f"{len(opened)} tab{'s' * (len(opened) > 1)} open"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(count, width="content")
            if st.button("Close all", icon=":material/tab_close:", type="tertiary"):
                navigation.close_all()
                st.rerun()


def _chosen() -> None:
    slug: str | None = st.session_state.pop("open_any", None)
    if slug is not None:
        navigation.open_strategy(slug)


def _shelf(shelf: list[Template]) -> None:
    for first in range(0, len(shelf), COLUMNS):
        for column, template in zip(
            st.columns(COLUMNS), shelf[first : first + COLUMNS], strict=False
        ):
            with column.container(border=True, height="stretch"):
                _card(template)


def _card(template: Template) -> None:
    style = KINDS.get(template.slug if template.shelf == "blocks" else template.flow.root.kind)
    icon = f":material/{style.icon}: " if style else ""
    st.markdown(f"{icon}**{plain(template.flow.name)}**")
    st.caption(plain(template.flow.description))
    st.space("stretch")
    if st.button("Use", key=f"use_{template.slug}", icon=":material/content_copy:"):
        _made(lambda: start_from(template, services().strategies, services().user.id))


def _made(
    make: Callable[[], Strategy], go: Callable[[str], None] = navigation.open_strategy
) -> None:
    """Make a strategy and go to its tab; what is wrong is said where the click was."""
    try:
        strategy = make()
    except SluiceError as err:
        show_error(err)
        return
    st.toast(f"Made '{plain(strategy.name)}'.", icon=":material/add:")
    go(strategy.slug)
