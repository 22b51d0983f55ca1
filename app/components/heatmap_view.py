"""The heatmap page: any two variables of a sweep, any metric; a click opens the run."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import streamlit as st

from app.charts.heat import heat_look, span_of
from app.components.batch_view import CHOSEN, chosen_sweep
from app.components.heat_map import chosen_cell, heat_map
from app.components.plain import plain
from app.components.problems import show_error
from app.components.run_equity import run_equity
from app.components.sweep_results import open_run
from app.components.sweep_values import labels, variables_text
from app.map_numbers import Cell, MapNumbers
from app.resources import services
from app.run_curves import Found, RunCurves, found_run
from app.theme import palette
from core.backtest.settings import BacktestSettings
from core.errors import BadInput, SluiceError
from core.flow.formats.native import from_json
from core.library.sweep_request import finder
from core.library.sweeps import Sweep
from core.market.bars import Float
from core.metrics.definitions import BY_NAME, shown
from core.metrics.deflated import deflated_sharpe
from core.sweep.grid import Grid, grid_from_json
from core.sweep.heatmap import AGGREGATES, Aggregate, map_of, plateau, sliced
from core.sweep.kernel import METRICS
from core.sweep.prepare import prepare
from core.sweep.run import Sweeper

if TYPE_CHECKING:
    from core.db.runs import Runs

MOST_SPLIT_RUNS = 40_000
"""Runs that are computed anew, twice, to compare before and after a date."""
WIDEST = 200


def heatmap_view() -> None:
    """The whole page."""
    sweep = chosen_sweep() or _newest()
    if sweep is None:
        st.info(
            "A heatmap shows a batch test over two of its variables. Start one on the page "
            "**Batch tests** first.",
            icon=":material/blur_on:",
        )
        return
    st.query_params[CHOSEN] = str(sweep.id)
    grid = grid_from_json(sweep.grid)
    names = [name for name in grid.axis_of if 1 < _length(grid, name) <= WIDEST]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(sweep.flow_name), anchor=False, width="content")
        if sweep.detail["synthetic"]:
            st.badge("Synthetic data", icon=":material/science:", color="orange")
        st.caption(
            f"{sweep.done:,} runs · {sweep.detail['start']} to {sweep.detail['end']} · "
            f"{plain(sweep.detail['data'])}"
        )
    if len(names) < 2 or not sweep.done:
        st.info(
            f"A map needs two variables of 2 to {WIDEST} values each, and runs.",
            icon=":material/blur_on:",
        )
        return
    _map(sweep, grid, names)


def _newest() -> Sweep | None:
    """The newest sweep that has a map to show."""
    for row in services().sweeps.recent(services().user.id, limit=50):
        if row.done and len(row.grid["axes"]) > 1:
            return services().sweeps.get(row.user_id, row.id)
    return None


def _length(grid: Grid, name: str) -> int:
    return len(grid.axes[grid.axis_of[name]].values)


@st.cache_resource(max_entries=32, show_spinner=False)
def _pivot(
    sweep_id: str,
    done: int,  # noqa: ARG001  of a sweep that goes on, the map is another
    x: str,
    y: str,
    metric: str,
    how: Aggregate,
    slices: dict[str, int],
) -> MapNumbers:
    """The map of a sweep's runs: a click on a cell asks for the same one again."""
    return MapNumbers(_runs(sweep_id).pivot(x, y, metric, how, slices))


@st.cache_data(max_entries=32, show_spinner=False)
def _trials(sweep_id: str, done: int) -> tuple[dict[str, float], dict[str, float]]:  # noqa: ARG001
    """Metrics of the run with the best Sharpe ratio, and the summary of them all."""
    runs = _runs(sweep_id)
    best = runs.page("sharpe", descending=True, limit=1)
    return dict(zip(METRICS, best.metrics[0].tolist(), strict=True)), runs.summary("sharpe")


def _runs(sweep_id: str) -> Runs:
    return services().sweeps.runs(services().sweeps.get(services().user.id, UUID(sweep_id)))


