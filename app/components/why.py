"""Why a session's weights are what they are, and what changed since another one."""

from __future__ import annotations

from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from app.components.flow_chart import flow_chart
from app.components.plain import plain
from app.components.session_picker import number_of, session_picker
from core.backtest.result import Backtest
from core.flow.nodes import Rebalance
from core.flow.session_difference import BlockChange, Difference, difference
from core.flow.trace import ConditionTrace, ItemTrace, NodeTrace, Trace, trace

PERCENT = st.column_config.NumberColumn(format="percent")
COLUMNS = ["Block", "Kind", "Share", "Choice", "To flip", "Reads"]
TO_FLIP = st.column_config.NumberColumn(
    "To flip",
    format="percent",
    help="How far the nearest deciding number has to move for another choice.",
)


@st.fragment
def why(key: str, backtest: Backtest) -> None:
    """Choose a session; see its decision, what changed, and the path taken.

    A fragment: stepping through sessions runs nothing else of the page.
    """
    sessions = backtest.result.sessions
    with st.container(horizontal=True, vertical_alignment="top", gap="large"):
        with st.container(width=460):
            t = session_picker(f"{key}_why", sessions)
        against = _against(key, backtest, t)
    found = trace(backtest.seen, backtest.offset + t)
    st.markdown(f"**{found.session}** decided {plain(_weights(found))}")
    if backtest.result.rebalance != Rebalance():
        st.caption("The flow does not trade every day: a decision takes effect when it is due.")
    if against is not None:
        _changes(difference(trace(backtest.seen, backtest.offset + against), found))
    shares = {n.node: n.share for n in found.nodes if n.share is not None}
    flow_chart(
        f"{key}_why_chart", backtest.seen.binding, shares=shares, details=partial(_block, found)
    )
    st.dataframe(
        _path(found), hide_index=True, placeholder="", key=f"{key}_why_path",
        column_config={"Share": PERCENT, "To flip": TO_FLIP},
    )  # fmt: skip


def _against(key: str, backtest: Backtest, t: int) -> int | None:
    """The session to compare with: the one before, or another one asked for."""
    sessions = backtest.result.sessions
    first, last = sessions[0].item(), sessions[-1].item()
    other: date | None = st.date_input(
        "Compare with", value=None, min_value=first, max_value=last, format="YYYY-MM-DD",
        key=f"{key}_why_against_{first}_{last}", width=170, persist_state="session",
        help="Empty: the session before.",
    )  # fmt: skip
    if other is not None:
        return number_of(sessions, other)
    # The first session of a backtest has one before it in the history, if the flow saw one.
    return t - 1 if t + backtest.offset > 0 else None


def _weights(found: Trace) -> str:
    parts = [f"{s} {w:.1%}" for s, w in sorted(found.weights.items(), key=lambda item: -item[1])]
    if abs(found.cash) > 1e-9:
        parts.append(f"cash {found.cash:.1%}")
    return " · ".join(parts)


# -- what changed --------------------------------------------------------------------------------


def _changes(found: Difference) -> None:
    """What changed from one session to another, in words, weights and reasons."""
    with st.container(border=True):
        icon = "drag_handle" if found.same else "swap_horiz"
        st.markdown(
            f":material/{icon}: Since **{found.earlier}**: {plain(found.words())}"
            if found.earlier <= found.later
            else f":material/{icon}: From **{found.earlier}** to {found.later}: "
            f"{plain(found.words())}"
        )
        reasons = [
            row
            for change in (*found.flipped, *found.ranked, *found.blended, *found.lacking)
            for row in _reason(change)
        ]
        if found.same and not reasons:
            return
        if found.same:
            st.dataframe(pd.DataFrame(reasons), hide_index=True)
            return
        left, right = st.columns([1, 2], gap="medium")
        weights = [
            {"Held": w.symbol or "Cash", "Before": w.before, "After": w.after,
             "Change": w.after - w.before}
            for w in found.weights
        ]  # fmt: skip
        left.dataframe(
            pd.DataFrame(weights), hide_index=True,
            column_config=dict.fromkeys(("Before", "After", "Change"), PERCENT),
        )  # fmt: skip
        if reasons:
            right.dataframe(pd.DataFrame(reasons), hide_index=True)


