"""How a block's own fields changed, in words: its name, its numbers, its conditions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, cast

from core.flow.nodes import KINDS
from core.flow.words import condition_words, indicator_name, operand_words, value_words

What = Literal["changed", "added", "removed", "moved", "wrapped", "unwrapped"]
Json = dict[str, Any]
HOLE: Json = {}
"""Stands in a block's own fields for a block below it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change; ``path`` is where it stands in the new flow, or stood in the old if removed."""

    what: What
    path: str
    text: str


def field_changes(kind: str, words: str, at: str, old: Json, new: Json) -> Iterator[Change]:
    """How the own fields of two blocks of one kind differ; the new one, at ``at``, is ``words``."""
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        path = f"{at}.{key}"
        if key == "name":
            text = f"{kind} at {at} renamed: "
            text += f"{value_words(before)} → {value_words(after)}"
            yield Change("changed", path, text)
        elif key == "note":
            yield Change("changed", path, f"note of {words} rewritten")
        elif isinstance(before, dict) and isinstance(after, dict):
            yield from _part_changes(before, after, path)
        elif _conditions(before) and _conditions(after):
            yield from _list_changes(cast(list[Json], before), cast(list[Json], after), path)
        else:
            before, after = (_written(kind, fields, key) for fields in (old, new))
            values = f"{_words(before)} → {_words(after)}"
            text = f"{key.replace('_', ' ')} of {kind} at {at}: {values}"
            yield Change("changed", path, text)


def _written(kind: str, own: Json, key: str) -> Any:
    """A field of a block, its default where it is left out."""
    fields = KINDS[kind].model_fields
    info = next((i for name, i in fields.items() if key in (name, i.alias)), None)
    return own[key] if key in own or info is None else info.get_default()


def _part_changes(old: Json, new: Json, path: str) -> Iterator[Change]:
    """How two conditions or two operands differ."""
    if "indicator" in old and "indicator" in new:
        yield from _operand_changes(old, new, path)
    elif "op" in old and "op" in new:
        yield from _comparison_changes(old, new, path)
    elif "at_least" in old and "at_least" in new:
        first, second = old["at_least"], new["at_least"]
        if first["count"] != second["count"]:
            values = f"{value_words(first['count'])} → {value_words(second['count'])}"
            yield Change("changed", path, f"how many must hold at {path}: {values}")
        yield from _list_changes(first["of"], second["of"], f"{path}.at_least.of")
    else:
        key = next((k for k in ("all", "any", "not") if k in old and k in new), None)
        if key == "not":
            yield from _part_changes(old["not"], new["not"], f"{path}.not")
        elif key is not None:
            yield from _list_changes(old[key], new[key], f"{path}.{key}")
        elif old != new:
            yield Change("changed", path, f"condition at {path}: {_words(old)} → {_words(new)}")


def _operand_changes(old: Json, new: Json, path: str) -> Iterator[Change]:
    if old["indicator"] != new["indicator"]:
        values = f"{operand_words(old)} → {operand_words(new)}"
        yield Change("changed", path, f"indicator at {path}: {values}")
        return
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key, "default"), new.get(key, "default")
        if before != after:
            words = f"{key.replace('_', ' ')} of {indicator_name(new)} at {path}"
            before, after = ("a flow" if v == HOLE else value_words(v) for v in (before, after))
            yield Change("changed", path, f"{words}: {before} → {after}")


def _comparison_changes(old: Json, new: Json, path: str) -> Iterator[Change]:
    for side in ("left", "right"):
        before, after = old[side], new[side]
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _part_changes(before, after, f"{path}.{side}")
        elif before != after:
            where = "threshold" if side == "right" else "left side"
            values = f"{operand_words(before)} → {operand_words(after)}"
            yield Change("changed", f"{path}.{side}", f"{where} at {path}: {values}")
    if old["op"] != new["op"]:
        yield Change("changed", f"{path}.op", f"comparison at {path}: {old['op']} → {new['op']}")
    days = [value_words(c.get("for_days", 1)) for c in (old, new)]
    if old.get("for_days") != new.get("for_days"):
        words = f"sessions it must hold at {path}: {days[0]} → {days[1]}"
        yield Change("changed", f"{path}.for_days", words)


def _list_changes(old: list[Json], new: list[Json], path: str) -> Iterator[Change]:
    """How two lists of conditions or keys differ: paired where they can be."""
    one, two = ([json.dumps(part, sort_keys=True) for part in parts] for parts in (old, new))
    for tag, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        paired = min(b - a, d - c)
        for i in range(paired):
            yield from _part_changes(old[a + i], new[c + i], f"{path}[{c + i}]")
        for i in range(a + paired, b):
            yield Change("removed", f"{path}[{i}]", f"{_words(old[i])} removed from {path}")
        for i in range(c + paired, d):
            yield Change("added", f"{path}[{i}]", f"{_words(new[i])} added to {path}")


def _conditions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _words(value: Any) -> str:
    if not isinstance(value, Mapping):
        return value_words(value)
    return operand_words(value) if "indicator" in value else condition_words(value)
