"""Fields of a condition: a comparison, months, or conditions joined."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.components.builder.fields import Fields, Place
from app.components.builder.operands import operand_fields
from app.components.plain import plain
from core.flow.draft.blocks import Path
from core.flow.draft.operations import REMOVED
from core.flow.draft.sentences import condition
from core.flow.words import MONTHS

KINDS = {
    "left": "A comparison",
    "all": "All of",
    "any": "Any of",
    "at_least": "At least so many of",
    "not": "Not",
    "month": "In the months",
}
SIGNS = {
    ">": "is above (>)",
    ">=": "is at least (≥)",
    "<": "is below (<)",
    "<=": "is at most (≤)",
}
FIRST = {"left": {"indicator": "rsi", "symbol": "SPY", "window": 10}, "op": ">", "right": 75}
FIRST_OF_ITEM = {"left": {"indicator": "cumulative_return", "window": 60}, "op": ">", "right": 0}


def condition_fields(
    fields: Fields, place: Place, label: str, path: Path, *, item: bool = False
) -> None:
    """A condition as its sentence and the fields that make it."""
    value = fields.get(path)
    place.markdown(f"**{plain(condition(fields.draft, value, item=item))}**")
    kind = kind_of(value)

    def take(wanted: str) -> None:
        fields.write({path: turned(value, wanted, item=item)}, f"edit {label.lower()}")

    fields.pick(
        place, label, path, KINDS, kind, take, "What is true, session by session.", what="kind"
    )
    if kind == "left":
        _comparison(fields, place, path)
    elif kind == "month":
        _months(fields, place, path, value)
    elif kind == "not":
        condition_fields(fields, place.container(border=True), "Not", (*path, "not"), item=item)
    else:
        _parts(fields, place, path, kind, item)


def kind_of(value: Any) -> str:
    """Which kind of condition a JSON value is, as the key that tells it."""
    known = value if isinstance(value, dict) else {}
    return next((key for key in KINDS if key in known), "left")


def turned(value: Any, wanted: str, *, item: bool = False) -> dict[str, Any]:
    """A condition of the kind wanted that keeps the parts of the one before."""
    kind = kind_of(value)
    first = FIRST_OF_ITEM if item else FIRST
    parts = parts_of(value) if kind not in ("left", "month") else [value]
    parts = [part for part in parts if isinstance(part, dict)] or [first]
    if wanted in ("all", "any"):
        return {wanted: parts}
    if wanted == "at_least":
        return {"at_least": {"count": 1, "of": parts}}
    if wanted == "not":
        return {"not": parts[0] if len(parts) == 1 else {"all": parts}}
    if wanted == "month":
        return {"month": [1]}
    return next((part for part in parts if kind_of(part) == "left"), first)


def parts_of(value: Any) -> list[Any]:
    """The conditions directly inside one."""
    kind = kind_of(value)
    if kind in ("all", "any"):
        return list(value[kind])
    if kind == "at_least":
        return list(value["at_least"].get("of") or [])
    return [value["not"]] if kind == "not" else []


def _comparison(fields: Fields, place: Place, path: Path) -> None:
    operand_fields(fields, place, "Left side", (*path, "left"))
    fields.choice(place, "Compared", (*path, "op"), SIGNS, ">", "How the sides are compared.")
    operand_fields(fields, place, "Right side", (*path, "right"))
    fields.number(
        place, "For sessions", (*path, "for_days"), REMOVED,
        "True only if it was true on each of the last so many sessions; empty is today only.",
    )  # fmt: skip


def _months(fields: Fields, place: Place, path: Path, value: Any) -> None:
    chosen = [m for m in value.get("month", []) if isinstance(m, int) and 1 <= m <= 12]
    key, epoch, where = fields.key(path, "months"), fields.editing.epoch, (*path, "month")

    def changed() -> None:
        months = sorted(st.session_state.get(key) or [])
        if epoch == fields.editing.epoch and fields.block in fields.draft and months != chosen:
            fields.write({where: months}, "edit months")

    place.pills(
        "Months", list(range(1, 13)), default=chosen, selection_mode="multi", key=key,
        format_func=lambda month: MONTHS[month - 1], on_change=changed,
        help="True in these calendar months.",
    )  # fmt: skip


def _parts(fields: Fields, place: Place, path: Path, kind: str, item: bool) -> None:
    where = (*path, "at_least", "of") if kind == "at_least" else (*path, kind)
    if kind == "at_least":
        fields.number(
            place, "How many", (*path, "at_least", "count"), REMOVED, "So many have to hold."
        )
    condition_list(fields, place, where, item=item)


def condition_list(
    fields: Fields, place: Place, where: Path, *, item: bool = False, word: str = "condition"
) -> None:
    """Conditions one under the other, to add to and to take from."""
    parts = list(fields.get(where) or [])
    for i in range(len(parts)):
        box = place.container(border=True)
        condition_fields(fields, box, f"{word.capitalize()} {i + 1}", (*where, i), item=item)

        def drop(i: int = i) -> None:
            fields.write({where: parts[:i] + parts[i + 1 :]}, f"delete {word}")

        fields.button(box, f"Delete {word}", "delete", (*where, i), drop, "Take it out.")

    def more() -> None:
        first = FIRST_OF_ITEM if item else FIRST
        fields.write({where: [*parts, first]}, f"add {word}")

    fields.button(place, f"Add {word}", "add", where, more, "Add one more, to edit.")
