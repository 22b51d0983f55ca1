"""A new run waits for the last messages of the one before, which Streamlit would ignore."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession, AppSessionState

from app.last_words import keep_last_words


class Runner:
    """One that accepts requests until it is done."""

    def __init__(self) -> None:
        self.done, self.asked = False, []

    def request_rerun(self, data) -> bool:
        self.asked.append(data.fragment_id)
        return not self.done

    def request_stop(self) -> None:
        self.done = True


class Session(AppSession):
    """One with no more than these tests need."""

    def __init__(self, began: list[str]) -> None:
        self.began = began
        self._state, self._client_state = AppSessionState.APP_NOT_RUNNING, ClientState()
        self._fragment_storage = SimpleNamespace(contains=lambda _name: True)
        self._scriptrunner = None

    def __del__(self) -> None:
        """There is nothing to shut down."""


@pytest.fixture
def session(monkeypatch):
    """A session of Streamlit whose runners are begun and ended by hand."""
    began: list[str] = []

    def create(self, data) -> None:
        began.append(data.fragment_id)
        self._scriptrunner = Runner()

    def handle(self, sender, event) -> None:
        if sender is self._scriptrunner and event == "shutdown":
            self._scriptrunner = None

    monkeypatch.setattr(AppSession, "_create_scriptrunner", create)
    monkeypatch.setattr(AppSession, "_handle_scriptrunner_event_on_event_loop", handle)
    keep_last_words()
    return Session(began)


def ask(session: AppSession, fragment: str) -> None:
    session.request_rerun(ClientState(fragment_id=fragment))


def end(session: AppSession, runner: Runner) -> None:
    session._handle_scriptrunner_event_on_event_loop(runner, "shutdown")


def test_a_run_asked_for_while_one_ends_begins_when_that_has_ended(session):
    ask(session, "first")
    ending = session._scriptrunner
    ending.done = True
    ask(session, "second")
    ask(session, "third")
    assert session.began == ["first"]
    assert session._scriptrunner is ending  # what it still says is heard
    end(session, ending)
    assert session.began == ["first", "second"]
    assert session._scriptrunner.asked == ["third"]
    end(session, ending)  # heard twice changes nothing
    assert session.began == ["first", "second"]


def test_a_run_of_the_whole_page_begins_at_once_with_what_waited_before_it(session):
    ask(session, "first")
    session._scriptrunner.done = True
    ask(session, "second")
    ask(session, "")  # the whole page: it draws all there is
    assert session.began == ["first", "second"]
    assert session._scriptrunner.asked == [None]


def test_a_session_that_closes_begins_nothing_more(session):
    ask(session, "first")
    ending = session._scriptrunner
    ending.done = True
    ask(session, "second")
    session._state = AppSessionState.SHUTDOWN_REQUESTED
    end(session, ending)
    assert session.began == ["first"]
