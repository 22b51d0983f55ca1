"""What a run says last reaches the browser, also where the next run is asked for meanwhile.

Streamlit begins a new script runner as soon as the one before accepts no more requests, and ignores
from then on what that one still had in the queue: messages of a run, or that it ended. A fragment's
run draws only itself, so what was ignored stays missing. Here the new runner waits for the end of
the one before, which is in the same queue and a few milliseconds away.

The names of Streamlit used here are its own affair; a test compares what they have to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from streamlit.runtime.app_session import AppSession, AppSessionState

_waiting: WeakKeyDictionary[AppSession, list[Any]] = WeakKeyDictionary()
"""Requests for runs by session, in the order they came. Only the server's event loop is here."""


def keep_last_words() -> None:
    """Let runners of all sessions follow one another; to be called before the first."""
    create: Callable[..., None] = AppSession._create_scriptrunner
    handle: Callable[..., None] = AppSession._handle_scriptrunner_event_on_event_loop
    if getattr(create, "in_turn", False):
        return

    def begin(session: AppSession, requests: list[Any]) -> None:
        first, *more = requests
        create(session, first)
        for request in more:
            session._scriptrunner.request_rerun(request)  # type: ignore[union-attr]

    def create_in_turn(session: AppSession, request: Any) -> None:
        waiting = [*_waiting.pop(session, []), request]
        if session._scriptrunner is None:
            begin(session, waiting)
        else:
            _waiting[session] = waiting

    def handle_and_go_on(session: AppSession, *event: Any, **more: Any) -> None:
        handle(session, *event, **more)
        ended = (
            session._scriptrunner is None and session._state != AppSessionState.SHUTDOWN_REQUESTED
        )
        if ended and session in _waiting:
            begin(session, _waiting.pop(session))

    create_in_turn.in_turn = True  # type: ignore[attr-defined]
    AppSession._create_scriptrunner = create_in_turn  # type: ignore[assignment,method-assign]
    AppSession._handle_scriptrunner_event_on_event_loop = (  # type: ignore[method-assign]
        handle_and_go_on  # type: ignore[assignment]
    )
