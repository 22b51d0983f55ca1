"""Flows of a given size and mixed shape, the same ones every time."""

from __future__ import annotations

import random
from typing import Any

SYMBOLS = ("SPY", "QQQ", "TLT", "GLD", "BIL", "IWM", "EEM", "XLK", "XLE", "XLU")


def large_flow(nodes: int, name: str, seed: int = 7) -> dict[str, Any]:
    """A valid flow of exactly so many nodes, names from short to very long."""
    draw = random.Random(seed)
    return {"sluice": 1, "name": name, "root": _node(draw, nodes, 0)}


def _node(draw: random.Random, nodes: int, depth: int) -> dict[str, Any]:
    if nodes == 1:
        return {"kind": "asset", "symbol": draw.choice(SYMBOLS)}
    if nodes == 2:
        return {
            "kind": "group",
            "name": "Around " * draw.randint(1, 25),
            "child": _node(draw, 1, 0),
        }
    kind = draw.choice(("gate", "weight", "sort", "weight", "gate"))
    if kind == "gate":
        first = draw.randint(1, nodes - 2)
        return {
            "kind": "gate", "when": _when(draw),
            "then": _node(draw, first, depth + 1), "else": _node(draw, nodes - 1 - first, depth + 1),
        }  # fmt: skip
    parts = _parts(draw, nodes - 1)
    inside = [_node(draw, part, depth + 1) for part in parts]
    if kind == "weight":
        return {
            "kind": "weight",
            "name": "Parts" if draw.random() < 0.3 else None,
            "children": inside,
        }
    by = [{"indicator": "roc", "window": draw.randint(5, 60)}]
    return {"kind": "sort", "items": inside, "by": by, "take": draw.randint(1, len(inside))}


def _parts(draw: random.Random, total: int) -> list[int]:
    count = min(total, draw.randint(2, 7))
    cuts = sorted(draw.sample(range(1, total), count - 1)) if count > 1 else []
    return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]


def _when(draw: random.Random) -> dict[str, Any]:
    symbol, window = draw.choice(SYMBOLS), draw.randint(5, 30)
    left = {"indicator": "rsi", "symbol": symbol, "window": window}
    one = {"left": left, "op": draw.choice((">", "<")), "right": draw.randint(20, 80)}
    return one if draw.random() < 0.7 else {"any": [one, {"month": [5, 6]}]}
