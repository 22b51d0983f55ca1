"""The variables page: the library's global variables, where they are used, and their editor."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import navigation
from app.components.list_heading import list_heading
from app.components.plain import plain
from app.components.toasts import close_when_done
from app.resources import services
from core.library.variables import KINDS, MAX_NOTE, Draft, GlobalVariable, Use, draft_of

WIDTHS = (2, 1.2, 1.2, 2, 3, 3.2, 1.4)
_TITLES = ("Name", "Kind", "Default", "Values to try", "Note", "Used in", "")
_ICONS = {"number": ":material/123:", "symbol": ":material/show_chart:",
          "indicator": ":material/monitoring:"}  # fmt: skip
_SHOWN = 4
"""Strategies shown as buttons; the rest is counted."""


def variables_view() -> None:
    """The whole page."""
    found = services().variables.all(services().user.id)
    said, buttons = st.columns([3, 1], vertical_alignment="center", gap="medium")
    said.caption(
        "A value with a name that every strategy can use: write \\$name where a number, a symbol "
        "or an indicator's name stands. A strategy that declares a variable of the same name "
        "itself keeps its own value: it shadows the global one."
    )
    with buttons.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if found:
            st.download_button(
                "CSV", lambda: _csv(found), "variables.csv", "text/csv", on_click="ignore",
                icon=":material/download:",
            )  # fmt: skip
        if st.button("New variable", type="primary", icon=":material/add:"):
            _edit(None)
    if not found:
        st.info(
            "No global variable yet. Make one, such as safe = TLT, and use it as \\$safe in any "
            "strategy: changing it here changes them all.",
            icon=":material/tag:",
        )
        return
    uses = services().variables.uses(services().user.id)
    list_heading(WIDTHS, _TITLES, "variables")
    for variable in found:
        _row(variable, uses.get(variable.name, ()))


def _csv(found: Sequence[GlobalVariable]) -> str:
    uses = services().variables.uses(services().user.id)
    rows = [
        {
            "name": v.name, "kind": v.kind, "default": v.default, "values to try": v.sweep,
            "note": v.note,
            "used in": "; ".join(u.slug for u in uses.get(v.name, ()) if not u.shadows),
        }
        for v in found
    ]  # fmt: skip
    text = io.StringIO()
    pd.DataFrame(rows).to_csv(text, index=False)
    return text.getvalue()


def _row(variable: GlobalVariable, uses: Sequence[Use]) -> None:
    with st.container(border=True):
        name, kind, default, sweep, note, used, actions = st.columns(
            WIDTHS, vertical_alignment="center"
        )
        name.markdown(f"**{plain(f'${variable.name}')}**")
        kind.markdown(f"{_ICONS[variable.kind]} {variable.kind}")
        # On a phone, where the headings go, app.theme's style lets these cells say what they are.
        with default.container(key=f"cell_default_{variable.id}"):
            st.markdown(plain(str(variable.default)))
        with sweep.container(key=f"cell_sweep_{variable.id}"):
            st.markdown(plain(variable.sweep) or "–")
        note.caption(plain(variable.note))
        with used.container(horizontal=True, gap="small", vertical_alignment="center"):
            _uses(variable, uses)
        with actions.container(horizontal=True, gap="small", horizontal_alignment="right"):
            if st.button("", key=f"edit_{variable.id}", icon=":material/edit:", help="Change it."):
                _edit(variable)
            if st.button("", key=f"drop_{variable.id}", icon=":material/delete:", help="Delete."):
                _delete(variable)


def _uses(variable: GlobalVariable, uses: Sequence[Use]) -> None:
    using = [use for use in uses if not use.shadows]
    if not using:
        st.caption("nowhere", width="content")
    for use in using[:_SHOWN]:
        st.button(
            plain(use.strategy), key=f"use_{variable.id}_{use.slug}", type="tertiary",
            icon=":material/archive:" if use.archived else ":material/account_tree:",
            on_click=navigation.open_strategy, args=(use.slug,),
            help="Archived. Open it." if use.archived else "Open it.",
        )  # fmt: skip
    if len(using) > _SHOWN:
        st.caption(f"and {len(using) - _SHOWN:,} more", width="content")
    if shadowing := [plain(use.strategy) for use in uses if use.shadows]:
        more = f" and {len(shadowing) - _SHOWN:,} more" if len(shadowing) > _SHOWN else ""
        st.caption(f"shadowed in {', '.join(shadowing[:_SHOWN])}{more}", width="content")


# -- editor --------------------------------------------------------------------------------------


@st.dialog("Variable")
def _edit(variable: GlobalVariable | None) -> None:
    """A form for a new variable, or for one there is."""
    key = "variable_new" if variable is None else f"variable_{variable.id}"
    with st.form(key, border=False):
        name: str = st.text_input(
            "Name", variable.name if variable else "", max_chars=64, placeholder="safe",
            help="A letter, then letters, digits and _. Another name is written into every "
            "strategy that uses this variable, as a new version of it.",
        )  # fmt: skip
        kind = st.radio(
            "Kind", KINDS, KINDS.index(variable.kind) if variable else 0, horizontal=True,
            format_func=str.capitalize, help="What it stands for, so that a slip is noticed.",
        )  # fmt: skip
        default: str = st.text_input(
            "Default", str(variable.default) if variable else "", placeholder="14, TLT or rsi",
            help="The value strategies run with.",
        )  # fmt: skip
        sweep: str = st.text_input(
            "Values to try", variable.sweep if variable else "", placeholder="5:50:5 or TLT,GLD",
            help="What a batch test's form begins with: from:to:step with both ends, or a list. "
            "Empty for none.",
        )  # fmt: skip
        note: str = st.text_area(
            "Note", variable.note if variable else "", max_chars=MAX_NOTE, height=80,
            help="What it is for.",
        )  # fmt: skip
        sent = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if sent:
        close_when_done(lambda: _save(variable, draft_of(name, kind, default, sweep, note)))


def _save(variable: GlobalVariable | None, draft: Draft) -> str:
    """Store it; what was done, in words."""
    user = services().user.id
    if variable is None:
        services().variables.add(user, draft)
        return f"${draft.name} is there for every strategy."
    changed = services().variables.change(user, variable.name, draft)
    if draft.name == variable.name:
        return f"${draft.name} saved."
    count = f"{changed:,} strateg{'y' if changed == 1 else 'ies'}"
    return f"${variable.name} is ${draft.name} now, in {count} too."


@st.dialog("Delete variable")
def _delete(variable: GlobalVariable) -> None:
    st.markdown(f"Delete **{plain(f'${variable.name}')}**?")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep"):
            st.rerun()
        sent = st.button("Delete", type="primary", icon=":material/delete:")
    if sent:
        close_when_done(lambda: _deleted(variable.name))


def _deleted(name: str) -> str:
    services().variables.delete(services().user.id, name)
    return f"${name} deleted."
