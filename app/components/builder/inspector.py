"""The inspector: a form for the selected block, or for the flow's own settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from app.components.builder.conditions import condition_fields, condition_list
from app.components.builder.editing import Editing
from app.components.builder.fields import Fields, Place
from app.components.builder.flow_settings import flow_fields
from app.components.builder.operands import indicator_fields
from app.components.plain import plain
from app.resources import services
from app.theme import KINDS
from core.flow.draft.blocks import FLOW
from core.flow.draft.blocks import Place as Slot
from core.flow.draft.operations import REMOVED, add
from core.flow.draft.sentences import place_label, title

SCHEMES = {
    "equal": "Equally",
    "specified": "As specified",
    "inverse_volatility": "By inverse volatility",
    "rank": "By rank: the first most",
}
ORDERS = {"desc": "Highest first", "asc": "Lowest first"}


def inspector(editing: Editing) -> None:
    """The form of the selected block."""
    fields = Fields(editing, editing.history.selected)
    block = fields.found
    with st.container(key=f"inspector_{editing.slug}"):
        for found in editing.checked.problems:
            if found.block == block.id:
                show = st.error if found.problem.severity == "error" else st.warning
                said = f"{found.problem.message} {found.problem.fix}".strip()
                show(plain(f"{said[0].upper()}{said[1:]}"), icon=":material/error:")
        if block.kind == FLOW:
            flow_fields(fields)
            return
        look = KINDS[block.kind]
        st.markdown(f":material/{look.icon}: **{look.label}**", help=_FORMS[block.kind].about)
        _FORMS[block.kind].draw(fields, st)
        _reading(fields)


def _reading(fields: Fields) -> None:
    """What is only for readers."""
    fields.text(st, "Name", ("name",), "Shown in its place; empty shows what it does.")
    fields.text(st, "Note", ("note",), "Why it is there; for readers only.", tall=True)


def _asset(fields: Fields, place: Place) -> None:
    fields.symbol(place, "Symbol", ("symbol",), "What is held.")


def _cash(fields: Fields, place: Place) -> None:  # noqa: ARG001
    place.caption(_FORMS["cash"].about)


def _weight(fields: Fields, place: Place) -> None:
    inside = fields.draft.children(fields.block)
    scheme = fields.get(("scheme",), "equal")

    def take(wanted: str) -> None:
        even = [round(1 / len(inside), 6)] * len(inside) if inside else []
        if even:
            even[-1] = round(1 - sum(even[:-1]), 6)
        fields.write(
            {
                ("scheme",): wanted,
                ("weights",): even if wanted == "specified" else REMOVED,
                ("window",): 60 if wanted == "inverse_volatility" else REMOVED,
            },
            "edit scheme",
        )

    options = SCHEMES if scheme in SCHEMES else {**SCHEMES, scheme: str(scheme)}
    fields.pick(place, "Divided", ("scheme",), options, scheme, take, "How its share is divided.")
    _shares(fields, place, scheme, [title(fields.draft, child) for child in inside])
    if not inside:
        place.caption("Add blocks to it in the outline.")


def _shares(fields: Fields, place: Place, scheme: str, labels: list[str]) -> None:
    """The parts of a specified scheme, or the window of inverse volatility."""
    if scheme == "inverse_volatility":
        fields.number(
            place, "Window", ("window",), REMOVED, "Sessions the volatility is measured over."
        )
    if scheme != "specified":
        return
    weights = fields.get(("weights",))
    if not isinstance(weights, list) or len(weights) != len(labels):
        old = weights if isinstance(weights, list) else []
        wanted = [*old, *[0] * len(labels)][: len(labels)]
        fields.button(
            place, "Give each one a part", "balance", ("weights",),
            lambda: fields.write({("weights",): wanted}, "edit parts"),
            f"There are {len(old)} parts for {len(labels)}.",
        )  # fmt: skip
        return
    for i, label in enumerate(labels):
        fields.number(
            place, f"Part of {plain(label)}", ("weights", i), REMOVED, "All parts together make 1."
        )


def _gate(fields: Fields, place: Place) -> None:
    condition_fields(fields, place, "If", ("when",))


def _latch(fields: Fields, place: Place) -> None:
    condition_fields(fields, place.container(border=True), "On from", ("enter",))
    condition_fields(fields, place.container(border=True), "Off from", ("exit",))


def _switch(fields: Fields, place: Place) -> None:
    cases = len(fields.draft.children(fields.block))
    wanted = len(fields.get(("conditions",)) or []) + 1
    place.caption(
        f"{wanted} cases: one for each number of conditions that hold, 0 to {wanted - 1}."
    )
    if cases < wanted:

        def fill() -> None:
            draft = fields.draft
            for _ in range(wanted - cases):
                draft, _ = add(draft, Slot(fields.block, ("cases",)), "cash")
            fields.editing.edit(draft, None, "add cases")

        fields.button(
            place, "Add missing cases", "playlist_add", ("cases",), fill, "As cash, to replace."
        )
    condition_list(fields, place, ("conditions",))


def _scale(fields: Fields, place: Place) -> None:
    indicator_fields(fields, place, "Scaled by", ("indicator",))
    low, high = place.columns(2)
    fields.number(low, "From", ("from",), REMOVED, "At or below it all goes to the first block.")
    fields.number(high, "To", ("to",), REMOVED, "At or above it all goes to the last block.")


def _sort(fields: Fields, place: Place) -> None:
    fields.number(place, "Take", ("take",), 1, "How many of the best to hold.")
    keys = fields.get(("by",)) or []
    if isinstance(keys, dict):
        keys = [keys]
    orders = fields.get(("order",), "desc")
    orders = list(orders) if isinstance(orders, list) else [orders] * len(keys)
    for i in range(len(keys)):
        _key(fields, place.container(border=True), i, keys, orders)

    def more() -> None:
        new = [*keys, {"indicator": "rsi", "window": 20}]
        fields.write({("by",): new, ("order",): [*orders, "desc"]}, "add tiebreaker")

    fields.button(
        place, "Add tiebreaker", "add", ("by",), more, "Decides between items equal so far."
    )
    _allocation(fields, place)
    with place.expander("Filters", expanded=bool(fields.get(("filters",)))):
        st.caption("Only items for which all of these hold are ranked.")
        condition_list(fields, st, ("filters",), item=True, word="filter")


def _key(fields: Fields, place: Place, i: int, keys: list[object], orders: list[str]) -> None:
    """One key of the ranking with its order."""
    label = "Ranked by" if i == 0 else "Then by"
    if not isinstance(fields.get(("by",)), list):
        place.caption("Its key is not in a list.")
        return
    indicator_fields(fields, place, label, ("by", i), item=True)

    def order(wanted: str) -> None:
        new = [*orders[:i], wanted, *orders[i + 1 :]]
        fields.write({("order",): new[0] if len(set(new)) == 1 else new}, "edit order")

    fields.pick(place, "Order", ("by", i), ORDERS, orders[i], order, "Which end is best.", what="o")
    if len(keys) > 1:

        def drop() -> None:
            left = orders[:i] + orders[i + 1 :]
            fields.write(
                {
                    ("by",): keys[:i] + keys[i + 1 :],
                    ("order",): left[0] if len(set(left)) == 1 else left,
                },
                "delete key",
            )

        fields.button(place, "Delete key", "delete", ("by", i), drop, "Rank without it.")


def _allocation(fields: Fields, place: Place) -> None:
    """How a sort divides its share over what it took."""
    scheme = fields.get(("allocation",), "equal")
    take_of = fields.get(("take",), 1)
    places = take_of if isinstance(take_of, int) and 0 < take_of <= 50 else 1

    def take(wanted: str) -> None:
        even = [round(1 / places, 6)] * places
        even[-1] = round(1 - sum(even[:-1]), 6)
        fields.write(
            {
                ("allocation",): wanted,
                ("weights",): even if wanted == "specified" else REMOVED,
                ("window",): 60 if wanted == "inverse_volatility" else REMOVED,
            },
            "edit allocation",
        )

    options = SCHEMES if scheme in SCHEMES else {**SCHEMES, scheme: str(scheme)}
    fields.pick(
        place, "Divided", ("allocation",), options, scheme, take,
        "How its share is divided over the items taken.",
    )  # fmt: skip
    _shares(fields, place, scheme, [f"number {i + 1}" for i in range(places)])


def _group(fields: Fields, place: Place) -> None:
    colour = fields.get(("colour",))
    key, epoch = fields.key(("colour",)), fields.editing.epoch
    shown = colour if isinstance(colour, str) else KINDS["group"].colour

    def changed() -> None:
        chosen = st.session_state.get(key)
        if epoch == fields.editing.epoch and fields.block in fields.draft and chosen != shown:
            fields.write({("colour",): chosen}, "edit colour")

    place.color_picker("Colour", shown, key=key, on_change=changed, help="Of its edge.")


def _strategy(fields: Fields, place: Place) -> None:
    names = services().strategies.names(services().user.id)
    options = {slug: name for slug, name in names.items() if slug != fields.editing.slug}
    chosen = fields.get(("strategy",))
    if chosen not in options:
        options = {chosen: str(chosen or "Choose one"), **options}
    fields.pick(
        place, "Strategy", ("strategy",), options, chosen,
        lambda slug: fields.write({("strategy",): slug}, "choose strategy"),
        "Its newest version is meant, with its own variables.",
    )  # fmt: skip


class _Form(NamedTuple):
    """What a kind does with its share, in a sentence, and its fields."""

    about: str
    draw: Callable[[Fields, Place], None]


_FORMS = {
    "asset": _Form("All of its share in one symbol.", _asset),
    "cash": _Form("All of its share in nothing.", _cash),
    "weight": _Form("Its share divided over all blocks in it.", _weight),
    "gate": _Form("Its share goes to then while the condition holds, else to else.", _gate),
    "latch": _Form("A gate with memory: on from one condition, off from another.", _latch),
    "switch": _Form("Counts how many conditions hold and takes that case, from 0 up.", _switch),
    "scale": _Form("Blends its blocks by where a number lies between two bounds.", _scale),
    "sort": _Form("Ranks its items and holds the first few.", _sort),
    "group": _Form("A name and a colour around one block.", _group),
    "strategy": _Form("Another strategy of the library.", _strategy),
}
"""The kinds themselves are ``core.flow.nodes.KINDS``; a test compares them with this."""


def where(editing: Editing, block: str) -> str:
    """What a block is to its parent, in words, for lists of problems."""
    if block == FLOW:
        return "The strategy"
    tag = place_label(editing.draft, editing.draft.places[block])
    return f"{tag}: {title(editing.draft, block)}" if tag else title(editing.draft, block)
