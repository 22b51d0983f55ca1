"""The strategy page: editor, form and result over one strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from app import navigation
from app.backtest_run import BacktestRun
from app.components.age import age
from app.components.backtest_form import Request, backtest_form
from app.components.backtest_result import backtest_result
from app.components.builder.builder import builder
from app.components.builder.editing import Editing, editing
from app.components.builder.preview import Basis, use
from app.components.builder.saving import just_saved, save
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from core.backtest.result import Backtest
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.bootstrap import version
from core.errors import SluiceError
from core.flow.formats.native import content_hash, dump, from_json
from core.flow.nodes import Cash, Flow
from core.library.results import from_saved, to_saved
from core.library.strategies import StrategyVersion
from core.market.source import Progress

FIRST_LOOK_SECONDS = 1.0
"""Most backtests are done by then: their result comes with the answer to the click."""
LOOK_AGAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Opened:
    """A strategy as this page works with it: its newest version, and the draft."""

    slug: str
    version: StrategyVersion
    editing: Editing


@dataclass(frozen=True, slots=True)
class Ran:
    """The version a backtest is of."""

    slug: str
    version: StrategyVersion
    flow: Flow


def strategy_view(slug: str) -> None:
    """The whole page. Raises UnknownName for a strategy somebody deleted meanwhile."""
    run: BacktestRun | None = st.session_state.get(_key(slug))
    if run is not None:
        # Before anything is drawn, so that all of the page speaks of the same moment.
        run.wait(FIRST_LOOK_SECONDS)
    saved = services().strategies.version(services().user.id, slug)
    opened = Opened(slug, saved, editing(slug, saved, find))
    _header(opened)
    _edit(opened)
    _result(opened)


def find(slug: str) -> Flow:
    """A strategy of the library, for references to it; raises UnknownName."""
    return from_json(services().strategies.version(services().user.id, slug).flow, slug)


def _header(opened: Opened) -> None:
    flow = from_json(opened.version.flow, opened.slug)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(flow.name), anchor=False, width="content")
        st.space("stretch")
        st.download_button(
            "Export JSON", dump(flow), f"{opened.slug}.json", "application/json",
            icon=":material/download:", on_click="ignore", help="The saved version.",
        )  # fmt: skip
        st.button(
            "Close", icon=":material/close:",
            help="Close this tab; the strategy stays saved, and your changes until you leave.",
            on_click=navigation.close_strategy, args=(opened.slug,),
        )  # fmt: skip
    if flow.description:
        st.caption(plain(flow.description))


@st.fragment
def _edit(opened: Opened) -> None:
    """Editor, form and button are one fragment: a click never loses what was typed last."""
    builder(opened.editing, lambda: _form(opened))
    if just_saved(opened.slug) or navigation.leaving():
        st.rerun()


# -- run -----------------------------------------------------------------------------------------


def _key(slug: str) -> str:
    return f"backtest_run_{slug}"


def _form(opened: Opened) -> None:
    """What to run on, and the button. Changes are saved first: a result is of a version."""
    run: BacktestRun | None = st.session_state.get(_key(opened.slug))
    edited = opened.editing
    with st.container(border=True):
        request: Request | None = None
        flow = edited.checked.flow or from_json(edited.saved, opened.slug)
        try:
            request = backtest_form(opened.slug, _settings_of(flow), flow, services().settings.data)
        except SluiceError as err:
            show_error(err)
        busy = run is not None and not run.done
        # A callback sets a flag, once a click: a button's own value survives st.rerun().
        wanted = f"run_wanted_{opened.slug}"
        st.button(
            "Run backtest", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=request is None or busy or not edited.checked.runs, key=f"run_{opened.slug}",
            on_click=st.session_state.__setitem__, args=(wanted, True),
            help="Saves your changes as a version first." if edited.changed else None,
        )  # fmt: skip
        if st.session_state.pop(wanted, False) and request is not None:
            if edited.changed and not save(edited):
                st.rerun()
            _run(opened, request)
            st.rerun()
        if run is not None and run.done and run.error is not None:
            show_error(run.error)


def _settings_of(flow: Flow) -> str:
    """What the form takes from the flow, as part of a key: its fields begin anew with that."""
    return content_hash(flow.model_copy(update={"root": Cash(), "name": "-", "description": ""}))


def _run(opened: Opened, request: Request) -> None:
    """Start the backtest of the newest version, and let light ones run on the same from now on."""
    saved = services().strategies.version(services().user.id, opened.slug)
    ran = Ran(opened.slug, saved, from_json(saved.flow, opened.slug))
    settings = BacktestSettings(
        start=request.settings.start, end=request.settings.end, execution=request.settings.execution
    )
    use(opened.slug, Basis(request.source, request.path, settings))
    st.session_state[_key(opened.slug)] = BacktestRun(
        _work(ran, request), _keep(ran), services().clock
    )


def _work(ran: Ran, request: Request) -> Callable[[Progress], Backtest]:
    """The backtest asked for."""
    shared = services()

    def work(progress: Progress) -> Backtest:
        source = shared.source(request.source, path=request.path)
        return run_backtest(ran.flow, source, request.settings, find=find, progress=progress)

    return work


def _keep(ran: Ran) -> Callable[[Backtest, datetime], None]:
    """Saves the result, in the run's thread: nobody waits for it."""
    shared = services()
    user, strategy = shared.user.id, (ran.version.strategy_id, ran.version.number)

    def keep(backtest: Backtest, started: datetime) -> None:
        saved = to_saved(
            backtest.result,
            user_id=user,
            engine_version=version(),
            started_at=started,
            finished_at=shared.clock(),
            strategy=strategy,
        )
        shared.backtests.add(saved)

    return keep


@st.fragment(run_every=LOOK_AGAIN_SECONDS)
def _progress(slug: str, run: BacktestRun) -> None:
    """How far it is, several times a second; the page follows when it is done."""
    if run.done:
        st.rerun()
    with st.container(border=True):
        st.progress(min(max(run.share, 0.0), 1.0), text=run.doing)
        st.button("Cancel", icon=":material/stop_circle:", on_click=run.cancel, key=f"stop_{slug}")


# -- result --------------------------------------------------------------------------------------


def _result(opened: Opened) -> None:
    """The run in progress, or the newest result: this session's, or else the library's."""
    run: BacktestRun | None = st.session_state.get(_key(opened.slug))
    now = services().clock()
    if run is not None and not run.done:
        _progress(opened.slug, run)
        return
    if run is not None and run.backtest is not None:
        shown, ran = run.backtest, f"ran in {run.seconds * 1000:,.0f} ms"
        if run.unsaved is not None:
            st.warning(f"The result was not saved. {run.unsaved}", icon=":material/warning:")
        backtest_result(f"result_{opened.slug}", shown.result, now=now, ran=ran, backtest=shown)
        return
    if run is not None:
        return
    recent = services().backtests.recent(
        services().user.id, strategy_id=opened.version.strategy_id, limit=1
    )
    if not recent:
        st.info(
            "No backtest of this strategy yet. Choose a source and press **Run backtest**: the "
            "demo market needs no keys.",
            icon=":material/play_arrow:",
        )
        return
    saved = services().backtests.get(services().user.id, recent[0].id)
    ran = f"saved {age(recent[0].finished_at, now)}"
    if recent[0].version != opened.version.number:
        ran += f" of version {recent[0].version}"
    backtest_result(f"result_{opened.slug}", from_saved(saved), now=now, ran=ran)
