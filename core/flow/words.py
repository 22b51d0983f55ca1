"""Words for parts of a flow's JSON, whatever its variables are bound to.

``describe`` speaks of a bound program; this speaks of what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.flow.nodes import is_variable
from core.indicators.registry import INDICATORS

_SIGNS = {">=": "≥", "<=": "≤"}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_OWN = frozenset({"indicator", "symbol", "of", "other", "days_ago", "times", "plus"})
_LONG = 60

Json = Mapping[str, Any]


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


def indicator_name(operand: Json) -> str:
    """The indicator's label, or what is written where it is a variable or unknown."""
    name = str(operand["indicator"])
    return INDICATORS[name].label if name in INDICATORS else name


def operand_words(operand: Any) -> str:
    """A number, a variable or an indicator with what it measures: ``RSI(10) of SPY``."""
    if not isinstance(operand, Mapping):
        return value_words(operand)
    numbers = ", ".join(value_words(v) for k, v in operand.items() if k not in _OWN)
    text = f"{indicator_name(operand)}({numbers})" if numbers else indicator_name(operand)
    if "symbol" in operand:
        text += f" of {operand['symbol']}"
    elif "of" in operand:
        text += f" of {node_words(operand['of']) if operand['of'] else 'a flow'}"
    if "other" in operand:
        text += f" with {operand['other']}"
    if "days_ago" in operand:
        text += f", {value_words(operand['days_ago'])} sessions ago"
    if "times" in operand:
        text = f"{value_words(operand['times'])} × {text}"
    return text + (f" + {value_words(operand['plus'])}" if "plus" in operand else "")


def condition_words(condition: Json) -> str:
    """A condition as a sentence: ``RSI(10) of SPY > 75 for 3 sessions``."""
    if "op" in condition:
        left, right = operand_words(condition["left"]), operand_words(condition["right"])
        text = f"{left} {_SIGNS.get(condition['op'], condition['op'])} {right}"
        days = condition.get("for_days")
        return text if days is None else f"{text} for {value_words(days)} sessions"
    if "not" in condition:
        return f"not ({condition_words(condition['not'])})"
    if "month" in condition:
        return "month is " + " or ".join(_MONTHS[m - 1] for m in condition["month"])
    if "at_least" in condition:
        counted = condition["at_least"]
        of = "; ".join(condition_words(part) for part in counted["of"])
        return f"at least {value_words(counted['count'])} of: {of}"
    key, joint = ("all", " and ") if "all" in condition else ("any", " or ")
    parts = [condition_words(part) for part in condition[key]]
    return joint.join(f"({p})" if " and " in p or " or " in p else p for p in parts)


def value_words(value: Any) -> str:
    """A literal or a variable, as short as it is exact."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(value_words(v) for v in value)
    if isinstance(value, str):
        return value if is_variable(value) else _cut(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