@st.fragment
def _map(sweep: Sweep, grid: Grid, names: list[str]) -> None:
    """Choices, map and the run clicked; one fragment, so that a click redraws only this."""
    x, y, metric, how, slices, split = _choices(sweep, grid, names)
    if x == y:
        st.info("Choose two different variables.", icon=":material/swap_horiz:")
        return
    of = (str(sweep.id), sweep.done, x, y, metric, how, slices)
    try:
        maps = {"": _pivot(*of)} if split is None else _split_maps(*of, split)
    except SluiceError as err:
        show_error(err)
        return
    chosen = f"cell_{sweep.id}_{x}_{y}"
    cell = _charts(sweep, grid, maps, (x, y), metric, chosen)
    _judgement(sweep, grid, next(iter(maps.values())).values, (x, y), metric)
    if cell is not None:
        point = _run_at(sweep, x, y, metric, slices, cell)
        if point is not None:
            open_run(sweep, grid, point, "cell")
    run_equity(
        _curves(str(sweep.id), sweep.done, x, y, metric, slices), cell, chosen=chosen,
        first="Click a cell to see its run, or the best of its runs.",
    )  # fmt: skip


def _choices(
    sweep: Sweep, grid: Grid, names: list[str]
) -> tuple[str, str, str, Aggregate, dict[str, int], date | None]:
    key = str(sweep.id)
    for place in ("x", "y"):
        if st.session_state.get(place, names[0]) not in names:
            del st.session_state[place]  # of another batch test
    one, two, three, four, five = st.columns(5)
    x: str = one.selectbox("Across", names, 0, key="x", bind="query-params")
    y: str = two.selectbox("Down", names, 1, key="y", bind="query-params")
    metric: str = three.selectbox(
        "Metric", METRICS, METRICS.index("sharpe"), key="metric", bind="query-params",
        format_func=lambda name: BY_NAME[name].label,
    )  # fmt: skip
    how: Aggregate = four.selectbox(
        "Other variables", AGGREGATES, key="how", bind="query-params", format_func=str.capitalize,
        help="How runs that differ in the other variables are put together in a cell.",
    )  # fmt: skip
    first, last = (date.fromisoformat(sweep.detail[k]) for k in ("start", "end"))
    split: date | None = five.date_input(
        "Out of sample from", value=None, min_value=first + timedelta(60),
        max_value=last - timedelta(60), key="split", format="YYYY-MM-DD", bind="query-params",
        help="Shows the sessions before and from that date as two maps side by side.",
    )  # fmt: skip
    slices: dict[str, int] = {}
    others = [axis for axis in grid.axes if x not in axis.names and y not in axis.names]
    if others:
        for column, axis in zip(st.columns(max(len(others), 4)), others, strict=False):
            name = axis.names[0]
            options = ["all", *labels(grid, name)]
            at = column.selectbox(name, range(len(options)), key=f"slice_{name}_{key}",
                                  format_func=options.__getitem__)  # fmt: skip
            if at:
                slices[name] = at - 1
    return x, y, metric, how, slices, split


def _charts(
    sweep: Sweep,
    grid: Grid,
    maps: dict[str, MapNumbers],
    names: tuple[str, str],
    metric: str,
    chosen: str,
) -> Cell | None:
    """Draw the maps; the cell that is chosen on them."""
    look = heat_look(
        labels(grid, names[0]), labels(grid, names[1]), names, BY_NAME[metric],
        span_of(*(one.values for one in maps.values())), palette(st.context.theme.type),
    )  # fmt: skip
    for column, (title, numbers) in zip(st.columns(len(maps)), maps.items(), strict=True):
        with column:
            if title:
                st.markdown(f"**{title}**")
            heat_map(numbers, look, key=f"heat_{sweep.id}_{names}_{title}", chosen=chosen)
    return chosen_cell(chosen, numbers.values.shape)


