"""What the library's list is asked for: search, folder, tags, order."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.resources import services
from core.library.catalogue import SORTS, Query
from core.metrics.definitions import BY_NAME

_ORDERS = {"name": "Name", "updated": "Last change", "created": "Date made"}
_ARROWS = {"asc": ":material/arrow_upward:", "desc": ":material/arrow_downward:"}
_ANY = "\x00"
"""Stands for every folder among the options: no folder has such a name."""


def library_filter(beside: Callable[[], None]) -> Query:
    """Draw the filters, with ``beside`` at the end of the first line; what they ask for."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Search", key="library_search", placeholder="Part of a name, folder or tag",
            icon=":material/search:", width=320, persist_state="session",
        )  # fmt: skip
        sort = st.selectbox(
            "Sort by", (*SORTS, *BY_NAME), key="library_sort", width=220, format_func=_order,
            persist_state="session", help="A metric is that of each strategy's last backtest.",
        )  # fmt: skip
        descending = st.segmented_control(
            "Order", ("asc", "desc"), default="asc", key="library_order", required=True,
            format_func=_ARROWS.__getitem__,
            persist_state="session", label_visibility="collapsed", help="Lowest or highest first.",
        )  # fmt: skip
        st.space("stretch")
        beside()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        folder = _folder()
        tags = _tags()
        archived = st.toggle("Archived", key="library_archived", persist_state="session")
    return Query(
        search=search or "",
        folder=None if folder == _ANY else folder,
        tags=tuple(tags),
        archived=archived,
        sort=sort,
        descending=descending == "desc",
    )


def _order(name: str) -> str:
    return _ORDERS.get(name) or BY_NAME[name].label


def folder_paths() -> list[str]:
    """Every folder that has strategies in it or below it, in alphabetical order."""
    found = services().catalogue.folders(services().user.id)
    parts = [path.split("/") for path in found if path]
    return sorted({"/".join(path[: i + 1]) for path in parts for i in range(len(path))})


def _folder() -> str:
    counts = services().catalogue.folders(services().user.id)
    options = [_ANY, *folder_paths()]
    if "" in counts and len(counts) > 1:
        options.append("")

    def said(path: str) -> str:
        if path == _ANY:
            return "All folders"
        inside = sum(n for p, n in counts.items() if p == path or p.startswith(f"{path}/"))
        return f"{path or 'In no folder'} ({counts.get('', 0) if path == '' else inside})"

    if st.session_state.get("library_folder", _ANY) not in options:
        st.session_state["library_folder"] = _ANY  # its last strategy went elsewhere
    chosen: str = st.selectbox(
        "Folder", options, key="library_folder", format_func=said, width=220,
        persist_state="session", help="With the folders inside it. Choose rows to move them.",
    )  # fmt: skip
    return chosen


def _tags() -> list[str]:
    counts = services().catalogue.tags(services().user.id)
    before = st.session_state.get("library_tags", [])
    if any(tag not in counts for tag in before):
        st.session_state["library_tags"] = [tag for tag in before if tag in counts]
    chosen: list[str] = st.multiselect(
        "Tags", list(counts), key="library_tags", width=320, persist_state="session",
        format_func=lambda tag: f"{tag} ({counts[tag]})", placeholder="Any",
        help="Strategies that have all of these. Choose rows to tag them.",
    )  # fmt: skip
    return chosen
