"""A light backtest of the draft, beside the editor: equity and key figures as one edits.

It runs in a thread of its own on the source used last. A change drops the run before it; typing
never waits for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.backtest_run import BacktestRun
from app.components.builder.editing import Editing
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from app.theme import Palette, palette, translucent
from core.backtest.result import Backtest, Result
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.errors import Cancelled
from core.flow.nodes import Flow
from core.market.source import Progress
from core.metrics.definitions import BY_NAME, shown

QUIET_SECONDS = 0.15
"""A run begins when nothing was changed for so long."""
LOOK_AGAIN_MS = 200
FIGURES = ("cagr", "sharpe", "max_drawdown", "volatility")
MOST_POINTS = 160
"""What a curve this small can show. It also keeps the chart's message below 10 KB, from where on
Streamlit lets the browser keep messages; one that comes and goes at machine speed, as this one
does, can be forgotten there while Python still counts on it, and the page then loses its server.
"""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a light backtest is run on."""

    source: str = "demo"
    path: Path | None = None
    settings: BacktestSettings = field(default_factory=BacktestSettings)


@dataclass(slots=True)
class Preview:
    """The newest light run of a draft and the last result there was."""

    of: tuple[int, Basis] | None = None
    run: BacktestRun | None = None
    shown: Result | None = None
    looks: int = 0


def use(slug: str, basis: Basis) -> None:
    """Let a strategy's light backtests run on this from now on."""
    st.session_state[f"preview_basis_{slug}"] = basis


def preview(editing: Editing) -> None:
    """Start a run if the draft changed, and show the newest result."""
    basis: Basis = st.session_state.get(f"preview_basis_{editing.slug}", Basis())
    key = f"preview_{editing.slug}"
    found: Preview = st.session_state.setdefault(key, Preview())
    wanted = (editing.history.revision, basis)
    if found.of != wanted:
        if found.run is not None:
            found.run.cancel()
        found.of = wanted
        flow = editing.checked.flow if editing.checked.runs else None
        found.run = None if flow is None else _start(editing, flow, basis)
    _shown(editing.slug, found, editing.checked.runs, basis)


def _start(editing: Editing, flow: Flow, basis: Basis) -> BacktestRun:
    shared, find, filled = services(), editing.find, editing.fill(flow)

    def work(progress: Progress) -> Backtest:
        time.sleep(QUIET_SECONDS)
        progress(0.0, "Starting")  # raises if it was dropped meanwhile
        source = shared.source(basis.source, path=basis.path)
        return run_backtest(filled, source, basis.settings, find=find, progress=progress)

    return BacktestRun(work, _keep_nothing, shared.clock)


def _keep_nothing(backtest: Backtest, started: datetime) -> None:
    """A light run is looked at and forgotten."""


@st.fragment
def _shown(slug: str, found: Preview, runs: bool, basis: Basis) -> None:
    """Its own fragment: that a result has come redraws nothing else."""
    run = found.run
    if run is not None and run.done and run.backtest is not None:
        found.shown = run.backtest.result
    pending = run is not None and not run.done
    with st.container(key=f"preview_{slug}_{'pending' if pending else 'done'}"):
        if found.shown is not None:
            current = runs and not pending and run is not None and run.error is None
            _figures(slug, found.shown, current, basis)
        elif not runs:
            st.caption("Equity and key figures appear here as soon as the strategy can run.")
        elif pending:
            st.caption("Working out a first result.")
        if run is not None and run.error is not None and not isinstance(run.error, Cancelled):
            show_error(run.error)
    found.looks += pending
    _clock()(
        key=f"preview_clock_{slug}",
        data={"pending": pending, "number": found.looks, "after": LOOK_AGAIN_MS},
        on_tick_change=lambda: None,
    )


def _figures(slug: str, result: Result, current: bool, basis: Basis) -> None:
    colours = palette(st.context.theme.type)
    st.plotly_chart(
        _sparkline(result, colours, current), key=f"preview_chart_{slug}", theme=None,
        config={"displayModeBar": False},
    )  # fmt: skip
    columns = st.columns(2)
    for i, name in enumerate(FIGURES):
        columns[i % 2].metric(
            BY_NAME[name].label, shown(name, result.metrics[name]), help=BY_NAME[name].meaning
        )
    said = f"{result.start} to {result.end} on {plain(basis.source)}"
    st.caption(said if current else f"{said}. Before your last change.")


def _sparkline(result: Result, colours: Palette, current: bool) -> go.Figure:
    """The equity, small: at most MOST_POINTS of it, the first and the last among them."""
    count = len(result.sessions)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int))
    colour = colours.strategy if current else colours.muted
    figure = go.Figure(
        go.Scatter(
            x=result.sessions[rows].astype("datetime64[D]").astype(str).tolist(),
            y=np.round(result.equity[rows], 4).tolist(), mode="lines",
            line={"color": colour, "width": 1.5},
            fill="tozeroy", fillcolor=translucent(colour, 0.12),
            hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        )
    )  # fmt: skip
    low, high = float(result.equity[rows].min()), float(result.equity[rows].max())
    room = 0.05 * (high - low) or 0.05
    figure.update_layout(
        template="none", height=130, margin={"l": 0, "r": 0, "t": 4, "b": 0}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"visible": False, "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True, "range": [low - room, high + room]},
    )  # fmt: skip
    return figure


@st.cache_resource
def _clock() -> Callable[..., Any]:
    """The component that asks again, registered once a process."""
    made: Callable[..., Any] = st.components.v2.component(
        "builder_clock",
        js=(resources.files(__package__) / "clock.js").read_text(encoding="utf-8"),
    )
    return made
