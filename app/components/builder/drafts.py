"""A session's drafts, and the rows of the database that outlive it."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from app.components.builder.editing import Editing, Kept
from app.components.plain import plain
from app.resources import services
from core.errors import BadInput, SluiceError
from core.flow.draft.blocks import draft_of
from core.flow.draft.history import History
from core.flow.draft.kept import read, written
from core.library.drafts import KeptDraft
from core.library.strategies import StrategyVersion, VersionConflict

_KEY = "editing_"


def editing(slug: str, version: StrategyVersion) -> Editing:
    """This session's draft of the strategy; at first what was kept of it, or else ``version``.

    A draft nobody changed follows the newest version; one that was changed stays as it is.
    """
    key = f"{_KEY}{slug}"
    found: Editing | None = st.session_state.get(key)
    if found is None:
        found = st.session_state[key] = _begun(slug, version)
    elif found.number != version.number and not found.changed:
        found.take_over(version)
    return found


def unsaved(slug: str, version: StrategyVersion) -> bool:
    """Whether the strategy was changed, in this session or an earlier one, and not saved."""
    found: Editing | None = st.session_state.get(f"{_KEY}{slug}")
    if found is not None:
        return found.changed or found.kept.unreadable is not None
    return services().drafts.has(services().user.id, version.strategy_id)


# -- what was kept -------------------------------------------------------------------------------


def _begun(slug: str, version: StrategyVersion) -> Editing:
    """A draft for this session."""
    shared = services()
    kept = shared.drafts.find(shared.user.id, version.strategy_id)
    if kept is not None:
        try:
            found = _again(slug, version, kept)
        except BadInput as err:
            found = _from(slug, version)
            found.kept.unreadable, found.kept.why = kept, f"{err.message} {err.fix}".strip()
            return found
        if found.changed and not found.says(version.flow):
            return found
        # It was saved, and what saved it did not come to taking it away.
        shared.drafts.forget(shared.user.id, version.strategy_id, kept.text)
    return _from(slug, version)


def _from(slug: str, version: StrategyVersion) -> Editing:
    flows = services().flows
    history, kept = History(draft_of(version.flow)), Kept(version.strategy_id)
    return Editing(slug, flows.find, version.number, version.flow, history, flows.filled, kept=kept)


def _again(slug: str, version: StrategyVersion, kept: KeptDraft) -> Editing:
    """The draft that was kept, counted from the version it began from; raises BadInput.

    Where there is a newer one by now, that is a conflict, to be told before more is done.
    """
    draft, shared = read(kept.text), services()
    base = version
    if kept.base != version.number:
        base = shared.strategies.version(shared.user.id, slug, kept.base)
    found = _from(slug, base)
    found.history = History(draft)
    found.kept.row, found.kept.returned = (kept.base, kept.text), kept.kept_at
    if base.number != version.number:
        found.conflict = VersionConflict(version.flow["name"], base.number, version.number)
    return found


def keep_all() -> None:
    """Keep every draft of this session.

    A field's last change may come with the click that leads to another page.
    """
    for key in list(st.session_state):
        if str(key).startswith(_KEY):
            keep(st.session_state[key])


def keep(editing: Editing) -> None:
    """Let the database have the draft as it is, or none where nothing is unsaved.

    Does nothing if that is so already. When the database is away the page says that the changes
    are not kept, and the next run tries again.
    """
    kept = editing.kept
    look = (editing.history.revision, editing.number)
    if kept.strategy is None or kept.unreadable is not None or kept.looked == look:
        return
    try:
        row = (editing.number, written(editing.draft)) if editing.changed else None
        if row != kept.row and not _write(kept.strategy, kept.row, row):
            kept.problem = "The strategy was deleted meanwhile. Copy what you need of it."
            return
    except SluiceError as err:
        kept.problem = str(err)
        return
    kept.row, kept.looked, kept.problem = row, look, ""


def _write(strategy: UUID, before: tuple[int, str] | None, row: tuple[int, str] | None) -> bool:
    """Whether the database took it: there has to be a strategy for it."""
    shared = services()
    if row is not None:
        return shared.drafts.keep(shared.user.id, strategy, *row)
    if before is not None:
        shared.drafts.forget(shared.user.id, strategy, before[1])
    return True


# -- what is said of it --------------------------------------------------------------------------


def unsaved_badge(editing: Editing) -> None:
    """That there are unsaved changes, where they come from, and whether they are kept."""
    kept = editing.kept
    if not editing.changed:
        return
    if kept.problem:
        st.badge(
            "Unsaved changes, not kept", color="red", icon=":material/cloud_off:",
            help=f"They would not survive a reload. {plain(kept.problem)}",
        )  # fmt: skip
    elif kept.returned is not None and editing.history.revision == 0:
        said = f"Unsaved changes of {_time(kept)} are here again."
        st.badge(said, color="orange", icon=":material/history:")
    else:
        st.badge("Unsaved changes", color="orange", icon=":material/edit:")


def _time(kept: Kept) -> str:
    """When it was kept; with the day if that was another one."""
    at, now = kept.returned or services().clock(), services().clock()
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def show_unreadable(editing: Editing) -> None:
    """A kept draft that cannot be read: to export, and to discard before others are kept."""
    lost = editing.kept.unreadable
    if lost is None:
        return
    with st.container(border=True, key=f"unreadable_{editing.slug}"):
        st.markdown(
            f":material/warning: **Unsaved changes of {lost.kept_at:%Y-%m-%d %H:%M} UTC cannot be "
            f"read**: {plain(editing.kept.why)} They are kept until you discard them. Here is "
            f"version {editing.number}; what you change in it is not kept before that."
        )
        with st.container(horizontal=True):
            st.download_button(
                "Export them", lost.text, f"{editing.slug}-unsaved.json", "application/json",
                icon=":material/download:", on_click="ignore",
                key=f"export_unreadable_{editing.slug}",
            )  # fmt: skip
            with st.popover("Discard them", icon=":material/delete:"):
                st.markdown("Nothing brings them back.")
                st.button(
                    "Discard for good", type="primary", key=f"discard_unreadable_{editing.slug}",
                    on_click=_discard_unreadable, args=(editing, lost),
                )  # fmt: skip


def _discard_unreadable(editing: Editing, lost: KeptDraft) -> None:
    kept, shared = editing.kept, services()
    if kept.strategy is None or kept.unreadable is not lost:
        return
    try:
        shared.drafts.forget(shared.user.id, kept.strategy, lost.text)
    except SluiceError as err:
        editing.say(str(err), "error")
        return
    kept.unreadable = None
