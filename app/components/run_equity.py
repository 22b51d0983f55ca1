"""The equity of one run of a sweep, beside its benchmark."""

from __future__ import annotations

import streamlit as st

from app.charts.performance import performance_chart
from app.theme import palette
from core.backtest.result import Result

MOST_SESSIONS = 2_000
"""More than a chart has pixels across; the browser is done with them in a moment."""


def run_equity(result: Result, name: str, key: str) -> None:
    """Draw it; ``name`` says which run it is, by its variables."""
    other = result.benchmark
    st.plotly_chart(
        performance_chart(
            result.sessions, result.equity, result.settings.capital,
            palette(st.context.theme.type), name=name,
            benchmark=(other.label, other.equity) if other else None, most=MOST_SESSIONS,
        ),
        key=key, config={"displayModeBar": False}, theme=None,
    )  # fmt: skip
