"""The editor: a view of the blocks, the inspector beside it, and a light backtest."""

from __future__ import annotations

import streamlit as st

from app.components.builder.drafts import show_unreadable, unsaved_badge
from app.components.builder.editing import Editing
from app.components.builder.inspector import inspector, where
from app.components.builder.outline import HEIGHT, outline
from app.components.builder.preview import preview
from app.components.builder.saving import save_button, show_conflict
from app.components.plain import plain

VIEWS = {"Outline": ":material/format_list_bulleted:", "Flow": ":material/account_tree:"}
WIDTHS = {"Outline": (5, 4, 3), "Flow": (6, 3.5, 2.5)}
MOST_PROBLEMS = 30


def builder(editing: Editing) -> None:
    """Draw it all.

    To be called in one fragment with everything whose fields and buttons belong together: a click
    on a button elsewhere could be lost while a field is left.
    """
    view = st.session_state.get(_view_key(editing), "Outline")
    _bar(editing)
    show_unreadable(editing)
    show_conflict(editing)
    blocks, form, figures = st.columns(WIDTHS[view], gap="small")
    with blocks, st.container(border=True, gap=None):
        outline(editing, chart=view == "Flow")
    with form, st.container(border=True, height=HEIGHT + 34):
        inspector(editing)
    with figures, st.container(border=True):
        preview(editing)
    for notice in editing.notices:
        st.toast(plain(notice.text), icon=f":material/{notice.icon}:")
    editing.notices.clear()


def _view_key(editing: Editing) -> str:
    return f"builder_view_{editing.slug}"


def _bar(editing: Editing) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.segmented_control(
            "View of the blocks", list(VIEWS), default="Outline", required=True,
            key=_view_key(editing), label_visibility="collapsed", persist_state="session",
            format_func=lambda name: f"{VIEWS[name]} {name}",
        )  # fmt: skip
        _problems(editing)
        unsaved_badge(editing)
        st.space("stretch")
        save_button(editing)


def _problems(editing: Editing) -> None:
    """What there is to mend, by block; a click goes there."""
    problems, errors = editing.checked.problems, len(editing.checked.errors)
    if not problems:
        st.badge("Ready to run", color="green", icon=":material/check:")
        return
    many = f"{errors} to mend" if errors else f"{len(problems)} to look at"
    icon = ":material/error:" if errors else ":material/warning:"
    with st.popover(many, icon=icon, key=f"problems_{editing.slug}"):
        ordered = sorted(problems, key=lambda found: found.problem.severity != "error")
        for i, found in enumerate(ordered[:MOST_PROBLEMS]):
            error = found.problem.severity == "error"
            st.button(
                f"{plain(where(editing, found.block))}: {plain(found.problem.message)}",
                key=f"problem_{editing.slug}_{i}", type="tertiary",
                icon=":material/error:" if error else ":material/warning:",
                help=plain(found.problem.fix) or None, on_click=editing.select,
                args=(found.block,),
            )  # fmt: skip
        if len(problems) > MOST_PROBLEMS:
            st.caption(f"{len(problems) - MOST_PROBLEMS} more")
