"""What the browser says of its widgets, taken for what it means.

Streamlit's side in the browser collects what changes within one turn of its event loop and asks for
one run: that of the first fragment it heard of. Whatever else changed in the same turn, a click on
the page while a chart says that it is mounted, arrives as a value and nothing runs for it: the
button looks pressed and the page stands still. Here the server looks at what changed and whose it
is, and runs that, too.

With every request the browser sends the values of all its widgets. Where Python has set one
meanwhile and the browser has not drawn it yet, it repeats the one before, and Streamlit takes that
for a change by the user: a step to another session jumps back. Here a value that is neither new nor
of the fragment that was used is a repeat, and what Python set stays.

The names of Streamlit used here are its own affair; tests compare what they have to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any
from weakref import WeakKeyDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import FragmentStorage
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import SessionState

_TRIGGERS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")
"""Values that are there once: the browser forgets them as soon as they are sent."""
_COMPONENT = "json_value"

_heard: WeakKeyDictionary[AppSession, dict[str, WidgetState]] = WeakKeyDictionary()
"""What the browser sent last, by session. Only the server's event loop is here."""

_taken: WeakKeyDictionary[FragmentStorage, dict[str, WidgetState]] = WeakKeyDictionary()
"""What the last run was given, by the session's storage of fragments. Only its runs are here."""


def run_whole_batches() -> None:
    """Let requests of all sessions run whatever changed in them; to be called before the first."""
    ask: Callable[..., None] = AppSession.request_rerun
    if getattr(ask, "whole", False):
        return

    def ask_for_all(session: AppSession, client_state: ClientState | None) -> None:
        for request in _requests(session, client_state):
            ask(session, request)

    ask_for_all.whole = True  # type: ignore[attr-defined]
    AppSession.request_rerun = ask_for_all  # type: ignore[assignment,method-assign]


def ignore_repeats() -> None:
    """Let what Python set stay until the user sets it; to be called before the first request."""
    take: Callable[..., None] = SessionState.set_widgets_from_proto
    if getattr(take, "repeats_ignored", False):
        return

    def take_new(state: SessionState, widget_states: WidgetStates) -> None:
        context = get_script_run_ctx()
        if context is not None:
            given = {widget.id: widget for widget in widget_states.widgets}
            before = _taken.get(context.fragment_storage, {})
            _taken[context.fragment_storage] = given
            used = set(context.fragment_ids_this_run or [""])
            kept = [w for w in given.values() if not _repeated(state, used, before.get(w.id), w)]
            widget_states = WidgetStates(widgets=kept)
        take(state, widget_states)

    take_new.repeats_ignored = True  # type: ignore[attr-defined]
    SessionState.set_widgets_from_proto = take_new  # type: ignore[assignment,method-assign]


def _repeated(
    state: SessionState, used: Set[str], before: WidgetState | None, widget: WidgetState
) -> bool:
    """Whether a value is outdated, and of a widget outside the fragments ``used``."""
    metadata, kind = state.get_widget_metadata(widget.id), _kind(widget)
    if metadata is None or kind in _TRIGGERS or kind == _COMPONENT:
        return False
    if (metadata.fragment_id or "") in used or not _as_drawn(before, metadata, widget):
        return False
    return not _held(state, metadata, widget)


def _as_drawn(
    before: WidgetState | None, metadata: WidgetMetadata[Any], widget: WidgetState
) -> bool:
    """Whether the browser said the same before, or speaks of the widget for the first time.

    A part of the page that was drawn a moment ago reports what it was drawn with.
    """
    if before is None:
        return metadata.fragment_id is not None
    return widget == before


def _requests(session: AppSession, asked: ClientState | None) -> list[ClientState | None]:
    """The runs to ask for in place of this one."""
    if asked is None or not asked.widget_states.widgets:
        return [asked]  # a timer's
    changed = list(_changed(session, asked)) if asked.fragment_id else []
    _heard[session] = {widget.id: widget for widget in asked.widget_states.widgets}
    others: list[str] = []
    for widget, owner in changed:
        if owner == asked.fragment_id:
            continue
        if owner is None or _kind(widget) != _COMPONENT:
            whole = ClientState()
            whole.CopyFrom(asked)
            whole.ClearField("fragment_id")
            return [whole]
        others.append(owner)
    # Components speak whenever they are drawn: to draw the whole page for that would go on forever.
    return [asked, *(_of_fragment(asked, owner) for owner in dict.fromkeys(others))]


def _changed(session: AppSession, asked: ClientState) -> Iterator[tuple[WidgetState, str | None]]:
    """Widgets that were used since the request before, with the fragment each belongs to."""
    state, before = session.session_state, _heard.get(session, {})
    for widget in asked.widget_states.widgets:
        metadata, kind = state.get_widget_metadata(widget.id), _kind(widget)
        if metadata is None:
            continue  # no longer on the page
        last = before.get(widget.id)
        if kind in _TRIGGERS:
            used = bool(getattr(widget, kind))
        elif kind == _COMPONENT:
            used = widget != last
        else:
            used = not _as_drawn(last, metadata, widget) and not _held(state, metadata, widget)
        if used:
            yield widget, metadata.fragment_id


def _held(state: SessionState, metadata: WidgetMetadata[Any], widget: WidgetState) -> bool:
    """Whether Python has this value already: the widget's first one, or one it set itself."""
    kind = _kind(widget)
    value: Any = getattr(widget, kind) if kind else None
    if kind.endswith("_array_value"):
        value = list(value.data)
    try:
        held = state.get_widget_value(widget.id)
    except KeyError:
        return False
    return bool(metadata.serializer(held) == value)


def _kind(widget: WidgetState) -> str:
    return widget.WhichOneof("value") or ""


def _of_fragment(asked: ClientState, fragment: str) -> ClientState:
    """The same for another fragment; what was pressed is pressed once."""
    request = ClientState()
    request.CopyFrom(asked)
    request.fragment_id = fragment
    kept = [w for w in asked.widget_states.widgets if _kind(w) not in _TRIGGERS]
    del request.widget_states.widgets[:]
    request.widget_states.widgets.extend(kept)
    return request
