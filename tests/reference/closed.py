"""Closing a flow: variables replaced by their values, references by what they refer to.

What is left is a tree of plain JSON with nothing to look up, which is all ``evaluate`` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
FREE_TEXT = ("name", "note", "colour", "kind")
"""Keys whose values are never variables."""


def close_flow(
    flow: Json, overrides: Mapping[str, Any] | None = None, library: Mapping[str, Json] = {}
) -> Json:
    """The root of ``flow`` with nothing left to look up.

    A strategy referred to keeps its own variables' defaults; ``overrides`` do not reach it.
    """
    values = {**flow.get("variables", {}), **(overrides or {})}
    closed: Json = _close(flow["root"], values, library)
    return closed


def _close(part: Any, values: Mapping[str, Any], library: Mapping[str, Json]) -> Any:
    if isinstance(part, str) and part.startswith("$"):
        return values[part[1:]]
    if isinstance(part, list):
        return [_close(one, values, library) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("kind") == "strategy":
        return {"kind": "group", "child": close_flow(library[part["strategy"]], None, library)}
    return {
        key: value if key in FREE_TEXT else _close(value, values, library)
        for key, value in part.items()
    }
