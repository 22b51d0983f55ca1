"""Saving a draft as a version, and what to do when somebody else saved first."""

from __future__ import annotations

import streamlit as st

from app import navigation
from app.components.builder.editing import Editing
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from core.errors import SluiceError
from core.flow.difference import difference
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.library.strategies import StrategyVersion, VersionConflict


def save_button(editing: Editing) -> None:
    """Save, with a label if one is wanted."""
    flow = editing.checked.flow
    with st.popover("Label", icon=":material/label:", help="Name the version you save next."):
        st.text_input(
            "Label of the next version", key=_label_key(editing), max_chars=200,
            placeholder="What changed", persist_state="session",
        )  # fmt: skip
    st.button(
        "Save", type="primary" if editing.changed else "secondary", icon=":material/save:",
        key=f"save_{editing.slug}", shortcut="Ctrl+S", on_click=_clicked, args=(editing,),
        disabled=not editing.changed or flow is None,
        help="A new version; the ones before stay." if flow is not None
        else "Some blocks are missing something without which it cannot be saved.",
    )  # fmt: skip
    if editing.changed:
        st.button(
            "Discard", icon=":material/undo:", key=f"discard_{editing.slug}",
            on_click=_discard, args=(editing,),
            help="Back to the saved version. Undo brings your changes back.",
        )  # fmt: skip


def _clicked(editing: Editing) -> None:
    save(editing)


def save(editing: Editing) -> bool:
    """Save the draft as the next version; False if that was refused, which the page then says."""
    flow = editing.checked.flow
    if flow is None:
        editing.say("It cannot be saved before its red blocks are mended.", "block")
        return False
    return _save(editing, flow, editing.number)


def _save(editing: Editing, flow: Flow, expected: int) -> bool:
    shared = services()
    label = (st.session_state.get(_label_key(editing)) or "").strip()
    try:
        saved = shared.strategies.save(
            shared.user.id, editing.slug, flow, expected=expected, label=label
        )
    except SluiceError as err:
        editing.say(str(err), "error")
        return False
    if isinstance(saved, VersionConflict):
        editing.conflict = saved
        # The window that saved may have been the last to keep a draft, and took it away.
        editing.kept.row = editing.kept.looked = None
        return False
    _follow(editing, saved)
    editing.say(f"Saved version {saved.number}.", "save")
    return True


def _follow(editing: Editing, saved: StrategyVersion) -> None:
    editing.saved_now(saved)
    st.session_state[f"saved_{editing.slug}"] = True


def just_saved(slug: str) -> bool:
    """Whether this run went on with another version: what stands outside the editor is old."""
    return bool(st.session_state.pop(f"saved_{slug}", False))


def _discard(editing: Editing) -> None:
    editing.discard()
    if editing.conflict is not None:
        # Nothing is in conflict any more: the whole page goes on with the newest version.
        editing.conflict = None
        st.session_state[f"saved_{editing.slug}"] = True
    editing.say("Back at the saved version.", "undo")


def _label_key(editing: Editing) -> str:
    """Of the next version: after saving the field is a new, empty one. The history's dialog has
    fields for the labels of those that are saved, on the same page."""
    return f"next_label_{editing.slug}_{editing.number}"


# -- conflict ------------------------------------------------------------------------------------


def show_conflict(editing: Editing) -> None:
    """Somebody saved since this draft was begun: what they changed, what you did, and both ways."""
    conflict, shared = editing.conflict, services()
    if conflict is None:
        return
    try:
        theirs = shared.strategies.version(shared.user.id, editing.slug)
    except SluiceError as err:
        show_error(err)
        return
    base, mine = from_json(editing.saved), editing.checked.flow
    if mine is None:  # it was changed again since, and is not whole now
        return
    with st.container(border=True, key=f"conflict_{editing.slug}"):
        st.markdown(
            f":material/call_merge: **Somebody saved version {theirs.number} after you began "
            f"from version {conflict.expected}.** Nothing is lost: choose how to go on."
        )
        left, right = st.columns(2)
        other = from_json(theirs.flow)
        _changes(left, f"Their changes, version {theirs.number}", base, other)
        _changes(right, "Your changes", base, mine)
        with st.container(horizontal=True):
            st.button(
                "Save mine on top", icon=":material/save:", type="primary",
                key=f"mine_{editing.slug}", on_click=_on_top, args=(editing, theirs.number),
                help="Yours becomes the newest version; theirs stays in the history.",
            )  # fmt: skip
            st.button(
                "Save mine as a copy", icon=":material/content_copy:", key=f"copy_{editing.slug}",
                on_click=_as_copy, args=(editing, theirs),
                help="Yours becomes a strategy of its own; here you go on with theirs.",
            )  # fmt: skip
            st.button(
                "Keep editing", key=f"keep_{editing.slug}", type="tertiary",
                on_click=setattr, args=(editing, "conflict", None),
            )  # fmt: skip


def _changes(place: object, heading: str, before: Flow, after: Flow) -> None:
    lines = [change.text for change in difference(before, after)]
    shown = lines[:12] + ([f"{len(lines) - 12} more"] if len(lines) > 12 else [])
    text = "\n".join(f"- {plain(line)}" for line in shown) or "- nothing"
    place.markdown(f"**{heading}**\n\n{text}")  # type: ignore[attr-defined]


def _on_top(editing: Editing, number: int) -> None:
    flow = editing.checked.flow
    if flow is not None and _save(editing, flow, number):
        editing.conflict = None


def _as_copy(editing: Editing, theirs: StrategyVersion) -> None:
    flow, shared = editing.checked.flow, services()
    if flow is None:
        return
    copy = flow.model_copy(update={"name": f"{flow.name} (mine)"[:200]})
    try:
        made = shared.strategies.create(
            shared.user.id, copy, label=f"Copy of {editing.slug}, from version {editing.number}"
        )
    except SluiceError as err:
        editing.say(str(err), "error")
        return
    editing.take_over(theirs)
    navigation.edit_strategy(made.slug)
    editing.say(f"Saved yours as '{made.name}'.", "content_copy")
