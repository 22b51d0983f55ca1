"""What each position and each block earned, in parts that sum to the whole."""

from __future__ import annotations

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
from core.flow.program import Program
from core.metrics.attribution import Ledger, attribute, branches_of, ledger_of, years_of

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
    found = attribute(ledger, first, last)
    rows = export.attribution_rows(backtest.result.symbols, found)
    bars = [(str(row[0]), float(str(row[4]))) for row in rows[:-1]]
    if any(value for _, value in bars):
        shown = sorted((b for b in bars if b[1]), key=lambda bar: -abs(bar[1]))[:MOST_BARS]
        st.plotly_chart(
            contributions_chart(shown, palette(st.context.theme.type)),
            key=f"{key}_by_symbol", config=CHART, theme=None,
        )  # fmt: skip
    else:
        st.info("Nothing was earned and nothing lost in this range.", icon=":material/info:")
    header = ["Part", "Price moves", "Funding", "Costs", "Total"]
    frame = pd.DataFrame(rows, columns=header)
    if not frame["Funding"].any():
        frame = frame.drop(columns="Funding")
    st.dataframe(
        frame, hide_index=True, height="content" if len(frame) < 20 else 600,
        column_config=dict.fromkeys(header[1:], PERCENT), placeholder="",
    )  # fmt: skip
    st.caption("The lines above the last one sum to it. The CSV has every year as well.")
    csv_button(key, "Attribution", backtest.result.flow.name, lambda: export.attribution(backtest))


def _by_block(key: str, backtest: Backtest, ledger: Ledger, first: int, last: int) -> None:
    came = branches_of(backtest.seen, backtest.offset, backtest.books, backtest.terms)
    rows = export.branch_rows(backtest, came, ledger, first, last)
    if not rows:
        st.info("No block held anything in this range.", icon=":material/info:")
        return
    depth = _depths(backtest.seen.binding.program)
    # The largest flows have more blocks than can be read: those nearest to the root are drawn.
    depths = sorted(depth[str(row[0])] for row in rows)
    deepest = depths[-1] if len(rows) <= MOST_BARS else max(depths[MOST_BARS] - 1, 0)
    bars = [
        (_label(str(row[1]), deepest - depth[str(row[0])]), float(str(row[5])))
        for row in rows
        if depth[str(row[0])] <= deepest
    ]
    figure = contributions_chart(bars, palette(st.context.theme.type), keep_order=True)
    st.plotly_chart(figure, key=f"{key}_by_block", config=CHART, theme=None)
    if len(bars) < len(rows):
        st.caption(f"{len(rows) - len(bars):,} blocks further down are in the table only.")
    frame = pd.DataFrame(
        {
            "Block": "\u2003" * depth[str(path)] + str(title),
            "Kind": kind,
            "Price moves": gains,
            "Costs": costs,
            "Total": net,
            "Path": path,
        }
        for path, title, kind, gains, costs, net in rows
    )
    st.dataframe(
        frame, hide_index=True, height="content" if len(frame) < 20 else 600,
        column_config=dict.fromkeys(("Price moves", "Costs", "Total"), PERCENT),
    )  # fmt: skip
    st.caption(
        "The blocks directly below a block sum to it; blocks that earned nothing are left out."
    )
    csv_button(key, "Blocks", backtest.result.flow.name, lambda: export.branches(backtest))


def _depths(program: Program) -> dict[str, int]:
    """How far below the root each block is, by path."""
    depth = {0: 0}
    for node in program.reading_order[1:]:
        depth[node] = depth[int(program.parents[node])] + 1
    return {program.paths[node]: deep for node, deep in depth.items()}


def _label(title: str, above: int) -> str:
    """Labels end at the axis: the space behind one shows how far above the deepest it is."""
    return escape(title if len(title) <= 44 else f"{title[:43]}…", quote=False) + "\u2003" * above
