"""What the browser sends of its widgets: all that changed is run, and repeats change nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import SessionState

from app.widget_states import ignore_repeats, run_whole_batches


class Session(AppSession):
    """One with no more than these tests need."""

    def __init__(self) -> None:
        self._session_state = SessionState()

    def __del__(self) -> None:
        """There is nothing to shut down."""


@pytest.fixture
def asked(monkeypatch) -> list[ClientState | None]:
    """What Streamlit's own part is asked for."""
    requests: list[ClientState | None] = []
    monkeypatch.setattr(AppSession, "request_rerun", lambda _self, state: requests.append(state))
    run_whole_batches()
    return requests


@pytest.fixture
def session(asked) -> Session:
    """A page with a view to choose, a number in a form, a button in a panel and two charts."""
    session = Session()
    draw(session, "view", None, "string_value", "Why")
    draw(session, "amount", "form", "double_value", 12)
    draw(session, "previous", "panel", "trigger_value", False)
    draw(session, "chart", "first chart", "json_value", None)
    draw(session, "other", "second chart", "json_value", None)
    ask(session, "form", FIRST)
    asked.clear()
    return session


FIRST = {"view": "Why", "amount": 12, "chart": '{"at": 1}', "other": '{"at": 1}'}


def draw(session: Session, name: str, fragment: str | None, kind: str, value: object) -> None:
    state = session.session_state._new_widget_state
    state.set_widget_metadata(
        WidgetMetadata(
            id=name, deserializer=lambda v: v, serializer=lambda v: v, value_type=kind,
            fragment_id=fragment,
        )
    )  # fmt: skip
    state.set_from_value(name, value)


def ask(session: Session, fragment: str, values: dict[str, object]) -> None:
    request = ClientState(fragment_id=fragment)
    request.widget_states.CopyFrom(states(session, values))
    session.request_rerun(request)


def states(session: Session, values: dict[str, object]) -> WidgetStates:
    found = WidgetStates()
    for name, value in values.items():
        kind = session.session_state.get_widget_metadata(name).value_type
        if kind == "double_value" and isinstance(value, int):
            kind = "int_value"  # as the browser sends whole numbers
        found.widgets.append(WidgetState(id=name, **{kind: value}))
    return found


def fragments(asked: list[ClientState | None]) -> list[str]:
    return [request.fragment_id for request in asked]


def test_a_click_on_the_page_is_not_lost_to_a_chart_that_speaks_in_the_same_turn(session, asked):
    ask(session, "first chart", FIRST | {"view": "Indicators", "chart": '{"at": 2}'})
    assert fragments(asked) == [""]


def test_a_button_of_another_fragment_runs_the_page(session, asked):
    ask(session, "first chart", FIRST | {"previous": True})
    assert fragments(asked) == [""]
    assert [w.id for w in asked[0].widget_states.widgets if w.trigger_value] == ["previous"]


def test_another_chart_runs_its_own_fragment_and_presses_nothing_twice(session, asked):
    draw(session, "next", "first chart", "trigger_value", False)
    ask(session, "first chart", FIRST | {"next": True, "other": '{"at": 2}'})
    assert fragments(asked) == ["first chart", "second chart"]
    first, second = ({w.id for w in request.widget_states.widgets} for request in asked)
    assert first - second == {"next"}


def test_what_is_as_it_was_runs_nothing_more(session, asked):
    ask(session, "first chart", FIRST | {"chart": '{"at": 2}'})
    ask(session, "form", FIRST | {"amount": 13, "chart": '{"at": 2}'})
    assert fragments(asked) == ["first chart", "form"]


def test_the_first_value_of_a_widget_is_no_change_and_neither_is_one_python_set(session, asked):
    draw(session, "safe", "form", "string_value", "GLD")
    session.session_state._key_id_mapper["amount key"] = "amount"
    session.session_state["amount key"] = 14
    ask(session, "panel", FIRST | {"safe": "GLD", "amount": 14})
    assert fragments(asked) == ["panel"]
    ask(session, "panel", FIRST | {"safe": "SHY", "amount": 14})
    assert fragments(asked) == ["panel", ""]


def test_a_widget_that_is_no_longer_drawn_runs_nothing(session, asked):
    del session.session_state._new_widget_state.widget_metadata["view"]
    request = ClientState(fragment_id="form")
    request.widget_states.widgets.append(WidgetState(id="view", string_value="Metrics"))
    session.request_rerun(request)
    assert fragments(asked) == ["form"]


def test_runs_of_the_page_and_of_timers_are_asked_for_as_they_are(session, asked):
    whole, timer = ClientState(), ClientState(fragment_id="form", is_auto_rerun=True)
    whole.widget_states.widgets.append(WidgetState(id="view", string_value="Metrics"))
    for request in (whole, timer, None):
        session.request_rerun(request)
    assert asked == [whole, timer, None]


# -- repeats -------------------------------------------------------------------------------------


@pytest.fixture
def taken(session, monkeypatch):
    """Gives a run of a fragment the browser's values; says what Python then has of a widget."""
    storage = MemoryFragmentStorage()
    original = SessionState.set_widgets_from_proto
    monkeypatch.setattr(SessionState, "set_widgets_from_proto", original)
    ignore_repeats()
    session.session_state._key_id_mapper["amount key"] = "amount"

    def take(fragment: str, amount: float, **more: object) -> float:
        context = SimpleNamespace(
            fragment_storage=storage, fragment_ids_this_run=[fragment] if fragment else None
        )
        monkeypatch.setattr("app.widget_states.get_script_run_ctx", lambda: context)
        request = states(session, FIRST | {"amount": amount} | more)
        session.session_state._compact_state()
        session.session_state.set_widgets_from_proto(request)
        return session.session_state.get_widget_value("amount")

    return take


def test_what_python_set_stays_while_the_browser_repeats_the_value_before(session, taken):
    assert taken("form", 12) == 12
    session.session_state["amount key"] = 14
    assert taken("first chart", 12) == 14  # a chart was mounted
    assert taken("", 12, view="Indicators") == 14  # the page was used
    assert taken("first chart", 14) == 14  # the browser has drawn it


def test_the_fragment_that_is_used_may_go_back_to_the_value_before(session, taken):
    assert taken("form", 12) == 12
    session.session_state["amount key"] = 14
    assert taken("form", 12) == 12


def test_a_new_value_counts_also_where_another_fragment_is_run(session, taken):
    assert taken("form", 12) == 12
    session.session_state["amount key"] = 14
    assert taken("first chart", 13) == 13


def test_what_is_pressed_is_pressed(session, taken):
    taken("form", 12, previous=True)
    taken("first chart", 12, previous=True)
    assert session.session_state.get_widget_value("previous") is True


def test_the_names_of_streamlit_are_there():
    """They are not public: a new version may call them otherwise."""
    state = SessionState()
    assert state.get_widget_metadata("none") is None
    assert isinstance(state._new_widget_state.widget_metadata, dict)
    assert isinstance(AppSession.session_state, property)
