"""The strategy page: one saved strategy to backtest, or to edit."""

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
from app.components.builder.drafts import unsaved
from app.components.builder.preview import Basis, use
from app.components.deploy_dialog import deploy_dialog
from app.components.editor_view import editor_view
from app.components.flow_chart import flow_chart
from app.components.history import history
from app.components.plain import plain
from app.components.problems import show_error, show_problems
from app.resources import services
from core.backtest.result import Backtest
from core.backtest.run import run_backtest
from core.bootstrap import version
from core.errors import SluiceError
from core.flow.binding import Binding, bind
from core.flow.compile import compile_flow
from core.flow.formats.native import dump, from_json
from core.flow.nodes import Flow
from core.flow.validate import validate
from core.library.results import from_saved, to_saved
from core.library.strategies import StrategyVersion
from core.market.source import Progress

FIRST_LOOK_SECONDS = 1.0
"""Most backtests are done by then: their result comes with the answer to the click."""
LOOK_AGAIN_SECONDS = 0.25
VIEWS = {navigation.BACKTEST: ":material/monitoring:", navigation.EDIT: ":material/edit:"}
VIEW = "view"
"""The address says ``?view=edit``, so that a link opens the editor."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A strategy as this page works with it; ``running`` is its flow with the global variables."""

    slug: str
    version: StrategyVersion
    flow: Flow
    running: Flow


def strategy_view(slug: str) -> None:
    """The whole page. Raises UnknownName for a strategy somebody deleted meanwhile."""
    view = _chosen(slug)
    run: BacktestRun | None = st.session_state.get(_key(slug))
    if run is not None and view == navigation.BACKTEST:
        # Before anything is drawn, so that all of the page speaks of the same moment.
        run.wait(FIRST_LOOK_SECONDS)
    saved = services().strategies.version(services().user.id, slug)
    flow = from_json(saved.flow, slug)
    opened = Opened(slug, saved, flow, services().flows.filled(flow))
    _header(opened, view)
    if view == navigation.EDIT:
        editor_view(slug, saved)
        return
    if opened.flow.description:
        st.caption(plain(opened.flow.description))
    left, right = st.columns([3, 2], gap="medium")
    problems = validate(opened.running, find)
    with left:
        _chart(opened, any(p.severity == "error" for p in problems))
    with right:
        if problems:
            show_problems(problems)
        _form(opened)
    _result(opened)


def find(slug: str) -> Flow:
    """A strategy of the library as it runs, for references to it; raises UnknownName."""
    return services().flows.find(slug)


def _chosen(slug: str) -> str:
    """The view to show: what the address asks for, or else what was shown last."""
    key = navigation.view_key(slug)
    if st.query_params.get(VIEW) == navigation.EDIT.lower():
        st.session_state[key] = navigation.EDIT
    view: str = st.session_state.setdefault(key, navigation.BACKTEST)
    if view == navigation.EDIT:
        st.query_params[VIEW] = view.lower()
    return view


def _choose(slug: str, control: str) -> None:
    """The control was used: the address follows, and not the other way round."""
    st.query_params.pop(VIEW, None)
    st.session_state[navigation.view_key(slug)] = st.session_state[control]
    if st.session_state[control] == navigation.EDIT:
        st.query_params[VIEW] = navigation.EDIT.lower()


def _header(opened: Opened, view: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(opened.flow.name), anchor=False, width="content")
        st.badge(f"Version {opened.version.number}", color="gray")
        if view == navigation.BACKTEST and unsaved(opened.slug, opened.version):
            st.badge(
                "Unsaved changes", color="orange", icon=":material/edit:",
                help="In the editor. What is saved is backtested.",
            )  # fmt: skip
        st.space("stretch")
        control = f"view_control_{opened.slug}"
        st.segmented_control(
            "View of the strategy", list(VIEWS), default=view, required=True, key=control,
            label_visibility="collapsed", format_func=lambda name: f"{VIEWS[name]} {name}",
            on_change=_choose, args=(opened.slug, control),
        )  # fmt: skip
        history(opened.slug, opened.version.number)
        if st.button(
            "Deploy", icon=":material/rocket_launch:", key=f"deploy_{opened.slug}",
            help="Let this version trade with capital of an account.",
        ):  # fmt: skip
            deploy_dialog(opened.version, opened.running)
        st.download_button(
            "Export JSON", dump(opened.flow), f"{opened.slug}.json", "application/json",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.button(
            "Close", icon=":material/close:", help="Close this tab; the strategy stays saved.",
            on_click=navigation.close_strategy, args=(opened.slug,),
        )  # fmt: skip


def _chart(opened: Opened, broken: bool) -> None:
    with st.container(border=True):
        if broken:
            st.info("The flow is drawn when its problems are mended.", icon=":material/info:")
            return
        flow_chart(f"chart_{opened.slug}", _binding(opened))


def _binding(opened: Opened) -> Binding:
    return bind(compile_flow(opened.running, find), {}, "variables")


# -- run -----------------------------------------------------------------------------------------


def _key(slug: str) -> str:
    return f"backtest_run_{slug}"


@st.fragment
def _form(opened: Opened) -> None:
    """Form and button are one fragment: a click never loses what was typed last."""
    run: BacktestRun | None = st.session_state.get(_key(opened.slug))
    with st.container(border=True):
        request: Request | None = None
        try:
            request = backtest_form(
                opened.slug, opened.version.number, opened.running, services().settings.data
            )
        except SluiceError as err:
            show_error(err)
        busy = run is not None and not run.done
        # A callback sets a flag, once a click: a button's own value survives st.rerun().
        wanted = f"run_wanted_{opened.slug}"
        st.button(
            "Run backtest", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=request is None or busy, key=f"run_{opened.slug}",
            on_click=st.session_state.__setitem__, args=(wanted, True),
        )  # fmt: skip
        if st.session_state.pop(wanted, False) and request is not None:
            use(opened.slug, Basis(request.source, request.path, request.settings))
            st.session_state[_key(opened.slug)] = BacktestRun(
                _work(opened, request), _keep(opened), services().clock
            )
            st.rerun()
        if run is not None and run.done and run.error is not None:
            show_error(run.error)


def _work(opened: Opened, request: Request) -> Callable[[Progress], Backtest]:
    """The backtest asked for."""
    shared = services()

    def work(progress: Progress) -> Backtest:
        source = shared.source(request.source, path=request.path)
        return run_backtest(opened.running, source, request.settings, find=find, progress=progress)

    return work


def _keep(opened: Opened) -> Callable[[Backtest, datetime], None]:
    """Saves the result, in the run's thread: nobody waits for it."""
    shared = services()
    user, strategy = shared.user.id, (opened.version.strategy_id, opened.version.number)

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
