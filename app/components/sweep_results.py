"""One sweep's results: summary, the table paged on the server, exports, one run's way out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from app import navigation
from app.components.backtest_form import fill_form
from app.components.plain import plain
from app.components.sweep_form import variables_text
from app.resources import services
from core.backtest.settings import BacktestSettings
from core.library.sweeps import Filter, Sweep
from core.metrics.definitions import BY_NAME, shown
from core.sweep.grid import Grid, grid_from_json
from core.sweep.kernel import METRICS
from core.sweep.run import Measured
from core.sweep.table import table_of

if TYPE_CHECKING:
    from core.db.runs import Runs

PAGE_ROWS = 50
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
        _exports(sweep, grid, runs)
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


def _exports(sweep: Sweep, grid: Grid, runs: Runs) -> None:
    reasons = tuple(sweep.detail["reasons"])
    name = f"{sweep.flow_name}-{sweep.number}"
    st.download_button(
        "CSV", lambda: _csv(grid, runs, reasons), f"{name}.csv", "text/csv",
        icon=":material/download:", on_click="ignore", help="Every run with all its metrics.",
    )  # fmt: skip
    st.download_button(
        "Parquet", lambda: _parquet(grid, runs, reasons), f"{name}.parquet",
        "application/octet-stream", icon=":material/download:", on_click="ignore",
        help="Every run with all its metrics.",
    )  # fmt: skip


def _csv(grid: Grid, runs: Runs, reasons: tuple[str, ...]) -> bytes:
    import pyarrow.csv as csv

    buffer, head = io.BytesIO(), True
    for part in runs.stream():
        options = csv.WriteOptions(include_header=head)
        csv.write_csv(table_of(grid, part, reasons), buffer, options)
        head = False
    return buffer.getvalue()


def _parquet(grid: Grid, runs: Runs, reasons: tuple[str, ...]) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    tables: Iterator[Any] = (table_of(grid, part, reasons) for part in runs.stream())
    first = next(tables)
    with pq.ParquetWriter(buffer, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return buffer.getvalue()


@st.fragment
def _results(sweep: Sweep, grid: Grid, runs: Runs) -> None:
    """Summary and table; what is chosen here redraws no more than this."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        by: str = st.selectbox(
            "Sort by", METRICS, METRICS.index("sharpe"), key=f"by_{sweep.id}", width=240,
            format_func=lambda name: BY_NAME[name].label,
        )  # fmt: skip
        order: str | None = st.segmented_control(
            "Order", ("Best first", "Worst first"), default="Best first", key=f"order_{sweep.id}"
        )
        low, high = (
            st.number_input(label, value=None, format="%g", key=f"{label}_{sweep.id}", width=150,
                            help="Of the metric it is sorted by.")
            for label in ("At least", "At most")
        )  # fmt: skip
    descending = (BY_NAME[by].better >= 0) == (order != "Worst first")
    filters = () if low is None and high is None else (Filter(by, low, high),)
    _summary(sweep, runs, by)
    count = runs.count(filters)
    if not count:
        st.info("No run lies between these bounds.", icon=":material/filter_alt_off:")
        return
    page = 1
    if count > PAGE_ROWS:
        page = st.pagination(
            -(-count // PAGE_ROWS), key=f"runs_{sweep.id}_{by}_{order}_{low}_{high}"
        )
    found = runs.page(
        by, descending=descending, filters=filters, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
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
                {axis.label: [variables_text({"": row[0]}).strip() for row in axis.values],
                 "Share of the best": shares[axis.label]}
            )  # fmt: skip
            columns[i % len(columns)].dataframe(
                table.sort_values("Share of the best", ascending=False).head(10), hide_index=True,
                column_config={"Share of the best": st.column_config.ProgressColumn(
                    format="percent", min_value=0, max_value=1)},
            )  # fmt: skip
