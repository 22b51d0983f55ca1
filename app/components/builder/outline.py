"""The blocks, as a tree that cannot misalign or as a chart, with the toolbar of both views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import streamlit as st

from app.components.builder.commands import do_all
from app.components.builder.editing import Editing, clipboard
from app.components.own import own_component
from app.theme import KINDS, Palette, palette
from core.flow.draft.blocks import FLOW, Block, Draft, Place, block_children, empty_places
from core.flow.draft.operations import WRAPPERS
from core.flow.draft.sentences import place_label, sentence, title

HEIGHT = 620
MEANINGS = {
    "asset": "one symbol",
    "cash": "nothing",
    "weight": "divided over all",
    "gate": "then or else",
    "latch": "a gate with memory",
    "switch": "by how many hold",
    "scale": "blended by a number",
    "sort": "the best few",
    "group": "a name around one",
    "strategy": "from the library",
}
"""What each kind does with its share, in the menus."""

TONES = {"then": "good", "on": "good", "else": "bad", "off": "bad"}


def outline(editing: Editing, *, chart: bool = False) -> None:
    """Draw the toolbar and the blocks, as a tree or as a chart."""
    colours = palette(st.context.theme.type)
    key = f"outline_{editing.slug}"
    history = editing.history
    copied = clipboard()
    data = {
        "key": editing.slug,
        "token": editing.token,
        "client": editing.client,
        "seen": editing.seen.get(editing.client, 0),
        "revision": history.revision,
        "mode": colours.mode,
        "selected": history.selected,
        "folded": sorted(editing.folded),
        "arrangement": editing.arrangement,
        "can": {
            "undo": history.past.change.said if history.past else "",
            "redo": history.future.change.said if history.future else "",
        },
        "copied": {"n": copied.number, "text": copied.text},
        "colours": {
            "gain": colours.gain, "loss": colours.loss, "warning": colours.warning,
            "chosen": colours.strategy,
        },
        "kinds": _kinds(),
        "inspector": f"st-key-inspector_{editing.slug}",
        "height": HEIGHT,
        "chart": chart,
        "rows": _kept_rows(editing, colours),
    }  # fmt: skip

    def on_commands() -> None:
        batch = st.session_state[key].commands
        if batch:
            do_all(editing, batch)

    own_component(
        __package__, "builder_outline", "builder", "outline.css", ("chart.js", "outline.js")
    )(key=key, data=data, on_commands_change=on_commands, height=HEIGHT)


def _kinds() -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "label": look.label,
            "icon": look.icon,
            "colour": look.colour,
            "meaning": MEANINGS[kind],
            "wraps": kind in WRAPPERS,
        }
        for kind, look in KINDS.items()
    ]


def _kept_rows(editing: Editing, colours: Palette) -> list[dict[str, Any]]:
    """The rows, made anew only where the draft or the theme changed."""
    key = (editing.history.revision, colours.mode)
    if editing.rows is None or editing.rows[0] != key:
        editing.rows = (key, list(_rows(editing, colours)))
    return editing.rows[1]


def _rows(editing: Editing, colours: Palette) -> Iterator[dict[str, Any]]:
    """One row a block, the flow first, and one for each place still to fill."""
    draft = editing.draft
    problems: dict[str, tuple[str, str]] = {}
    for found in reversed(editing.checked.problems):  # the first one, errors before warnings
        severity = found.problem.severity
        if severity == "error" or problems.get(found.block, ("",))[0] != "error":
            said = f"{found.problem.message} {found.problem.fix}".strip()
            problems[found.block] = (severity, said)
    for name in draft.order:
        block = draft[name]
        row = _row(draft, block, colours)
        empty = list(empty_places(block))
        row["inside"] = [child for _, child in block_children(block)]
        row["inside"] += [_empty_id(place) for place in empty]
        if name in problems:
            row["severity"], row["problem"] = problems[name]
        yield row
        yield from (_empty(draft, place) for place in empty)


def _row(draft: Draft, block: Block, colours: Palette) -> dict[str, Any]:
    named, text = title(draft, block.id), sentence(draft, block.id)
    row: dict[str, Any] = {
        "id": block.id,
        "kind": block.kind,
        "title": named,
        "text": "" if text == named else text,
        "holds": bool(block.slots),
    }
    if block.kind == FLOW:
        return row | {"icon": "water_lux", "colour": colours.strategy}
    look = KINDS[block.kind]
    row["label"] = look.label
    colour = block.content.get("colour") if block.kind == "group" else None
    tag = place_label(draft, draft.places[block.id])
    return row | {
        "icon": look.icon,
        "colour": colour if _is_colour(colour) else look.colour,
        "tag": tag,
        "tone": TONES.get(tag, ""),
    }


def _is_colour(colour: object) -> bool:
    return (
        isinstance(colour, str)
        and len(colour) == 7
        and colour.startswith("#")
        and all(digit in "0123456789abcdefABCDEF" for digit in colour[1:])
    )


def _empty_id(place: Place) -> str:
    return f"{place.block}@{'.'.join(map(str, place.path))}"


def _empty(draft: Draft, place: Place) -> dict[str, Any]:
    tag = place_label(draft, place)
    return {
        "id": _empty_id(place),
        "kind": "",
        "title": "Choose a block",
        "text": "",
        "icon": "add",
        "colour": "transparent",
        "tag": tag,
        "tone": TONES.get(tag, ""),
        "place": {"block": place.block, "path": list(place.path)},
        "inside": [],
    }
