"""How much the strategies of an account move together."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import streamlit as st

from app.account_reading import session_of
from app.charts.correlations import correlation_chart
from app.components.downloads import csv_button
from app.resources import services
from app.theme import palette
from core.accounts.account import Account
from core.export import Table
from core.market.bars import Float
from core.metrics.correlation import LEAST_SHARED, correlation

SPANS = {"1M": 31, "3M": 92, "1Y": 366}


def correlation_view(account: Account) -> None:
    """A matrix of the strategies that run, by their daily returns."""
    span = st.segmented_control(
        "Over", list(SPANS), default="3M", required=True, key="dash_correlated",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    since = session_of(services().clock()) - timedelta(days=SPANS[span or "3M"])
    running = services().deployments.of(account.id)
    series: dict[str, dict[date, float]] = {one.name: {} for one in running}
    name_of = {one.book: one.name for one in running}
    for one in services().equity.snapshots(account.id, books=list(name_of), since=since):
        if one.result is not None:
            series[name_of[one.book]][one.session] = one.result
    if len(series) < 2 or max(map(len, series.values()), default=0) < LEAST_SHARED:
        st.info(
            f"It takes two strategies with {LEAST_SHARED} sessions in common to say something.",
            icon=":material/grid_on:",
        )
        return
    names, found = list(series), correlation(series)
    st.caption(
        "Correlation of daily returns: 1 moves together, 0 independently, −1 against each other. "
        f"Empty with fewer than {LEAST_SHARED} sessions in common. {_mean(found)}"
    )
    figure = correlation_chart(names, found, palette(st.context.theme.type))
    st.plotly_chart(figure, key="dash_correlation", config={"displaylogo": False}, theme=None)
    csv_button("dash", "Correlation", account.name, lambda: _table(names, found))


def _mean(found: Float) -> str:
    pairs = found[np.triu_indices(len(found), 1)]
    known = pairs[~np.isnan(pairs)]
    return f"On average {known.mean():.2f}." if len(known) else ""


def _table(names: list[str], found: Float) -> Table:
    rows = ([name, *row] for name, row in zip(names, found.tolist(), strict=True))
    return ("strategy", *names), rows
