"""One sweep's results: summary, the table paged on the server, exports, one run's way out."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from app import navigation
from app.components.backtest_form import fill_form
from app.components.plain import plain
from app.components.sweep_values import labels, variables_text
from app.exports import sweep_address
from app.resources import services
from core.backtest.settings import BacktestSettings
from core.library.sweeps import Filter, Sweep
from core.metrics.definitions import BY_NAME, shown
from core.sweep.grid import Grid, grid_from_json
from core.sweep.kernel import METRICS
from core.sweep.run import Measured

if TYPE_CHECKING:
    from core.db.runs import Runs

PAGE_ROWS = 50
MOST_OPTIONS = 500
"""Values of a variable that a list can offer."""
ORDERS = ("Best first", "Worst first")
_PAGE = "page"
FIRST = (
    "sharpe",
    "cagr",
    "max_drawdown",
    "volatility",
    "sortino",
    "calmar",
    "win_rate",
    "turnover",
)
_FORMATS = {"fraction": "percent", "ratio": "%.3f", "count": "%d", "days": "%d"}


def sweep_results(sweep: Sweep) -> None:
    """Everything there is of it so far."""
    grid, runs = grid_from_json(sweep.grid), services().sweeps.runs(sweep)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(sweep.flow_name), anchor=False, width="content")
        if sweep.detail["synthetic"]:
            st.badge("Synthetic data", icon=":material/science:", color="orange")
        st.space("stretch")
        st.button(
            "Heatmap", icon=":material/blur_on:", key="to_heatmap",
            on_click=navigation.go_to_heatmap, args=(str(sweep.id),), disabled=len(grid.axes) < 2,
        )  # fmt: skip
        _exports(sweep)
    detail = sweep.detail
    st.caption(
        f"{detail['start']} to {detail['end']}, {detail['sessions']:,} sessions · "
        f"{plain(detail['data'])} · {sweep.done:,} of {sweep.total:,} runs"
    )
    for note in detail["notes"]:
        st.caption(f":material/info: {plain(note)}")
    if not sweep.done:
        st.info("Results show here as soon as the first runs are done.", icon=":material/schedule:")
        return
    _results(sweep, grid, runs)


def _exports(sweep: Sweep) -> None:
    """Links, not buttons: the file is streamed from the database to the browser."""
    for kind, label in (("csv", "CSV"), ("parquet", "Parquet")):
        st.link_button(
            label, sweep_address(sweep, kind), icon=":material/download:",
            disabled=sweep.done == 0, help="Every run with all its metrics.",
        )  # fmt: skip


@st.fragment
def _results(sweep: Sweep, grid: Grid, runs: Runs) -> None:
    """Summary and table; what is chosen here redraws no more than this, and is in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        by: str = st.selectbox(
            "Sort by", METRICS, METRICS.index("sharpe"), key="by", width=240,
            format_func=lambda name: BY_NAME[name].label, bind="query-params", on_change=_to_start,
        )  # fmt: skip
        order: str = st.segmented_control(
            "Order", ORDERS, default=ORDERS[0], required=True, key="order",
            bind="query-params", on_change=_to_start,
        )  # fmt: skip
    descending = (BY_NAME[by].better >= 0) == (order == ORDERS[0])
    filters, values = _filters(grid)
    _summary(sweep, runs, by)
    count = runs.count(filters, values)
    if not count:
        st.info("No run passes these filters.", icon=":material/filter_alt_off:")
        return
    page, pages = 1, -(-count // PAGE_ROWS)
    if pages > 1:
        if st.session_state.get(_PAGE, 1) > pages:
            _to_start()
        page = st.pagination(pages, key=_PAGE, bind="query-params")
    found = runs.page(
        by,
        descending=descending,
        filters=filters,
        values=values,
        limit=PAGE_ROWS,
        offset=(page - 1) * PAGE_ROWS,
    )
    table = _table(sweep, grid, found, by)
    event = st.dataframe(
        table, hide_index=True, key=f"table_{sweep.id}_{by}_{order}_{page}", on_select="rerun",
        selection_mode="single-row", height=min(36 * (len(table) + 1) + 4, 560),
        column_config={
            BY_NAME[m].label: st.column_config.NumberColumn(
                format=_FORMATS[BY_NAME[m].unit], help=BY_NAME[m].meaning
            )
            for m in METRICS
        },
    )  # fmt: skip
    st.caption(f"{count:,} runs. Choose a row to open it.")
    chosen = event["selection"]["rows"]
    if chosen:
        open_run(sweep, grid, int(found.points[chosen[0]]), "row")
    _favourites(grid, runs, by)


def _filters(grid: Grid) -> tuple[list[Filter], dict[str, int]]:
    """What is kept: runs with metrics between bounds, and with one value of a variable."""
    filters, values = [], {}
    with st.expander("Filters", icon=":material/filter_alt:"):
        bounded: list[str] = st.multiselect(
            "Metrics", METRICS, key="bounded", format_func=lambda name: BY_NAME[name].label,
            bind="query-params", on_change=_to_start, placeholder="Choose metrics to bound",
        )  # fmt: skip
        for metric in bounded:
            unit = " (1 is 100 %)" if BY_NAME[metric].unit == "fraction" else ""
            low, high = (
                column.number_input(
                    f"{BY_NAME[metric].label} {words}{unit}", value=None, format="%g",
                    key=f"{key}_{metric}", bind="query-params", on_change=_to_start,
                )
                for column, key, words in zip(
                    st.columns(2), ("low", "high"), ("at least", "at most"), strict=True
                )
            )  # fmt: skip
            filters.append(Filter(metric, low, high))
        names = [axis.names[0] for axis in grid.axes if 1 < len(axis.values) <= MOST_OPTIONS]
        for i, column in zip(range(len(names)), itertools.cycle(st.columns(4)), strict=False):
            options = ["all", *labels(grid, names[i])]
            at = column.selectbox(
                names[i], range(len(options)), key=f"only_{names[i]}", on_change=_to_start,
                format_func=options.__getitem__,
            )  # fmt: skip
            if at:
                values[names[i]] = at - 1
    return filters, values


def _to_start() -> None:
    """To the first page: the order or the filter is another."""
    if _PAGE in st.session_state:
        st.session_state[_PAGE] = 1


def _summary(sweep: Sweep, runs: Runs, by: str) -> None:
    found, better = runs.summary(by), BY_NAME[by].better
    best, worst = ("largest", "smallest") if better >= 0 else ("smallest", "largest")
    label = BY_NAME[by].label
    cards = (
        (f"Best {label}", shown(by, found[best])),
        (f"Median {label}", shown(by, found["median"])),
        (f"Worst {label}", shown(by, found[worst])),
        ("Profitable", shown("win_rate", found["profitable"])),
        ("Failed runs", f"{sweep.failed:,}"),
    )
    for column, (name, value) in zip(st.columns(len(cards)), cards, strict=True):
        column.metric(name, value, border=True)


def _table(sweep: Sweep, grid: Grid, found: Measured, by: str) -> pd.DataFrame:
    columns: dict[str, Any] = {"Run": found.points}
    for name in grid.axis_of:
        columns[name] = grid.column(name, found.points)
    for metric in dict.fromkeys([by, *FIRST, *METRICS]):
        columns[BY_NAME[metric].label] = found.metrics[:, METRICS.index(metric)]
    if found.reason.any():
        texts = np.array(["", *sweep.detail["reasons"]], dtype=object)
        columns["Failed because"] = texts[found.reason]
    return pd.DataFrame(columns)


def open_run(sweep: Sweep, grid: Grid, point: int, key: str) -> None:
    """What a run's variables are, and the button that opens it on the strategy's page."""
    values = grid.values_at(point)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Run {point:,}: **{plain(variables_text(values))}**", width="content")
        known = sweep.strategy_id
        strategy = None if known is None else services().strategies.slug(sweep.user_id, known)
        st.button(
            "Open in strategy page", icon=":material/open_in_new:", key=f"open_{key}_{sweep.id}",
            disabled=strategy is None, on_click=_open, args=(sweep, strategy, values),
            help="Its form gets these values." if strategy else "The strategy was deleted.",
        )  # fmt: skip
    if navigation.leaving():
        st.rerun()


def _open(sweep: Sweep, slug: str, values: dict[str, Any]) -> None:
    """Open the strategy's tab with a run's values and rules in its form."""
    settings = BacktestSettings.model_validate(sweep.settings)
    values = {**settings.variables, **values}
    fill_form(slug, sweep.source, sweep.path, settings.model_copy(update={"variables": values}))
    st.session_state[f"run_wanted_{slug}"] = True
    navigation.open_strategy(slug)


def _favourites(grid: Grid, runs: Runs, by: str) -> None:
    """Which values the best hundredth of the runs has."""
    with st.expander("What the best 1 % have in common", icon=":material/insights:"):
        shares = runs.top_values(by, descending=BY_NAME[by].better >= 0)
        columns = st.columns(min(len(grid.axes), 4))
        for i, axis in enumerate(grid.axes):
            table = pd.DataFrame(
                {axis.label: labels(grid, axis.names[0]),
                 "Share of the best": shares[axis.label]}
            )  # fmt: skip
            columns[i % len(columns)].dataframe(
                table.sort_values("Share of the best", ascending=False).head(10), hide_index=True,
                column_config={"Share of the best": st.column_config.ProgressColumn(
                    format="percent", min_value=0, max_value=1)},
            )  # fmt: skip
