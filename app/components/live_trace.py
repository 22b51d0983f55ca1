"""A stored trace as a table: the path taken, what each block read, how far it was from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

TO_FLIP = st.column_config.NumberColumn(
    "To flip", format="percent",
    help="How far the nearest deciding number has to move for another choice.",
)  # fmt: skip


def trace_table(trace: Mapping[str, Any], *, key: str) -> None:
    """The blocks on the path, with their conditions and items below them."""
    st.dataframe(
        pd.DataFrame(
            path_rows(trace), columns=["Block", "Kind", "Share", "Choice", "To flip", "Reads"]
        ),
        hide_index=True, placeholder="", key=key,
        column_config={
            "Share": st.column_config.NumberColumn(format="percent"), "To flip": TO_FLIP
        },
    )  # fmt: skip


def path_rows(trace: Mapping[str, Any]) -> list[dict[str, object]]:
    """One line for each block that got a share, in the order the flow was walked."""
    rows: list[dict[str, object]] = []
    for node in trace.get("nodes", ()):
        if node.get("share") is None:
            continue
        missing = " (data missing)" if node.get("missing") else ""
        rows.append(
            _row(
                node["title"], node["kind"], node["share"], node.get("choice", "") + missing,
                node.get("distance"),
            )
        )  # fmt: skip
        for condition in node.get("conditions", ()):
            rows += _condition(condition, 1)
        rows += [_item(item) for item in node.get("items", ())]
    return rows


def gates(trace: Mapping[str, Any]) -> list[dict[str, object]]:
    """The choices on the path with their distance, the nearest to another one first."""
    found = [
        _row(node["title"], node["kind"], node["share"], node.get("choice", ""), node["distance"])
        for node in trace.get("nodes", ())
        if node.get("share") is not None and node.get("distance") is not None
    ]
    return sorted(found, key=lambda row: row["To flip"])  # type: ignore[arg-type, return-value]


def _condition(condition: Mapping[str, Any], depth: int) -> list[dict[str, object]]:
    left, right = condition.get("left"), condition.get("right")
    reads = "" if left is None and right is None else f"{_number(left)} against {_number(right)}"
    truth = condition.get("truth")
    word = "unknown" if truth is None else "true" if truth else "false"
    row = _row(
        "\u2003" * depth + condition["text"], "condition", None, word, condition.get("distance"),
        reads,
    )  # fmt: skip
    parts = [line for part in condition.get("parts", ()) for line in _condition(part, depth + 1)]
    return [row, *parts]


def _item(item: Mapping[str, Any]) -> dict[str, object]:
    left_out = {None: "unknown", False: "filtered out", True: "not taken"}
    choice = f"rank {item['rank']}" if item.get("rank") else left_out[item.get("passed")]
    keys = ", ".join(_number(key) for key in item.get("keys", ()))
    return _row(f"\u2003{item['text']}", "item", None, choice, None, keys)


def _row(
    block: str, kind: str, share: float | None, choice: str, distance: float | None, reads: str = ""
) -> dict[str, object]:
    return {
        "Block": block, "Kind": kind, "Share": share, "Choice": choice, "To flip": distance,
        "Reads": reads,
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
