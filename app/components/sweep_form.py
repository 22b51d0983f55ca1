"""The form that asks for a sweep: which strategy, which values, on which bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.components.backtest_form import backtest_form
from app.components.problems import show_error
from app.components.quick_look import MOST_RUNS, quick_look
from app.components.toasts import say
from app.resources import services
from core.bootstrap import version
from core.errors import SluiceError
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.library.sweep_request import SweepRequest, reuse_of, sweep_of
from core.library.sweeps import Sweep
from core.sweep.grid import Grid, Sample, parse_grid

_USUAL_RATE = 40_000.0
"""Runs a second assumed until this installation has finished a sweep."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for, and how many runs that is."""

    request: SweepRequest
    runs: int


def sweep_form() -> Sweep | None:
    """Draw the form; the sweep that was just started, or found to be there already."""
    names = services().strategies.names(services().user.id)
    if not names:
        st.info("The library is empty: import a strategy first.", icon=":material/folder_open:")
        return None
    slug: str = st.selectbox(
        "Strategy", list(names), format_func=names.__getitem__, key="sweep_strategy",
        persist_state="session",
    )  # fmt: skip
    head = services().strategies.version(services().user.id, slug)
    written = from_json(head.flow, slug)
    flow = services().flows.filled(written)
    if not flow.variables:
        st.info(
            "This strategy has no variables, so there is nothing to vary. Give a number or a "
            "ticker of its flow a name, as in \\$window.",
            icon=":material/tune:",
        )
        return None
    left, right = st.columns(2, gap="medium")
    asked: Asked | None = None
    try:
        with left:
            ranges = services().variables.sweeps(services().user.id, besides=written.variables)
            values = _values(f"sweep_{slug}_{head.number}", flow, ranges)
        with right:
            data = services().settings.data
            form = backtest_form(slug, head.number, flow, data, swept=True)
        if not values.texts:
            st.info(
                "Write the values to try into one variable or several: 5:50:5, or TLT,GLD.",
                icon=":material/tune:",
            )
        else:
            grid = values.grid()
            request = SweepRequest(
                user_id=services().user.id, flow=flow, grid=grid, settings=form.settings,
                source=form.source, path=form.path, strategy_id=head.strategy_id,
                version=head.number,
            )  # fmt: skip
            asked = Asked(request, len(grid.points()))
            st.caption(_size(asked))
    except SluiceError as err:
        show_error(err)
    small = asked is not None and asked.runs <= MOST_RUNS
    with st.container(horizontal=True, gap="small"):
        _button("Start batch test", "sweep_wanted", ":material/play_arrow:", asked is not None,
                "Workers run it; it goes on when you leave, and its results are kept.")  # fmt: skip
        _button("Quick look", "sweep_quick", ":material/bolt:", small,
                f"Up to {MOST_RUNS:,} runs, here and at once; nothing is kept.")  # fmt: skip
    if st.session_state.pop("sweep_wanted", False) and asked is not None:
        st.session_state.pop("sweep_quick", None)
        return _start(asked.request)
    if st.session_state.get("sweep_quick") and asked is not None and small:
        try:
            quick_look(asked.request)
        except SluiceError as err:
            show_error(err)
    return None


def _button(label: str, flag: str, icon: str, possible: bool, said: str) -> None:
    """A button that raises a flag: its own value would not survive st.rerun()."""
    st.button(
        label, type="primary" if flag == "sweep_wanted" else "secondary", icon=icon,
        disabled=not possible, key=f"{flag}_button", help=said,
        on_click=st.session_state.__setitem__, args=(flag, True),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Values:
    """What is written of a grid, ``texts`` as name=values."""

    texts: tuple[str, ...]
    constraints: tuple[str, ...]
    sample: Sample | None

    def grid(self) -> Grid:
        """Raises BadInput naming what is wrong."""
        return parse_grid(self.texts, self.constraints, self.sample, field="variables")


def _values(key: str, flow: Flow, ranges: Mapping[str, str]) -> _Values:
    """The values of each variable, the constraints between them, and a sample if wanted.

    A global variable's begin with those in ``ranges``.
    """
    texts = []
    for name, default in flow.variables.items():
        text: str = st.text_input(
            name, ranges.get(name, ""), key=f"{key}_{name}_{ranges.get(name, '')}",
            persist_state="session", placeholder=f"{default}: not swept",
            help="From:to:step with both ends, such as 5:50:5, or a list such as TLT,GLD. Empty "
            "keeps the flow's own value.",
        )  # fmt: skip
        if text.strip():
            texts.append(f"{name}={text.strip()}")
    constraints: str = st.text_area(
        "Constraints", key=f"{key}_constraints", height=80, placeholder="fast < slow",
        help="One a line; points that break one are not run.", persist_state="session",
    )  # fmt: skip
    count: int | None = st.number_input(
        "Sample", min_value=1, value=None, step=1000, key=f"{key}_sample", placeholder="all points",
        help="Run so many of the points, chosen at random; empty runs all.",
        persist_state="session",
    )  # fmt: skip
    lines = tuple(line for line in constraints.splitlines() if line.strip())
    return _Values(tuple(texts), lines, Sample(count=count) if count else None)


def _size(asked: Asked) -> str:
    """How many runs, and about how long they will take."""
    grid = asked.request.grid
    dropped = grid.size - asked.runs
    parts = [f"**{asked.runs:,} runs**"]
    if dropped:
        why = (
            "left out by the sample and the constraints"
            if grid.sample
            else "dropped by constraints"
        )
        parts.append(f"{dropped:,} of {grid.size:,} points {why}")
    rate = last_rate() or _USUAL_RATE
    seconds = asked.runs / rate
    parts.append(f"about {'a second' if seconds < 2 else f'{seconds:,.0f} seconds'}")
    return " · ".join(parts)


def last_rate() -> float | None:
    """Runs a second of the newest finished sweep that was long enough to tell."""
    for sweep in services().sweeps.recent(services().user.id, limit=20):
        if sweep.state == "finished" and sweep.started_at and sweep.finished_at:
            seconds = (sweep.finished_at - sweep.started_at).total_seconds()
            if sweep.total >= 20_000 and seconds > 0:
                return sweep.total / seconds
    return None


def _start(request: SweepRequest) -> Sweep | None:
    """Store the sweep and hand it out; an equal one answers instead."""
    shared = services()
    try:
        with st.spinner("Reading bars and indicators"):
            source = shared.source(request.source, path=request.path)
            sweep, ready = sweep_of(
                request, source, shared.flows.find, engine_version=version(), now=shared.clock()
            )
        known = shared.sweeps.equal(shared.user.id, sweep.key)
        if known is not None:
            say("This batch test has been run: here are its results.", ":material/done_all:")
            return known
        others = shared.sweeps.extendable(shared.user.id, sweep.base)
        sweep = shared.sweeps.add(*reuse_of(sweep, ready, others))
        shared.start_sweeps(shared.user.id)
        again = f", {sweep.reused:,} of them known already" if sweep.reused else ""
        say(f"Started: {sweep.total:,} runs{again}.", ":material/play_arrow:")
        return sweep
    except SluiceError as err:
        show_error(err)
        return None
