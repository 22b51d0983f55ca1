"""Sentences about a draft's blocks, whatever is missing in them: ``RSI(10) of SPY > 75``.

``core.flow.describe`` says the same of a flow that runs, with the numbers its variables have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.flow.draft.blocks import FLOW, Block, Draft, Place, Ref
from core.indicators import registered

MISSING = "…"
SIGNS = {">": ">", ">=": "≥", "<": "<", "<=": "≤"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OWN_KEYS = frozenset(("indicator", "symbol", "of", "days_ago", "times", "plus", "other"))


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
    conditions = found.content.get("conditions") or []
    many = f"{len(conditions)} conditions hold" if len(conditions) != 1 else "1 condition holds"
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
    take, many = _value(content.get("take", 1)), len(content.get("items") or [])
    text = f"Take {take} of {many} by {', then '.join(parts) or MISSING}"
    filters = content.get("filters") or []
    return text + (f", {len(filters)} filter{'s' * (len(filters) != 1)}" if filters else "")


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


def condition(draft: Draft, value: Any) -> str:
    """A condition's JSON as a sentence."""
    if not isinstance(value, Mapping):
        return MISSING
    if "all" in value or "any" in value:
        word = "all" if "all" in value else "any"
        parts = [condition(draft, part) for part in value[word] or []]
        joined = (" and " if word == "all" else " or ").join(
            f"({part})" if " and " in part or " or " in part else part for part in parts
        )
        return joined or MISSING
    if "not" in value:
        return f"not ({condition(draft, value['not'])})"
    if "at_least" in value:
        counted = value["at_least"]
        parts = [condition(draft, part) for part in counted.get("of") or []]
        return f"at least {_value(counted.get('count'))} of: {'; '.join(parts) or MISSING}"
    if "month" in value:
        named = [MONTHS[m - 1] for m in value["month"] if isinstance(m, int) and 1 <= m <= 12]
        return "month is " + (" or ".join(named) or MISSING)
    left, right = operand(draft, value.get("left")), operand(draft, value.get("right"))
    text = f"{left} {SIGNS.get(str(value.get('op')), MISSING)} {right}"
    if value.get("for_days") is not None:
        text += f" for {_value(value['for_days'])} sessions"
    return text


def operand(draft: Draft, value: Any, *, item: bool = False) -> str:
    """An operand's JSON in words; with ``item`` that of a sort, which measures what it ranks."""
    if not isinstance(value, Mapping):
        return _value(value)
    text = measure(value)
    subject = _subject(draft, value)
    if subject or not item:
        text += f" of {subject or MISSING}"
    if value.get("other") is not None:
        text += f" with {_value(value['other'])}"
    if value.get("days_ago"):
        text += f", {_value(value['days_ago'])} sessions ago"
    if value.get("times", 1) != 1:
        text = f"{_value(value['times'])} × {text}"
    if value.get("plus"):
        plus = value["plus"]
        negative = isinstance(plus, int | float) and plus < 0
        text += f" {'−' if negative else '+'} {_value(abs(plus) if negative else plus)}"
    return text


def measure(value: Mapping[str, Any]) -> str:
    """The indicator with its numbers: ``RSI(10)``."""
    name = str(value.get("indicator") or MISSING)
    known = registered().get(name)
    if known is None:
        given = [_value(v) for k, v in value.items() if k not in _OWN_KEYS]
        return f"{name}({', '.join(given)})" if given else name
    numbers = ", ".join(_value(value.get(p.name, p.default)) for p in known.parameters)
    return f"{known.label}({numbers})" if numbers else known.label


def _subject(draft: Draft, value: Mapping[str, Any]) -> str:
    of = value.get("of")
    if isinstance(of, Ref):
        return f"‘{title(draft, of.id)}’" if of.id in draft else MISSING
    return _value(value["symbol"]) if value.get("symbol") else ""


def _value(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:g}" if abs(value) < 1e15 else str(value)


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
