"""A strategy's history: its versions, what changed, and the way back."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.components.age import age
from app.components.plain import plain
from app.components.problems import show_error
from app.components.toasts import said, say
from app.resources import services
from core.errors import SluiceError
from core.flow.difference import difference, summary
from core.flow.field_changes import Change
from core.flow.formats.native import from_json
from core.library.strategies import MAX_LABEL, StrategyVersion, VersionConflict

PAGE_ROWS = 8
MOST_CHANGES = 200
_ICONS = {
    "changed": ":material/edit:",
    "added": ":material/add:",
    "removed": ":material/remove:",
    "moved": ":material/move_down:",
    "wrapped": ":material/select_all:",
    "unwrapped": ":material/deselect:",
}


def history(slug: str, head: int) -> None:
    """A button that opens the history of a strategy whose page shows version ``head``."""
    if st.button("History", icon=":material/history:", key=f"history_{slug}"):
        _dialog(slug, head)


@st.dialog("History", width="large", icon=":material/history:")
def _dialog(slug: str, head: int) -> None:
    said()
    labels = services().strategies.labels(services().user.id, slug)
    listed, compared = st.tabs(["Versions", "Compare"])
    with listed:
        _versions(slug, head, len(labels))
    with compared:
        _compare(slug, head, labels)


# -- versions ------------------------------------------------------------------------------------


def _versions(slug: str, head: int, count: int) -> None:
    pages, page = -(-count // PAGE_ROWS), 1
    if pages > 1:
        page = st.pagination(pages, key=f"history_page_{slug}_{pages}")
    found = services().strategies.versions(
        services().user.id, slug, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
    )
    for version in found:
        with st.container(border=True):
            _version(slug, head, version)


def _version(slug: str, head: int, version: StrategyVersion) -> None:
    about, actions = st.columns([3, 2], vertical_alignment="center")
    with about.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**Version {version.number}**", width="content")
        if version.number == head:
            st.badge("current", color="green", icon=":material/check:")
    about.caption(f"{age(version.created_at, services().clock())} · `{version.hash[:8]}`")
    about.markdown(plain(_what_changed(slug, version)))
    with actions.container(horizontal=True, gap="small", horizontal_alignment="right"):
        _label(slug, version)
        if version.number != head and st.button(
            "Restore", key=f"restore_{slug}_{version.number}", icon=":material/undo:",
            help="Make this the current version; the others stay.",
        ):  # fmt: skip
            _restore(slug, head, version)


def _what_changed(slug: str, version: StrategyVersion) -> str:
    if version.parent is None:
        return "The first version."
    changes = _changes(slug, version.parent, version.number)
    text = summary(changes)
    return text if version.parent == version.number - 1 else f"From {version.parent}: {text}"


def _label(slug: str, version: StrategyVersion) -> None:
    key = f"label_{slug}_{version.number}"
    st.text_input(
        f"Label of version {version.number}", version.label, max_chars=MAX_LABEL, key=key,
        placeholder="Label", label_visibility="collapsed", width=220, on_change=_call,
        args=(slug, version.number, key),
    )  # fmt: skip


def _call(slug: str, number: int, key: str) -> None:
    label = str(st.session_state[key]).strip()
    services().strategies.label(services().user.id, slug, number, label)
    say(f"Version {number}: label saved.", ":material/label:")


def _restore(slug: str, head: int, version: StrategyVersion) -> None:
    """Make the version the head again, unless somebody saved since this page was drawn."""
    try:
        answer = services().strategies.save(
            services().user.id, slug, from_json(version.flow, slug), expected=head
        )
    except SluiceError as err:
        show_error(err)
        return
    if isinstance(answer, VersionConflict):
        st.warning(plain(str(answer)), icon=":material/warning:")
        return
    say(f"Version {version.number} is current again.", ":material/undo:")
    st.rerun()


# -- difference ----------------------------------------------------------------------------------


def _compare(slug: str, head: int, labels: Mapping[int, str]) -> None:
    if len(labels) == 1:
        st.info("There is one version so far: save a change to compare.", icon=":material/info:")
        return

    def said(number: int) -> str:
        label = f" · {labels[number]}" if labels[number] else ""
        return f"Version {number}{' (current)' if number == head else ''}{label}"

    numbers = list(labels)
    before = services().strategies.version(services().user.id, slug, head).parent or numbers[-1]
    one, two = st.columns(2)
    old: int = one.selectbox(
        "From", numbers, numbers.index(before), format_func=said, key=f"from_{slug}"
    )
    new: int = two.selectbox("To", numbers, numbers.index(head), format_func=said, key=f"to_{slug}")
    changes = _changes(slug, old, new)
    if not changes:
        st.info("They are equal.", icon=":material/check:")
        return
    lines = [f"{_ICONS[c.what]} {plain(c.text[0].upper() + c.text[1:])}" for c in changes]
    st.caption(f"{len(changes):,} change{'s' * (len(changes) > 1)}")
    with st.container(height=420 if len(lines) > 10 else "content", border=False):
        st.markdown("\n\n".join(lines[:MOST_CHANGES]))
        if len(lines) > MOST_CHANGES:
            st.caption(f"and {len(lines) - MOST_CHANGES:,} more")
    st.download_button(
        "Text", "\n".join(c.text for c in changes) + "\n", f"{slug}-{old}-{new}.txt", "text/plain",
        icon=":material/download:", on_click="ignore", help="Every change, one a line.",
    )  # fmt: skip


def _changes(slug: str, old: int, new: int) -> tuple[Change, ...]:
    """From one version to another; versions never change, so this is computed once."""
    store, user = services().strategies, services().user.id
    strategy = store.get(user, slug).id
    return _computed(str(strategy), slug, old, new)


@st.cache_data(max_entries=2_000, show_spinner="Comparing versions")
def _computed(strategy: str, slug: str, old: int, new: int) -> tuple[Change, ...]:  # noqa: ARG001
    """``strategy`` is its id: a short name may come again after a strategy is deleted."""
    store, user = services().strategies, services().user.id
    flows = (from_json(store.version(user, slug, number).flow, slug) for number in (old, new))
    return difference(*flows)
