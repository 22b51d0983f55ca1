"""Words for parts of a flow's JSON, whatever is missing in them: ``RSI(10) of SPY > 75``.

``describe`` speaks of a bound program, with the numbers its variables have; this speaks of what is
written, complete or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.flow.nodes import is_variable
from core.indicators.registry import INDICATORS

MISSING = "…"
SIGNS = {">": ">", ">=": "≥", "<": "<", "<=": "≤"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OWN = frozenset({"indicator", "symbol", "of", "other", "days_ago", "times", "plus"})
_LONG = 60

Json = Mapping[str, Any]
Inner = Callable[[Any], str]
"""Words for the flow an operand measures, as its ``of`` has it."""


def node_words(node: Json) -> str:
    """A node by its name, or else by what tells it from others: ``asset SPY``."""
    kind = str(node["kind"])
    if node.get("name"):
        return f"{kind} ‘{_cut(str(node['name']))}’"
    if kind == "asset":
        return f"asset {node['symbol']}"
    if kind == "strategy":
        return f"strategy {node['strategy']}"
    if kind == "weight":
        return f"{node.get('scheme', 'equal').replace('_', ' ')} weight"
    if kind == "gate":
        return f"gate on {condition_words(node['when'])}"
    return kind


def _written(of: Any) -> str:
    return node_words(of) if isinstance(of, Mapping) and of.get("kind") else "a flow"


def indicator_name(operand: Json) -> str:
    """The indicator's label, or what is written where it is a variable or unknown."""
    name = str(operand.get("indicator") or MISSING)
    return INDICATORS[name].label if name in INDICATORS else name


def measure(operand: Json) -> str:
    """The indicator with its numbers, defaults among them: ``RSI(10)``."""
    known = INDICATORS.get(str(operand.get("indicator")))
    given = {key: value for key, value in operand.items() if key not in _OWN}
    if known is not None:
        given = {p.name: given.get(p.name, p.default) for p in known.parameters} | given
    numbers = ", ".join(_shown(value) for value in given.values())
    return f"{indicator_name(operand)}({numbers})" if numbers else indicator_name(operand)


def operand_words(operand: Any, inner: Inner = _written, *, item: bool = False) -> str:
    """A number, a variable or an indicator with what it measures: ``RSI(10) of SPY``.

    With ``item`` it is that of a sort, which measures what it ranks unless it says otherwise.
    """
    if not isinstance(operand, Mapping):
        return _shown(operand)
    text = measure(operand)
    subject = inner(operand["of"]) if "of" in operand else _shown(operand.get("symbol"))
    if "of" in operand or operand.get("symbol") or not item:
        text += f" of {subject}"
    if operand.get("other") is not None:
        text += f" with {_shown(operand['other'])}"
    if operand.get("days_ago"):
        text += f", {_shown(operand['days_ago'])} sessions ago"
    if operand.get("times", 1) != 1:
        text = f"{_shown(operand['times'])} × {text}"
    if operand.get("plus"):
        plus = operand["plus"]
        negative = isinstance(plus, int | float) and plus < 0
        text += f" {'−' if negative else '+'} {_shown(abs(plus) if negative else plus)}"
    return text


def condition_words(condition: Any, inner: Inner = _written, *, item: bool = False) -> str:
    """A condition as a sentence: ``RSI(10) of SPY > 75 for 3 sessions``."""
    if not isinstance(condition, Mapping):
        return MISSING
    if "not" in condition:
        return f"not ({condition_words(condition['not'], inner, item=item)})"
    if "month" in condition:
        named = [MONTHS[m - 1] for m in condition["month"] if isinstance(m, int) and 1 <= m <= 12]
        return "month is " + (" or ".join(named) or MISSING)
    if "at_least" in condition:
        counted = condition["at_least"]
        of = [condition_words(part, inner, item=item) for part in counted.get("of") or []]
        return f"at least {_shown(counted.get('count'))} of: {'; '.join(of) or MISSING}"
    for key, joint in (("all", " and "), ("any", " or ")):
        if key in condition:
            parts = [condition_words(part, inner, item=item) for part in condition[key] or []]
            return (
                joint.join(f"({p})" if " and " in p or " or " in p else p for p in parts) or MISSING
            )
    left, right = (operand_words(condition.get(s), inner, item=item) for s in ("left", "right"))
    text = f"{left} {SIGNS.get(str(condition.get('op')), MISSING)} {right}"
    days = condition.get("for_days")
    return text if days is None else f"{text} for {_shown(days)} sessions"


def value_words(value: Any) -> str:
    """A literal or a variable, as short as it is exact."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(value_words(v) for v in value)
    if isinstance(value, str):
        return value if is_variable(value) else _cut(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _shown(value: Any) -> str:
    """The same, where nothing means that something is still to be filled in."""
    return MISSING if value is None or value == "" else value_words(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
