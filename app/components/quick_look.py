"""A small grid run on the page, at once: a map, the best runs, the equity behind a cell."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from app.charts.heat import heat_look, span_of
from app.components.heat_map import chosen_cell, heat_map
from app.components.plain import plain
from app.components.run_equity import run_equity
from app.components.sweep_values import labels
from app.map_numbers import Cell, MapNumbers
from app.resources import services
from app.run_curves import Found, RunCurves, found_run
from app.theme import palette
from core.flow.formats.native import to_json
from core.library.sweep_request import SweepRequest
from core.metrics.definitions import BY_NAME
from core.sweep.grid import Grid
from core.sweep.heatmap import AGGREGATES, Aggregate, map_of, standing_at
from core.sweep.kernel import METRICS
from core.sweep.prepare import Prepared, prepare
from core.sweep.run import Measured, Sweeper

MOST_RUNS = 10_000
"""What answers within a second; more is a batch test."""
BEST_ROWS = 10
Axes = tuple[str, str] | tuple[()]
"""The variables of a map; none where there is none."""
SHOWN = ("sharpe", "cagr", "max_drawdown", "turnover")


@dataclass(frozen=True, eq=False)
class Looked:
    """The runs of a small grid, and how long they took."""

    found: Measured
    ready: Prepared
    seconds: float


def quick_look(request: SweepRequest) -> None:
    """Run it and show it. Raises SluiceError."""
    with st.spinner("Running the grid"):
        looked = _look(request)
    grid, found = request.grid, looked.found
    data = looked.ready.provenance
    st.caption(
        f"{len(found.points):,} runs in {looked.seconds * 1000:,.0f} ms · "
        f"{looked.ready.sessions[0]} to {looked.ready.sessions[-1]} · {plain(str(data))}"
    )
    failed = int((found.reason > 0).sum())
    if failed:
        texts = "; ".join(plain(text) for text in looked.ready.values.reasons.texts[:3])
        st.warning(f"{failed:,} runs failed: {texts}", icon=":material/warning:")
    one, two, three, four = st.columns(4)
    names = [n for n in grid.axis_of if len(grid.axes[grid.axis_of[n]].values) > 1]
    metric: str = one.selectbox(
        "Metric", METRICS, METRICS.index("sharpe"), key="quick_metric",
        format_func=lambda name: BY_NAME[name].label,
    )  # fmt: skip
    if _best(found, metric) is None:
        st.info("No run has this metric.", icon=":material/filter_alt_off:")
        return
    axes: Axes = ()
    chosen, cell = "quick_cell", None
    if len(names) > 1:
        key = "_".join(names)
        x: str = two.selectbox("Across", names, 0, key=f"quick_x_{key}")
        y: str = three.selectbox("Down", [n for n in names if n != x], 0, key=f"quick_y_{key}_{x}")
        how: Aggregate = four.selectbox(
            "Other variables", AGGREGATES, key="quick_how", format_func=str.capitalize
        )
        axes, chosen = (x, y), f"quick_cell_{x}_{y}"
        cell = _map(request, axes, metric, how, chosen)
    left, right = st.columns(2)
    with left:
        st.dataframe(_table(grid, found, metric), hide_index=True)
    with right:
        run_equity(_curves(request, axes, metric), cell, chosen=chosen, first=None)


def _key(request: SweepRequest) -> str:
    """What the runs depend on."""
    parts = {
        "flow": to_json(request.flow),
        "grid": request.grid.model_dump(mode="json"),
        "settings": request.settings.model_dump(mode="json"),
        "source": request.source,
        "path": str(request.path),
    }
    return json.dumps(parts, sort_keys=True)


@st.cache_resource(max_entries=8, ttl=600, show_spinner=False, hash_funcs={SweepRequest: _key})
def _look(request: SweepRequest) -> Looked:
    source = services().source(request.source, path=request.path)
    begun = time.perf_counter()
    ready = prepare(
        request.flow, request.grid, source, request.settings, find=services().flows.find
    )
    found = Sweeper(ready).run(request.grid.points())
    return Looked(found, ready, time.perf_counter() - begun)


def _best(found: Measured, metric: str) -> int | None:
    """The run with the best metric; None if none has it."""
    values = found.metrics[:, METRICS.index(metric)]
    if np.isnan(values).all():
        return None
    at = np.nanargmax(values if BY_NAME[metric].better >= 0 else -values)
    return int(found.points[at])


def _where(grid: Grid, found: Measured, values: dict[str, int]) -> Measured:
    """The runs at which variables have these values, by number."""
    kept = standing_at(grid, found.points, values)
    return Measured(found.points[kept], found.metrics[kept], found.reason[kept])


def _map(
    request: SweepRequest, names: tuple[str, str], metric: str, how: Aggregate, chosen: str
) -> Cell | None:
    """Draw the map; the cell that is chosen."""
    grid, numbers = request.grid, _numbers(request, names, metric, how)
    look = heat_look(
        labels(grid, names[0]), labels(grid, names[1]), names, BY_NAME[metric],
        span_of(numbers.values), palette(st.context.theme.type),
    )  # fmt: skip
    heat_map(numbers, look, key=f"map_of_{chosen}", chosen=chosen, height=420)
    return chosen_cell(chosen, numbers.values.shape)


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False, hash_funcs={SweepRequest: _key})
def _numbers(
    request: SweepRequest, names: tuple[str, str], metric: str, how: Aggregate
) -> MapNumbers:
    return MapNumbers(map_of(request.grid, _look(request).found, *names, metric, how))


def _table(grid: Grid, found: Measured, metric: str) -> pd.DataFrame:
    """The best runs."""
    values = found.metrics[:, METRICS.index(metric)]
    order = np.argsort(-values if BY_NAME[metric].better >= 0 else values, kind="stable")
    best = found.points[order[:BEST_ROWS]]
    columns = {name: grid.column(name, best) for name in grid.axis_of}
    rows = found.metrics[order[:BEST_ROWS]]
    for name in dict.fromkeys([metric, *SHOWN]):
        columns[BY_NAME[name].label] = rows[:, METRICS.index(name)].round(4)
    return pd.DataFrame(columns)


@st.cache_resource(max_entries=16, ttl=600, show_spinner=False, hash_funcs={SweepRequest: _key})
def _curves(request: SweepRequest, axes: Axes, metric: str) -> RunCurves:
    """The backtests of cells of the map over ``axes``; without a cell, of the best of all runs."""
    looked, grid = _look(request), request.grid
    source = services().source(request.source, path=request.path)

    def find(cell: Cell | None) -> Found | None:
        point = _best(_where(grid, looked.found, dict(zip(axes, cell or (), strict=False))), metric)
        if point is None:
            return None
        values = grid.values_at(point)
        return found_run(request.flow, source, request.settings, values, services().flows.find)

    return RunCurves(find)
