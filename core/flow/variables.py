"""Variables: names a flow gives to values, and what ``$name`` means where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import BadInput, UnknownName
from core.flow.nodes import VARIABLE_NAME, VariableValue, is_variable

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
