"""Sentences about a draft's blocks, whatever is missing in them: ``If RSI(10) of SPY > 75``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.flow.draft.blocks import FLOW, Block, Draft, Place, Ref
from core.flow.words import MISSING, condition_words, operand_words, value_words


def title(draft: Draft, block: str) -> str:
    """A block's name, or else what it does."""
    return str(draft[block].content.get("name") or sentence(draft, block))


def sentence(draft: Draft, block: str) -> str:
    """What a block does, in a few words."""
    found = draft[block]
    return _SENTENCES[found.kind](draft, found)


def _flow(draft: Draft, _found: Block) -> str:
    return f"{len(draft):,} block{'' if len(draft) == 1 else 's'}"


def _asset(_draft: Draft, found: Block) -> str:
    return _value(found.content.get("symbol"))


def _cash(_draft: Draft, _found: Block) -> str:
    return "Cash"


def _weight(_draft: Draft, found: Block) -> str:
    scheme = str(found.content.get("scheme", "equal"))
    if scheme == "inverse_volatility":
        return f"Weight by inverse volatility({_value(found.content.get('window'))})"
    return {
        "equal": "Weight equally",
        "specified": "Weight as specified",
        "rank": "Weight by rank",
    }.get(scheme, "Weight")


def _gate(draft: Draft, found: Block) -> str:
    return f"If {condition(draft, found.content.get('when'))}"


def _latch(draft: Draft, found: Block) -> str:
    enter, leave = found.content.get("enter"), found.content.get("exit")
    return f"On from {condition(draft, enter)}, off from {condition(draft, leave)}"


def _switch(_draft: Draft, found: Block) -> str:
    count = _count(found.content.get("conditions"))
    many = f"{count} conditions hold" if count != 1 else "1 condition holds"
    return f"Switch on how many of {many}"


def _scale(draft: Draft, found: Block) -> str:
    low, high = _value(found.content.get("from")), _value(found.content.get("to"))
    return f"Scale by {operand(draft, found.content.get('indicator'))} from {low} to {high}"


def _sort(draft: Draft, found: Block) -> str:
    content = found.content
    keys = content.get("by") or []
    keys = keys if isinstance(keys, list) else [keys]
    order = content.get("order", "desc")
    orders = order if isinstance(order, list) else [order] * len(keys)
    parts = [
        f"{'lowest' if way == 'asc' else 'highest'} {operand(draft, key, item=True)}"
        for key, way in zip(keys, orders, strict=False)
    ]
    take, many = _value(content.get("take", 1)), _count(content.get("items"))
    text = f"Take {take} of {many} by {', then '.join(parts) or MISSING}"
    filters = _count(content.get("filters"))
    return text + (f", {filters} filter{'s' * (filters != 1)}" if filters else "")


def _group(_draft: Draft, _found: Block) -> str:
    return "Group"


def _strategy(_draft: Draft, found: Block) -> str:
    return f"Strategy {_value(found.content.get('strategy'))}"


_SENTENCES: dict[str, Callable[[Draft, Block], str]] = {
    FLOW: _flow,
    "asset": _asset,
    "cash": _cash,
    "weight": _weight,
    "gate": _gate,
    "latch": _latch,
    "switch": _switch,
    "scale": _scale,
    "sort": _sort,
    "group": _group,
    "strategy": _strategy,
}


# -- conditions and operands ---------------------------------------------------------------------


def condition(draft: Draft, value: Any, *, item: bool = False) -> str:
    """A condition of a block as a sentence."""
    return condition_words(value, partial(_measured, draft), item=item)


def operand(draft: Draft, value: Any, *, item: bool = False) -> str:
    """An operand of a block in words."""
    return operand_words(value, partial(_measured, draft), item=item)


def _measured(draft: Draft, of: Any) -> str:
    return f"‘{title(draft, of.id)}’" if isinstance(of, Ref) and of.id in draft else MISSING


def _value(value: Any) -> str:
    return MISSING if value is None or value == "" else value_words(value)


def _count(value: Any) -> int:
    """How many a list has; a draft may hold anything there."""
    return len(value) if isinstance(value, list) else 0


# -- places --------------------------------------------------------------------------------------


def place_label(draft: Draft, place: Place) -> str:
    """What a block is to the one it stands in: ``then``, ``2 true``, ``60%``, ``measured``."""
    holder = draft[place.block]
    key = place.path[0]
    if key not in holder.slots:
        return "measured"
    if holder.kind == "latch":
        return "on" if key == "then" else "off"
    if holder.kind == "gate":
        return str(key)
    if holder.kind == "switch" and place.index is not None:
        return f"{place.index} true"
    shares = holder.content.get("weights")
    if (
        holder.kind == "weight"
        and holder.content.get("scheme") == "specified"
        and isinstance(shares, list)
        and place.index is not None
        and place.index < len(shares)
    ):
        share = shares[place.index]
        return f"{100 * share:g}%" if isinstance(share, int | float) else _value(share)
    return ""