def _reason(change: BlockChange) -> list[dict[str, str]]:
    """A block that chose otherwise, and below it the numbers that made it do so."""
    before, after = change.before, change.after
    rows = [_line(after.title, _choice(before), _choice(after))]
    rows += [
        _line(f"\u2003{c.after.text}", _reads(c.before), _reads(c.after))
        for c in change.conditions
        if c.flipped
    ]
    rows += [
        _line(f"\u2003{r.after.text}", _ranked(r.before), _ranked(r.after)) for r in change.ranks
    ]
    return rows


def _line(block: str, before: str, after: str) -> dict[str, str]:
    return {"Block": block, "Before": before, "After": after}


def _choice(node: NodeTrace) -> str:
    if node.share is None:
        return "not on the path"
    return ", ".join(p for p in (node.choice, "data missing" if node.missing else "") if p) or "ok"


def _ranked(item: ItemTrace) -> str:
    place = f"rank {item.rank}" if item.rank else _left_out(item.passed)
    return f"{place} ({', '.join(_number(key) for key in item.keys)})"


# -- the path ------------------------------------------------------------------------------------


def _block(found: Trace, number: int) -> None:
    """What one block of the chart did, and what it read."""
    node = next((node for node in found.nodes if node.node == number), None)
    if node is None or node.share is None:
        named = "This block" if node is None else f"**{plain(node.title)}**"
        st.markdown(f"{named} was not on the path on {found.session}.")
        return
    st.markdown(f"**{plain(node.title)}** on {found.session}")
    st.dataframe(
        pd.DataFrame(_node(node), columns=COLUMNS), hide_index=True,
        column_config={"Share": PERCENT, "To flip": TO_FLIP},
    )  # fmt: skip


def _path(found: Trace) -> pd.DataFrame:
    """One line for each node on the path, and below it its conditions or its items."""
    rows = [row for node in found.reached() for row in _node(node)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _node(node: NodeTrace) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "Block": node.title,
            "Kind": node.kind,
            "Share": node.share,
            "Choice": node.choice + (" (data missing)" if node.missing else ""),
            "To flip": node.distance,
            "Reads": "",
        }
    ]
    for condition in node.conditions:
        rows += _condition(condition, 1)
    return rows + [_item(item) for item in node.items]


def _condition(condition: ConditionTrace, depth: int) -> list[dict[str, object]]:
    """A line for the condition, and below it for what it is made of."""
    row: dict[str, object] = {
        "Block": "\u2003" * depth + condition.text,
        "Kind": "condition",
        "Share": None,
        "Choice": _truth(condition),
        "To flip": condition.distance,
        "Reads": _values(condition),
    }
    return [row, *(line for part in condition.parts for line in _condition(part, depth + 1))]


def _item(item: ItemTrace) -> dict[str, object]:
    return {
        "Block": f"\u2003{item.text}",
        "Kind": "item",
        "Share": None,
        "Choice": f"rank {item.rank}" if item.rank else _left_out(item.passed),
        "To flip": None,
        "Reads": ", ".join(_number(key) for key in item.keys),
    }


def _reads(condition: ConditionTrace) -> str:
    values = _values(condition)
    return f"{_truth(condition)} ({values})" if values else _truth(condition)


def _truth(condition: ConditionTrace) -> str:
    return "unknown" if condition.truth is None else "true" if condition.truth else "false"


def _values(condition: ConditionTrace) -> str:
    if condition.left is None and condition.right is None:
        return ""
    return f"{_number(condition.left)} against {_number(condition.right)}"


def _left_out(passed: bool | None) -> str:
    return {None: "unknown", False: "filtered out", True: "not taken"}[passed]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
