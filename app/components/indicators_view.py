"""A block's indicators over time, with the sessions when it held."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.charts.node_history import MOST_LINES, MOST_PANELS, node_history_chart
from app.components.downloads import csv_button
from app.components.plain import plain
from app.theme import KINDS, palette
from core import export
from core.backtest.result import Backtest
from core.flow.describe import words_of
from core.flow.history import NodeHistory, history_of, readers

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


@st.fragment
def indicators_view(key: str, backtest: Backtest) -> None:
    """Choose a block by its name or path; see what it read and when it held."""
    binding = backtest.seen.binding
    program, titles = binding.program, words_of(binding).titles
    reading = readers(binding)
    others = [n for n in program.reading_order if n not in set(reading)]
    node: int = st.selectbox(
        "Block", [*reading, *others], key=f"{key}_indicators_node", persist_state="session",
        format_func=lambda n: (
            f"{KINDS[program.nodes[n].kind].label} · {titles[n]} · {program.paths[n]}"
        ),
        help="Type a part of its name or path. Blocks that read an indicator come first.",
    )  # fmt: skip
    history = history_of(backtest.seen, node, backtest.offset)
    st.markdown(f"**{plain(history.title)}** {plain(_summary(history))}")
    if not history.panels:
        st.caption("This block reads no indicator; the chart shows when the path reached it.")
    figure = node_history_chart(history, palette(st.context.theme.type))
    st.plotly_chart(figure, key=f"{key}_indicators_chart", config=CHART, theme=None)
    left_out = sum(max(len(p.lines) - MOST_LINES, 0) for p in history.panels[:MOST_PANELS])
    left_out += sum(len(p.lines) for p in history.panels[MOST_PANELS:])
    if left_out:
        st.caption(f"{left_out} more indicators of this block are not drawn; the CSV has them.")
    csv_button(
        f"{key}_indicators", "Indicators", backtest.result.flow.name, lambda: export.node(history)
    )


def _summary(history: NodeHistory) -> str:
    known = history.held[~np.isnan(history.held)]
    sessions = len(history.sessions)
    reached = int((history.share > 0).sum())
    text = f"was on the path on {reached:,} of {sessions:,} sessions"
    if history.means == "Condition holds" and len(known):
        text += f"; its condition held on {int(known.sum()):,} ({known.mean():.0%})"
    return f"{text}."
