"""Rows of the library that are chosen, and what can be done to all of them at once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import partial

import streamlit as st

from app.components.library_filter import folder_paths
from app.components.toasts import close_when_done
from app.resources import services
from core.flow.formats.native import dump, from_json
from core.library.catalogue import Query
from core.library.strategies import Strategy

_CHOSEN, _EPOCH = "library_chosen", "library_epoch"


def pick(strategy: Strategy) -> None:
    """The box that chooses a row."""
    key = f"pick_{st.session_state.get(_EPOCH, 0)}_{strategy.slug}"
    st.checkbox(
        f"Choose {strategy.name}", strategy.slug in _chosen(), key=key, on_change=_toggle,
        args=(strategy.slug,), label_visibility="collapsed",
    )  # fmt: skip


def selection_bar(query: Query, total: int) -> None:
    """How many rows are chosen, and the buttons for all of them.

    It is there while none is chosen, too: rows must not move under a pointer that ticks them.
    """
    slugs = tuple(sorted(_chosen()))
    nothing = not slugs
    with st.container(horizontal=True, vertical_alignment="center", gap="small", border=True):
        st.markdown(f"**{len(slugs):,} chosen**", width="content")
        st.button(
            f"Choose all {total:,}", on_click=_choose, args=(query,), type="tertiary",
            icon=":material/select_all:", help="All that the search and filters find.",
        )  # fmt: skip
        st.button(
            "Clear", on_click=clear, icon=":material/deselect:", type="tertiary", disabled=nothing
        )
        st.space("stretch")
        st.download_button(
            "Export", partial(zipped, slugs), "strategies.zip", "application/zip",
            key="export_chosen", icon=":material/download:", on_click="ignore",
            help="These strategies, as JSON in a zip.", disabled=nothing,
        )  # fmt: skip
        if st.button("Tag", icon=":material/label:", disabled=nothing):
            _tag(slugs)
        if st.button("Move", icon=":material/drive_file_move:", disabled=nothing):
            _move(slugs)
        archived = query.archived
        st.button(
            "Un-archive" if archived else "Archive", on_click=_archive, args=(slugs, archived),
            icon=f":material/{'unarchive' if archived else 'archive'}:", disabled=nothing,
        )  # fmt: skip


def clear() -> None:
    """Choose nothing."""
    st.session_state[_CHOSEN] = set()
    _draw_anew()


def zipped(slugs: tuple[str, ...] | None = None) -> bytes:
    """Strategies as JSON files in a zip; all of them if none is named."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for slug, head in services().strategies.heads(services().user.id, slugs).items():
            archive.writestr(f"{slug}.json", dump(from_json(head.flow)))
    return buffer.getvalue()


def _chosen() -> set[str]:
    chosen: set[str] = st.session_state.setdefault(_CHOSEN, set())
    return chosen


def _toggle(slug: str) -> None:
    _chosen().symmetric_difference_update({slug})


def _choose(query: Query) -> None:
    st.session_state[_CHOSEN] = set(services().catalogue.slugs(services().user.id, query))
    _draw_anew()


def _draw_anew() -> None:
    """Give the boxes new keys, so that they show what is chosen and not what was clicked."""
    st.session_state[_EPOCH] = st.session_state.get(_EPOCH, 0) + 1


def _archive(slugs: tuple[str, ...], archived: bool) -> None:
    count = services().catalogue.archive(services().user.id, slugs, archived=not archived)
    clear()
    done = "put back into the list" if archived else "archived"
    st.toast(f"{_count(count)} {done}.", icon=":material/archive:")


@st.dialog("Move to a folder")
def _move(slugs: tuple[str, ...]) -> None:
    with st.form("move_chosen", border=False):
        folder: str | None = st.selectbox(
            "Folder", folder_paths(), index=None, accept_new_options=True,
            placeholder="Choose one, or write a new one such as Momentum/US",
            help="Empty takes them out of their folders.",
        )  # fmt: skip
        sent = st.form_submit_button(f"Move {_count(len(slugs))}", type="primary")
    if sent:
        _done(lambda: services().catalogue.move(services().user.id, slugs, folder or ""), "moved")


@st.dialog("Tags")
def _tag(slugs: tuple[str, ...]) -> None:
    known = list(services().catalogue.tags(services().user.id))
    with st.form("tag_chosen", border=False):
        add: list[str] = st.multiselect(
            "Add", known, accept_new_options=True, placeholder="Choose or write tags"
        )
        remove: list[str] = st.multiselect("Take away", known, placeholder="Choose tags")
        sent = st.form_submit_button(f"Change {_count(len(slugs))}", type="primary")
    if sent:
        catalogue, user = services().catalogue, services().user.id
        _done(lambda: catalogue.tag(user, slugs, add=add, remove=remove), "tagged")


def _done(work: Callable[[], int], done: str) -> None:
    """Do it, say so and close the dialog; what is wrong is said in it and loses nothing."""
    close_when_done(lambda: f"{_count(work())} {done}.")


def _count(count: int) -> str:
    return f"{count:,} strateg{'y' if count == 1 else 'ies'}"
