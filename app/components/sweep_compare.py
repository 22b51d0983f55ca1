"""Batch tests side by side: how a metric spreads over the runs of each."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pandas as pd
import streamlit as st

from app.charts.spread import spread_chart
from app.components.age import age
from app.resources import services
from app.theme import palette
from core.library.sweeps import Sweep
from core.metrics.definitions import BY_NAME, shown
from core.sweep.kernel import METRICS

MOST = 12
"""Batch tests at a time: more would not be told apart."""


def sweep_compare() -> None:
    """Choose two or more that have runs, and a metric; the choice is in the address."""
    user = services().user.id
    offered = {str(s.id): s for s in services().sweeps.recent(user, limit=200) if s.done}
    if len(offered) < 2:
        return
    with st.expander("Compare batch tests", icon=":material/compare_arrows:"):
        _compare(offered)


@st.fragment
def _compare(offered: Mapping[str, Sweep]) -> None:
    now = services().clock()
    left, right = st.columns([3, 1])
    chosen: list[str] = left.multiselect(
        "Batch tests", list(offered), key="compare", max_selections=MOST, bind="query-params",
        format_func=lambda id_: f"{offered[id_].flow_name} · {offered[id_].done:,} runs · "
        f"{age(offered[id_].created_at, now)}",
    )  # fmt: skip
    metric: str = right.selectbox(
        "Metric", METRICS, METRICS.index("sharpe"), key="compared", bind="query-params",
        format_func=lambda name: BY_NAME[name].label,
    )  # fmt: skip
    if len(chosen) < 2:
        st.caption("Choose two or more.")
        return
    sweeps = {_name(offered, id_): services().sweeps.get(services().user.id, UUID(id_))
              for id_ in chosen}  # fmt: skip
    spreads = {name: services().sweeps.runs(s).summary(metric) for name, s in sweeps.items()}
    st.plotly_chart(
        spread_chart(spreads, BY_NAME[metric], palette(st.context.theme.type)),
        config={"displayModeBar": False}, theme=None, key="compare_chart",
    )  # fmt: skip
    better = BY_NAME[metric].better >= 0
    rows = [
        {
            "Batch test": name,
            "Runs": f"{sweep.done:,}",
            "Sessions": f"{sweep.detail['start']} to {sweep.detail['end']}",
            "Source": sweep.source,
            "Best": shown(metric, found["largest" if better else "smallest"]),
            "Median": shown(metric, found["median"]),
            "Worst": shown(metric, found["smallest" if better else "largest"]),
            "Profitable": shown("win_rate", found["profitable"]),
        }
        for (name, sweep), found in zip(sweeps.items(), spreads.values(), strict=True)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    spans = {(s.detail["start"], s.detail["end"], s.source) for s in sweeps.values()}
    if len(spans) > 1:
        st.caption(
            ":material/info: They do not cover the same sessions of the same source, so part of "
            "what differs is the market."
        )


def _name(offered: Mapping[str, Sweep], id_: str) -> str:
    return f"{offered[id_].flow_name} #{offered[id_].number}"
