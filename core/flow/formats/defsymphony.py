"""Composer's definition text, ``(defsymphony "name" {...} (weight-equal [...]))``, as a score.

The score is the tree that Composer's other files hold (``composer.py`` maps it); each node keeps
its line. Reading does not recurse over nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import BadInput
from core.flow.formats.edn import Form, Map, Number, Word

_FUNCTIONS = {  # where the text form has another word than the score
    "rsi": "relative-strength-index",
    "stdev-return": "standard-deviation-return",
    "stdev-price": "standard-deviation-price",
}
_COMPARATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq"}
_SELECT = {"select-top": "top", "select-bottom": "bottom"}


def score_of(text: Form, name: str) -> Map:
    """The score of a whole definition; BadInput, with the line, for a form that makes no sense."""
    if len(text) != 4 or not isinstance(text[1], str) or not isinstance(text[2], Map):
        raise _broken(name, text, 'expected (defsymphony "name" {settings} tree)')
    settings: Map = text[2]
    root = _node(settings, step="root", name=str(text[1]), children=[])
    root.line = text.line
    for key, value in settings.items():
        if key == "rebalance-frequency":
            root["rebalance"] = value
        elif key == "rebalance-threshold":
            root |= {"rebalance": "none", "rebalance-corridor-width": value}
        else:
            root[key.replace("asset-class", "asset_class")] = value
    waiting: list[tuple[Map, Any]] = [(root, text[3])]
    while waiting:
        parent, form = waiting.pop()
        node, below = _read(form, name)
        parent["children"].append(node)
        waiting += reversed([(owner, child) for owner, child in below])
    return root


def _read(form: Any, name: str) -> tuple[Map, list[tuple[Map, Any]]]:
    """One node without its children, and the forms that become children, each with its owner."""
    if not isinstance(form, Form) or form.vector or not form or not isinstance(form[0], Word):
        raise _broken(name, form, "expected a node such as (weight-equal [...])")
    word = str(form[0])
    if word == "weight-equal" and len(form) == 2:
        node = _node(form, step="wt-cash-equal", children=[])
    elif word == "weight-specified":
        return _specified(form, name)
    elif word == "weight-inverse-volatility" and len(form) == 3:
        node = _node(form, step="wt-inverse-vol", children=[])
        node["window-days"] = form[1]
    elif word == "weight-market-cap" and len(form) == 2:
        node = _node(form, step="wt-marketcap", children=[])
    elif word == "group" and len(form) == 3:
        node = _node(form, step="group", name=form[1], children=[])
    elif word == "asset" and len(form) in (2, 3):
        return _node(form, step="asset", ticker=form[1], name=(*form, "")[2]), []
    elif word == "if" and len(form) in (3, 4):
        return _if(form, name)
    elif word == "filter" and len(form) == 4:
        node = _filter(form, name)
    else:  # what it is or should be is for the report to say
        return _node(form, step=word, children=[]), []
    return node, [(node, child) for child in _items(form[-1], form, name)]


def _specified(form: Form, name: str) -> tuple[Map, list[tuple[Map, Any]]]:
    node = _node(form, step="wt-cash-specified", children=[])
    parts = form[1:]
    if not parts or len(parts) % 2:
        raise _broken(name, form, "expected weight, node, weight, node, …")
    node.shares = parts[::2]
    return node, [(node, child) for child in parts[1::2]]


def _if(form: Form, name: str) -> tuple[Map, list[tuple[Map, Any]]]:
    node = _node(form, step="if", children=[])
    then = _node(form, step="if-child", children=[])
    then |= {"is-else-condition?": False, "condition": _condition(form[1], form, name, 0)}
    other = _node(form, step="if-child", children=[])
    other["is-else-condition?"] = True
    node["children"] = [then, other]
    below = [(then, child) for child in _items(form[2], form, name)]
    if len(form) == 4:
        below += [(other, child) for child in _items(form[3], form, name)]
    return node, below


def _filter(form: Form, name: str) -> Map:
    node = _node(form, step="filter", children=[])
    by, select = form[1], form[2]
    if not isinstance(select, Form) or len(select) != 2 or select[0] not in _SELECT:
        raise _broken(name, form, "expected (select-top n) or (select-bottom n)")
    fn, arguments = _function(by, form, name)
    window = arguments[0] if arguments else {}
    node["sort-by-fn"] = fn
    node["sort-by-fn-params"] = window if isinstance(window, Map) else {"window": window}
    node |= {"select-fn": _SELECT[select[0]], "select-n": select[1]}
    return node


def _condition(form: Any, inside: Form, name: str, depth: int) -> dict[str, Any]:
    if depth > 50 or not isinstance(form, Form) or not form:
        raise _broken(name, form if isinstance(form, Form) else inside, "expected a condition")
    word = str(form[0])
    if word in ("and", "or") and len(form) > 1:
        return {
            "condition-type": "compound",
            "operator": "all" if word == "and" else "any",
            "conditions": [_condition(part, form, name, depth + 1) for part in form[1:]],
        }
    if len(form) != 3:
        return {"condition-type": word}
    return {
        "condition-type": "binary",
        "comparator": _COMPARATORS.get(word, word),
        "lhs": _operand(form[1], form, name),
        "rhs": _operand(form[2], form, name),
    }


def _operand(form: Any, inside: Form, name: str) -> dict[str, Any]:
    if isinstance(form, Number):
        return {"constant": form}
    fn, arguments = _function(form, inside, name)
    if not arguments:
        raise _broken(name, inside, f"({fn} …) names no ticker")
    given = arguments[1] if len(arguments) > 1 else {}
    params = given if isinstance(given, Map) else {"window": given}
    return {"fn": fn, "ticker": arguments[0], "params": params}


def _function(form: Any, inside: Form, name: str) -> tuple[str, list[Any]]:
    """A function's name in the score and what follows it."""
    if not isinstance(form, Form) or not form or len(form) > 3:
        raise _broken(name, inside, "expected a function such as (rsi …)")
    word = form[0]
    if isinstance(word, Form) and len(word) == 2 and word[0] == "unimplemented":
        word = word[1]  # what the text form has no name for
    if not isinstance(word, Word):
        raise _broken(name, inside, "expected a function such as (rsi …)")
    return _FUNCTIONS.get(word, str(word)), list(form[1:])


def _items(form: Any, inside: Form, name: str) -> Iterator[Any]:
    if not isinstance(form, Form) or not form.vector:
        raise _broken(name, inside, "expected nodes in [brackets]")
    return iter(form)


def _node(form: Form | Map, **fields: Any) -> Map:
    node = Map(fields)
    node.line = form.line
    return node


def _broken(name: str, form: Any, what: str) -> BadInput:
    line = getattr(form, "line", None)
    where = f" at line {line}" if line else ""
    return BadInput(name, f"{what}{where}.", "Copy the definition from Composer again.")
