"""Variables: names a flow gives to values, and what ``$name`` means where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput, UnknownName
from core.flow.nodes import VARIABLE_NAME, Flow, Node, Value, VariableValue, is_variable

Expr = int | float | str


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables visible at some place of a flow.

    In the flow itself a variable stays a variable, for a binding to fill in. Inside a strategy it
    refers to, ``$name`` means that strategy's own default at once. ``chain`` names the references
    passed through, outermost first.
    """

    values: Mapping[str, VariableValue]
    chain: tuple[str, ...] = ()

    def lookup(self, value: Expr, path: str) -> Expr:
        """``value`` as the compiled program holds it; UnknownName if a reference lacks it."""
        if not is_variable(value) or not self.chain:
            return value
        return variable_value(self.values, value, path)

    def inside(self, strategy: str, values: Mapping[str, VariableValue]) -> Scope:
        """The scope inside a reference to ``strategy``."""
        return Scope(values, (*self.chain, strategy))


def variable_value(values: Mapping[str, VariableValue], variable: Expr, path: str) -> Expr:
    """What ``"$name"`` stands for; UnknownName, at ``path``, if nothing declares it."""
    name = str(variable)[1:]
    if name not in values:
        raise UnknownName(path, "variable", name, values)
    return values[name]


def parse_setting(text: str) -> tuple[str, VariableValue]:
    """``name=value`` as written on a command line; the value is a number where it reads as one."""
    name, equals, value = text.partition("=")
    if not equals or not VARIABLE_NAME.fullmatch(name) or not value:
        raise BadInput("--set", f"{text!r} is not of the form name=value.", "Write e.g. window=14.")
    return name, parse_value(value)


def parse_value(text: str) -> VariableValue:
    """A whole number, a number, or else the text itself (a symbol, an indicator's name)."""
    for read in (int, float):
        try:
            number = read(text)
        except ValueError:
            continue
        return number if abs(number) < 1e300 else text
    return text


def merged(
    defaults: Mapping[str, VariableValue], given: Mapping[str, VariableValue], field: str
) -> dict[str, VariableValue]:
    """``defaults`` with the values ``given`` instead; UnknownName for one not declared."""
    for name in given:
        if name not in defaults:
            raise UnknownName(field, "variable", name, defaults)
    return {**defaults, **given}


# -- in a whole flow -----------------------------------------------------------------------------

_FREE_TEXT = frozenset({"name", "note", "description"})


def used_variables(flow: Flow) -> set[str]:
    """Names of the variables a flow mentions, whether it declares them or not."""
    found: set[str] = set()
    if isinstance(flow.benchmark, str) and is_variable(flow.benchmark):
        found.add(flow.benchmark[1:])
    below: list[Any] = [flow.root]
    while below:
        value = below.pop()
        if isinstance(value, Value):
            text = _FREE_TEXT if isinstance(value, Node) else ()
            fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
            below += (content for key, content in fields.items() if key not in text)
        elif isinstance(value, tuple):
            below += value
        elif is_variable(value):
            found.add(value[1:])
    return found


def free_variables(flow: Flow) -> set[str]:
    """Names of those it mentions and does not declare: they mean the library's."""
    return used_variables(flow) - flow.variables.keys()


def rename_variable(document: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """A flow's JSON with ``$new`` wherever it has ``$old``; what it declares stays."""
    renamed = deepcopy(dict(document))
    if renamed.get("benchmark") == f"${old}":
        renamed["benchmark"] = f"${new}"
    below: list[Any] = [renamed["root"]]
    while below:
        container = below.pop()
        is_node = isinstance(container, dict) and "kind" in container
        text = _FREE_TEXT if is_node else ()
        pairs = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(pairs):
            if isinstance(value, dict | list):
                below.append(value)
            elif value == f"${old}" and key not in text:
                container[key] = f"${new}"
    return renamed
