"""A backtest's result: figures, charts, tables, exports."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from app.charts.monthly import MONTHS, monthly_chart
from app.charts.performance import performance_chart
from app.components.age import age
from app.components.attribution_view import attribution_view
from app.components.downloads import csv_button
from app.components.explained import explained
from app.components.holdings_view import holdings_view
from app.components.indicators_view import indicators_view
from app.components.plain import plain
from app.components.why import why
from app.theme import palette
from core import export
from core.backtest.result import Backtest, Result
from core.library.strategies import slug_of
from core.metrics.definitions import BY_NAME, METRICS, shown
from core.metrics.periods import monthly_returns

CARDS = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")
VIEWS = {
    "Performance": ":material/monitoring:",
    "Holdings": ":material/donut_small:",
    "Metrics": ":material/table_chart:",
    "Monthly returns": ":material/calendar_month:",
    "Trades": ":material/swap_horiz:",
    "Why this day": ":material/question_mark:",
    "Indicators": ":material/ssid_chart:",
    "Attribution": ":material/account_balance_wallet:",
    "Data": ":material/database:",
}
EXPLAINING = {
    "Why this day": why,
    "Indicators": indicators_view,
    "Attribution": attribution_view,
}
"""Views that need more than the result: what the flow saw, and the books."""
_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def backtest_result(
    key: str, result: Result, *, now: datetime, ran: str, backtest: Backtest | None = None
) -> None:
    """Show ``result``. ``ran`` says when and how fast; ``backtest`` explains it, if it ran here."""
    _provenance(result, now, ran)
    if result.warnings:
        st.warning("\n\n".join(result.warnings), icon=":material/warning:")
    with st.container(key=f"cards_{key}"):
        _cards(result)
    view = st.segmented_control(
        "View",
        list(VIEWS),
        default="Performance",
        required=True,
        key=f"{key}_view",
        format_func=lambda name: f"{VIEWS[name]} {name}",
        label_visibility="collapsed",
        persist_state="session",
    )
    if view == "Performance":
        _performance(key, result, backtest)
    elif view == "Holdings":
        holdings_view(key, result)
    elif view == "Metrics":
        _metrics(key, result)
    elif view == "Monthly returns":
        _monthly(key, result)
    elif view == "Trades":
        _trades(key, result)
    elif view == "Data":
        _data(key, result)
    elif (found := explained(key, result, backtest)) is not None:
        EXPLAINING[view](key, found)


def _provenance(result: Result, now: datetime, ran: str) -> None:
    data = result.provenance
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if data.synthetic:
            st.badge("Synthetic data", icon=":material/science:", color="orange")
        st.caption(
            f"{result.start} to {result.end}, {len(result.sessions):,} sessions · "
            f"{plain(str(data))}, as of {age(data.as_of, now)} · {ran}",
            width="content",
        )
    for note in result.notes:
        st.caption(f":material/info: {plain(note)}")


def _cards(result: Result) -> None:
    label = result.benchmark.label if result.benchmark else ""
    for column, name in zip(st.columns(len(CARDS)), CARDS, strict=True):
        other = result.benchmark_metrics.get(name)
        column.metric(
            BY_NAME[name].label,
            shown(name, result.metrics[name]),
            help=BY_NAME[name].meaning,
            delta=None if other is None else f"{label} {shown(name, other)}",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def _performance(key: str, result: Result, backtest: Backtest | None) -> None:
    logarithmic = st.toggle("Logarithmic", key=f"{key}_log", persist_state="session")
    other = result.benchmark
    figure = performance_chart(
        result.sessions, result.equity, result.settings.capital, palette(st.context.theme.type),
        name=result.flow.name, benchmark=(other.label, other.equity) if other else None,
        logarithmic=logarithmic,
    )  # fmt: skip
    st.plotly_chart(figure, key=f"{key}_performance", config=_CHART, theme=None)
    _downloads(key, result, backtest)


def _metrics(key: str, result: Result) -> None:
    other, label = result.benchmark_metrics, "Benchmark"
    if result.benchmark:
        label = result.benchmark.label
    rows = [
        {
            "Group": metric.group,
            "Metric": metric.label,
            "Strategy": shown(metric.name, result.metrics[metric.name]),
            label: shown(metric.name, other[metric.name]) if metric.name in other else "",
            "Meaning": metric.meaning,
        }
        for metric in METRICS
        if metric.name in result.metrics
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=560)
    csv_button(key, "Metrics", result.flow.name, lambda: export.metrics(result))


def _monthly(key: str, result: Result) -> None:
    table = monthly_returns(result.returns[1:], result.sessions[1:])
    figure = monthly_chart(table, palette(st.context.theme.type))
    st.plotly_chart(figure, key=f"{key}_monthly", config=_CHART, theme=None)
    rows = np.column_stack([table.months, table.totals]).tolist()
    header = ("year", *(m.lower() for m in MONTHS), "total")
    cells = [
        (year, *(None if math.isnan(v) else v for v in row))
        for year, row in zip(table.years, rows, strict=True)
    ]
    csv_button(key, "Monthly returns", result.flow.name, lambda: (header, cells))


def _trades(key: str, result: Result) -> None:
    if not len(result.trades):
        st.info("Nothing was traded.", icon=":material/info:")
        return
    header, rows = export.trades(result)
    frame = pd.DataFrame(rows, columns=[str(name).capitalize() for name in header])
    st.caption(f"{len(frame):,} changes of a position, newest first; prices are adjusted.")
    percent = st.column_config.NumberColumn(format="percent")
    money = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        frame.iloc[::-1],
        hide_index=True,
        height=480,
        lazy=len(frame) > 20_000 or None,
        column_config={
            "Before": percent, "After": percent, "Notional": money, "Cost": money,
            "Price": st.column_config.NumberColumn(format="%.4f"),
        },
    )  # fmt: skip
    csv_button(key, "Trades", result.flow.name, lambda: export.trades(result))


def _data(key: str, result: Result) -> None:
    _, rows = export.about(result)
    lines = [[str(what)[:1].upper() + str(what)[1:], str(value)] for what, value in rows]
    frame = pd.DataFrame(lines, columns=["What", "Value"])
    st.dataframe(frame, hide_index=True, height=420)
    if result.findings:
        st.markdown("**What the quality rules found**")
        findings = [
            {"Symbol": f.symbol, "Rule": f.rule, "Bars": f.count, "Done": f.action,
             "First": f.first, "Last": f.last}
            for f in result.findings
        ]  # fmt: skip
        st.dataframe(pd.DataFrame(findings), hide_index=True)
    else:
        st.caption("The quality rules found nothing wrong with the bars.")
    csv_button(key, "About", result.flow.name, lambda: export.about(result))


# -- exports -------------------------------------------------------------------------------------


def _downloads(key: str, result: Result, backtest: Backtest | None) -> None:
    """What a whole result exports as; made when it is asked for."""
    name = slug_of(result.flow.name)
    with st.container(horizontal=True, gap="small"):
        csv_button(key, "Equity", result.flow.name, lambda: export.equity(result))
        st.download_button(
            "Excel", lambda: export.workbook(result, backtest), f"{name}.xlsx", key=f"{key}_excel",
            icon=":material/download:", on_click="ignore", help="Every table of this result.",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        )  # fmt: skip
        st.download_button(
            "Tear sheet", lambda: export.tearsheet_html(result), f"{name}.html", "text/html",
            key=f"{key}_tearsheet", icon=":material/description:", on_click="ignore",
            help="QuantStats' report as a web page; takes a few seconds.",
        )  # fmt: skip
