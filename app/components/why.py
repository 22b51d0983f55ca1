"""Why a session's weights are what they are: the path taken through the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import streamlit as st

from app.components.flow_chart import flow_chart
from core.backtest.result import Backtest
from core.flow.nodes import Rebalance
from core.flow.trace import ConditionTrace, NodeTrace, Trace, trace


def why(key: str, backtest: Backtest | None) -> None:
    """Choose a session and see its decision."""
    if backtest is None:
        st.info(
            "This result was read back from the database. Run the backtest to see why each day "
            "decided as it did.",
            icon=":material/info:",
        )
        return
    sessions = backtest.result.sessions
    t = _choose(key, sessions)
    found = trace(backtest.seen, backtest.offset + t)
    weights = " · ".join(
        f"{symbol} {weight:.1%}"
        for symbol, weight in sorted(found.weights.items(), key=lambda item: -item[1])
    )
    cash = f"cash {found.cash:.1%}" if abs(found.cash) > 1e-9 else ""
    st.markdown(f"**{found.session}** decided {' · '.join(p for p in (weights, cash) if p)}")
    if backtest.result.rebalance != Rebalance():
        st.caption("The flow does not trade every day: a decision takes effect when it is due.")
    shares = {n.node: n.share for n in found.nodes if n.share is not None}
    flow_chart(f"{key}_why_chart", backtest.seen.binding, height=360, shares=shares)
    st.dataframe(
        _table(found),
        hide_index=True,
        column_config={
            "Share": st.column_config.NumberColumn(format="percent"),
            "To flip": st.column_config.NumberColumn(
                format="percent",
                help="How far the nearest deciding number has to move for another choice.",
            ),
        },
    )


def _choose(key: str, sessions: np.ndarray) -> int:
    """Number of the session chosen: the one asked for, or the last before it."""
    first, last = sessions[0].item(), sessions[-1].item()
    chosen: date = st.date_input(
        "Session", value=last, min_value=first, max_value=last, key=f"{key}_why_{first}_{last}",
        format="YYYY-MM-DD", required=True, width=200,
    )  # fmt: skip
    return int(np.searchsorted(sessions, np.datetime64(chosen), side="right")) - 1


def _table(found: Trace) -> pd.DataFrame:
    """One line for each node on the path, and below it its conditions or its items."""
    rows: list[dict[str, object]] = []
    for node in found.reached():
        rows.append(
            {
                "Block": node.title,
                "Kind": node.kind,
                "Share": node.share,
                "Choice": node.choice + (" (data missing)" if node.missing else ""),
                "To flip": node.distance,
                "Reads": "",
            }
        )
        rows += [_line(condition, 1) for condition in _flat(node)]
        rows += _items(node)
    return pd.DataFrame(rows, columns=["Block", "Kind", "Share", "Choice", "To flip", "Reads"])


def _flat(node: NodeTrace) -> list[ConditionTrace]:
    """The comparisons and months of a node's conditions, in order."""
    found: list[ConditionTrace] = []
    stack = list(reversed(node.conditions))
    while stack:
        condition = stack.pop()
        if condition.parts:
            stack += reversed(condition.parts)
        else:
            found.append(condition)
    return found


def _line(condition: ConditionTrace, depth: int) -> dict[str, object]:
    truth = "unknown" if condition.truth is None else "true" if condition.truth else "false"
    reads = ""
    if condition.left is not None or condition.right is not None:
        reads = f"{_number(condition.left)} against {_number(condition.right)}"
    return {
        "Block": "\u2003" * depth + condition.text,
        "Kind": "condition",
        "Share": None,
        "Choice": truth,
        "To flip": condition.distance,
        "Reads": reads,
    }


def _items(node: NodeTrace) -> list[dict[str, object]]:
    return [
        {
            "Block": f"\u2003{item.text}",
            "Kind": "item",
            "Share": None,
            "Choice": f"rank {item.rank}" if item.rank else _left_out(item.passed),
            "To flip": None,
            "Reads": ", ".join(_number(key) for key in item.keys),
        }
        for item in node.items
    ]


def _left_out(passed: bool | None) -> str:
    return {None: "unknown", False: "filtered out", True: "not taken"}[passed]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
