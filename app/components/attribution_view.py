"""What each position and each block earned, in parts that sum to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from html import escape

import pandas as pd
import streamlit as st

from app.charts.contributions import contributions_chart
from app.components.downloads import csv_button
from app.components.session_picker import number_of
from app.theme import palette
from core import export
from core.backtest.result import Backtest
from core.flow.describe import words_of
from core.flow.program import Program
from core.metrics.attribution import (
    Ledger,
    attribute,
    attribute_branches,
    branches_of,
    ledger_of,
    years_of,
)

CHART = {"displaylogo": False, "displayModeBar": False}
WHOLE, CHOSEN = "Whole range", "From … to …"
MOST_BARS = 40
PERCENT = st.column_config.NumberColumn(format="percent")
HOW = (
    "A position's part is what it earned in money, divided by equity at the beginning of the "
    "range: price moves, funding and the cost of its trades. A block's part is that of the "
    "positions it asked for; the parts of the blocks below a block sum to its own. Interest and "
    "borrowing are the account's."
)


@st.fragment
def attribution_view(key: str, backtest: Backtest) -> None:
    """Choose a range, and whether to see it by symbol or by block."""
    ledger = ledger_of(backtest.books, backtest.moves, backtest.terms)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        by = st.segmented_control(
            "By", ["Symbol", "Block"], default="Symbol", required=True, key=f"{key}_by",
            persist_state="session",
        )  # fmt: skip
        span = _span(key, backtest, ledger)
    if span is None:
        return
    first, last = span
    days = backtest.result.sessions
    total = attribute(ledger, first, last).total
    st.markdown(
        f"**{total:+.2%}** from the close of {days[first]} to that of {days[last]}", help=HOW
    )
    if by == "Symbol":
        _by_symbol(key, backtest, ledger, first, last)
    else:
        _by_block(key, backtest, ledger, first, last)


def _span(key: str, backtest: Backtest, ledger: Ledger) -> tuple[int, int] | None:
    """The sessions the return runs from and to; None, said, where there is nothing to divide."""
    sessions = backtest.result.sessions
    years = {str(year): (a, b) for year, a, b in years_of(sessions, ledger)}
    chosen: str = st.selectbox(
        "Range", [WHOLE, *reversed(years), CHOSEN], key=f"{key}_range", width=170,
        persist_state="session",
    )  # fmt: skip
    if chosen in years:
        return years[chosen]
    if chosen == WHOLE:
        return 0, len(sessions) - 1
    low, high = sessions[0].item(), sessions[-1].item()
    begin, end = (
        _date(f"{key}_{name}_{low}_{high}", label, value, (low, high))
        for name, label, value in (("from", "From the close of", low), ("to", "To that of", high))
    )
    first, last = number_of(sessions, begin or low), number_of(sessions, end or high)
    if first >= last:
        st.info("Choose a range of two sessions or more.", icon=":material/info:")
        return None
    if not ledger.equity[first] > 0:
        st.info("There was no equity left to earn with.", icon=":material/info:")
        return None
    return first, last


def _date(key: str, label: str, value: date, limits: tuple[date, date]) -> date | None:
    chosen: date | None = st.date_input(
        label, value=value, min_value=limits[0], max_value=limits[1], key=key, width=170,
        format="YYYY-MM-DD", persist_state="session",
        help="A day without a session means the one before it.",
    )  # fmt: skip
    return chosen


def _by_symbol(key: str, backtest: Backtest, ledger: Ledger, first: int, last: int) -> None:
    found, symbols = attribute(ledger, first, last), backtest.result.symbols
    bars = [*zip(symbols, found.positions.tolist(), strict=True), *found.account]
    bars = sorted((bar for bar in bars if bar[1]), key=lambda bar: -abs(bar[1]))
    if bars:
        figure = contributions_chart(bars[:MOST_BARS], palette(st.context.theme.type))
        st.plotly_chart(figure, key=f"{key}_by_symbol", config=CHART, theme=None)
    else:
        st.info("Nothing was earned and nothing lost in this range.", icon=":material/info:")
    header = ["Part", "Price moves", "Funding", "Costs", "Total"]
    frame = pd.DataFrame(export.attribution_rows(symbols, found), columns=header)
    if not found.funding.any():
        frame = frame.drop(columns="Funding")
    _table(frame)
    st.caption("The lines above the last one sum to it. The CSV has every year as well.")
    csv_button(key, "Attribution", backtest.result.flow.name, lambda: export.attribution(backtest))


def _by_block(key: str, backtest: Backtest, ledger: Ledger, first: int, last: int) -> None:
    came = branches_of(backtest.seen, backtest.offset, backtest.books, backtest.terms)
    found, binding = attribute_branches(ledger, came, first, last), backtest.seen.binding
    if not found.nodes:
        st.info("No block held anything in this range.", icon=":material/info:")
        return
    depth, titles = _depths(binding.program), words_of(binding).titles
    drawn = _nearest(found.nodes, depth)
    deepest = max(depth[n] for n in drawn)
    figure = contributions_chart(
        [(_label(titles[n], deepest - depth[n]), float(found.net[n])) for n in drawn],
        palette(st.context.theme.type), keep_order=True,
    )  # fmt: skip
    st.plotly_chart(figure, key=f"{key}_by_block", config=CHART, theme=None)
    if len(drawn) < len(found.nodes):
        hidden = len(found.nodes) - len(drawn)
        st.caption(f"{hidden:,} blocks further down are in the table only.")
    nodes = list(found.nodes)
    _table(
        pd.DataFrame(
            {
                "Block": ["\u2003" * depth[n] + titles[n] for n in nodes],
                "Kind": [binding.program.nodes[n].kind for n in nodes],
                "Price moves": found.gains[nodes],
                "Costs": found.costs[nodes],
                "Total": found.net[nodes],
                "Path": [binding.program.paths[n] for n in nodes],
            }
        )
    )
    st.caption("The blocks below a block sum to it; those that earned nothing are left out.")
    csv_button(key, "Blocks", backtest.result.flow.name, lambda: export.branches(backtest))


def _table(frame: pd.DataFrame) -> None:
    st.dataframe(
        frame, hide_index=True, placeholder="", height="content" if len(frame) < 20 else 600,
        column_config=dict.fromkeys(("Price moves", "Funding", "Costs", "Total"), PERCENT),
    )  # fmt: skip


def _nearest(nodes: tuple[int, ...], depth: Mapping[int, int]) -> list[int]:
    """The blocks nearest to the root, whole levels, as many as can be read."""
    depths = sorted(depth[n] for n in nodes)
    deepest = depths[-1] if len(nodes) <= MOST_BARS else max(depths[MOST_BARS] - 1, 0)
    return [n for n in nodes if depth[n] <= deepest]


def _depths(program: Program) -> dict[int, int]:
    """How far below the root each block of the main flow is."""
    depth = {0: 0}
    for node in program.reading_order[1:]:
        depth[node] = depth[int(program.parents[node])] + 1
    return depth


def _label(title: str, above: int) -> str:
    """Labels end at the axis: the space behind one shows how far above the deepest it is."""
    return escape(title if len(title) <= 44 else f"{title[:43]}…", quote=False) + "\u2003" * above