def _judgement(
    sweep: Sweep,
    grid: Grid,
    values: Float,
    names: tuple[str, str],
    metric: str,
) -> None:
    """The best cell, how much its neighbours agree, and how sure it is no luck."""
    better = BY_NAME[metric].better
    if np.isnan(values).all():
        st.info("No run has this metric here.", icon=":material/filter_alt_off:")
        return
    at = np.unravel_index(np.nanargmax(values if better >= 0 else -values), values.shape)
    score = float(plateau(values)[at])
    columns = st.columns(4)
    cell = variables_text(
        {names[0]: labels(grid, names[0])[at[1]], names[1]: labels(grid, names[1])[at[0]]}
    )
    columns[0].metric("Best cell", shown(metric, float(values[at])), cell, border=True,
                      delta_color="off", delta_arrow="off")  # fmt: skip
    columns[1].metric(
        "Plateau score", "–" if np.isnan(score) else f"{score:.2f}", border=True,
        help="How much the best cell's neighbours agree with it: 1 if they are equal, 0 or less if "
        "it is a lonely peak.",
    )  # fmt: skip
    row, trials = _trials(str(sweep.id), sweep.done)
    deflated = deflated_sharpe(
        row["sharpe"], trials["deviation"], int(trials["known"]),
        sessions=sweep.detail["sessions"] - 1, periods=365 if sweep.source == "bybit" else 252,
        skew=row["skew"], kurtosis=row["kurtosis"],
    )  # fmt: skip
    columns[2].metric(
        "Deflated Sharpe", "–" if np.isnan(deflated) else f"{deflated:.0%}", border=True,
        help=f"Probability that the best Sharpe of {int(trials['known']):,} trials is more than "
        "luck (Bailey and López de Prado, 2014).",
    )  # fmt: skip
    columns[3].metric("Best Sharpe", shown("sharpe", row["sharpe"]), border=True)


def _run_at(
    sweep: Sweep, x: str, y: str, metric: str, slices: dict[str, int], cell: Cell
) -> int | None:
    """The run of a cell, the best of them where it stands for several; None if there is none."""
    values = {x: cell[0], y: cell[1], **slices}
    found = (
        services()
        .sweeps.runs(sweep)
        .page(metric, descending=BY_NAME[metric].better >= 0, values=values, limit=1)
    )
    return int(found.points[0]) if len(found.points) else None


@st.cache_resource(max_entries=32, show_spinner=False)
def _curves(
    sweep_id: str,
    done: int,  # noqa: ARG001
    x: str,
    y: str,
    metric: str,
    slices: dict[str, int],
) -> RunCurves:
    """The backtests of cells, on the bars of the sweep's source."""
    sweep = services().sweeps.get(services().user.id, UUID(sweep_id))
    settings = BacktestSettings.model_validate(sweep.settings)
    grid, flow = grid_from_json(sweep.grid), from_json(dict(sweep.flow))
    source = services().source(sweep.source, path=Path(sweep.path) if sweep.path else None)

    def find(cell: Cell | None) -> Found | None:
        point = None if cell is None else _run_at(sweep, x, y, metric, slices, cell)
        if point is None:
            return None
        return found_run(flow, source, settings, grid.values_at(point), finder(sweep))

    return RunCurves(find)


@st.cache_resource(max_entries=8, show_spinner="Running both halves")
def _split_maps(
    sweep_id: str,
    done: int,  # noqa: ARG001
    x: str,
    y: str,
    metric: str,
    how: Aggregate,
    slices: dict[str, int],
    split: date,
) -> dict[str, MapNumbers]:
    """The map of the sessions before a date, and that of those from it on."""
    grid = grid_from_json(services().sweeps.get(services().user.id, UUID(sweep_id)).grid)
    points = sliced(grid, grid.points(), slices)
    if len(points) > MOST_SPLIT_RUNS:
        raise BadInput(
            "Out of sample from",
            f"{len(points):,} runs would have to be run again.",
            f"Hold other variables at one value until there are at most {MOST_SPLIT_RUNS:,}.",
        )
    maps = {}
    for title, start, end in (
        (f"In sample, to {split - timedelta(1)}", None, split - timedelta(1)),
        (f"Out of sample, from {split}", split, None),
    ):
        found = _sweeper(sweep_id, start, end).run(points)
        maps[title] = MapNumbers(map_of(grid, found, x, y, metric, how))
    return maps


@st.cache_resource(max_entries=4, show_spinner=False)
def _sweeper(sweep_id: str, start: date | None, end: date | None) -> Sweeper:
    """One half of a sweep, ready to run."""
    sweep = services().sweeps.get(services().user.id, UUID(sweep_id))
    settings = BacktestSettings.model_validate(sweep.settings)
    span = {"start": start or settings.start, "end": end or settings.end}
    settings = settings.model_copy(update=span)
    source = services().source(sweep.source, path=Path(sweep.path) if sweep.path else None)
    grid = grid_from_json(sweep.grid)
    flow = from_json(dict(sweep.flow))
    return Sweeper(prepare(flow, grid, source, settings, find=finder(sweep)))
