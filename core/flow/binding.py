"""Bind: give every slot of a program its value, for one choice of variables.

Whatever depends on values is checked here: numbers in range, names that exist, shares that sum to
one. All problems are reported at once, each at the place of the flow that mentions it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import BadInput, FlowInvalid, Problem
from core.flow.nodes import SYMBOL, VariableValue, is_variable
from core.flow.program import (
    AtMost,
    ColumnSlot,
    Differ,
    Expr,
    Int,
    NumberSlot,
    Program,
    Role,
    Rule,
    SharesSumToOne,
)
from core.flow.variables import merged, variable_value
from core.indicators.columns import ColumnSpec
from core.indicators.registry import find_indicator
from core.market.bars import Float

SHARES_TOLERANCE = 1e-6
MAX_DAYS = 5_000

_RANGES: dict[Role, tuple[float, float, bool]] = {  # lowest, highest, counts whole things
    "value": (-1e300, 1e300, False),
    "from": (-1e300, 1e300, False),
    "to": (-1e300, 1e300, False),
    "share": (0, 1, False),
    "take": (1, 1e9, True),
    "count": (1, 1e9, True),
    "for_days": (1, MAX_DAYS, True),
    "days_ago": (0, MAX_DAYS, True),
}


@dataclass(frozen=True, eq=False)
class Binding:
    """A program with values.

    ``held``     symbols the flow can hold; columns of its weights
    ``symbols``  those, then the ones it only measures
    ``asset``    int32 [assets]: column in ``held``
    ``column``   int32 [slots]: row in ``columns``, or -1 where the slot is a number
    ``value``    float64 [slots]: the number; NaN where it is a column
    """

    program: Program
    values: Mapping[str, VariableValue]
    held: tuple[str, ...]
    symbols: tuple[str, ...]
    asset: Int
    column: Int
    value: Float
    columns: tuple[ColumnSpec, ...]


def bind(
    program: Program, given: Mapping[str, VariableValue] | None = None, field: str = "variables"
) -> Binding:
    """The program with its variables' defaults, or the values ``given`` for some of them.

    Raises UnknownName for a variable the flow does not declare (``field`` names where it was
    given) and FlowInvalid with every value that does not fit its place.
    """
    return _Binder(program, merged(program.variables, given or {}, field)).bind()


class _Binder:
    def __init__(self, program: Program, values: Mapping[str, VariableValue]) -> None:
        self.program = program
        self.values = values
        self.problems: list[Problem] = []
        self.columns: dict[ColumnSpec, int] = {}

    def bind(self) -> Binding:
        known = Resolver(self.program, self.values)
        held: dict[str, int] = {}
        asset = np.zeros(len(self.program.assets), dtype=np.int32)
        for i in range(len(asset)):
            with self._noting():
                asset[i] = held.setdefault(known.asset(i), len(held))
        slots = len(self.program.slots)
        column, value = np.full(slots, -1, dtype=np.int32), np.full(slots, np.nan)
        for i in range(slots):
            with self._noting():
                found = known.slot(i)
                if isinstance(found, ColumnSpec):
                    column[i] = self.columns.setdefault(found, len(self.columns))
                else:
                    value[i] = found
        if not self.problems:
            broken = (broken_rule(rule, value) for rule in self.program.rules)
            self.problems += [problem for problem in broken if problem]
        if self.problems:
            raise FlowInvalid(self.problems, self.program.name)
        measured = {s: None for spec in self.columns for s in spec.symbols if s not in held}
        return Binding(
            program=self.program,
            values=self.values,
            held=tuple(held),
            symbols=(*held, *measured),
            asset=asset,
            column=column,
            value=value,
            columns=tuple(self.columns),
        )

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note what is wrong with one value and go on to the next."""
        try:
            yield
        except BadInput as err:
            self.problems.append(Problem(err.field, err.message, err.fix))


class Resolver:
    """What a program's expressions stand for, under one choice of variables.

    Every method raises BadInput, naming the place in the flow, for a value that does not fit it.
    """

    def __init__(self, program: Program, values: Mapping[str, VariableValue]) -> None:
        self._program = program
        self._values = values

    def asset(self, i: int) -> str:
        """The symbol of asset number i."""
        return self._symbol(self._program.assets[i], self._program.asset_paths[i])

    def slot(self, i: int) -> float | ColumnSpec:
        """What slot number i holds: a number, or a column."""
        slot, path = self._program.slots[i], self._program.slot_paths[i]
        if isinstance(slot, NumberSlot):
            return self._number(slot.value, slot.role, path)
        return self._column(slot, path)

    def _value(self, expr: Expr, path: str) -> Expr:
        return variable_value(self._values, expr, path) if is_variable(expr) else expr

    def _number(self, expr: Expr, role: Role, path: str) -> float:
        number = self._value(expr, path)
        if isinstance(number, str):
            raise BadInput(path, f"{_said(expr, number)} is not a number.", "Give it a number.")
        low, high, whole = _RANGES[role]
        if not low <= number <= high:
            limits = f"at least {low:g}" if high >= 1e9 else f"from {low:g} to {high:g}"
            raise BadInput(path, f"{_said(expr, number)} is out of range.", f"It must be {limits}.")
        if whole and number != int(number):
            raise BadInput(path, f"{_said(expr, number)} is not whole.", "Give a whole number.")
        return float(number)

    def _symbol(self, expr: Expr, path: str) -> str:
        symbol = self._value(expr, path)
        if isinstance(symbol, str) and SYMBOL.fullmatch(symbol):
            return symbol
        message = f"{_said(expr, symbol)} is not a symbol."
        raise BadInput(path, message, "Give it a symbol such as 'SPY'.")

    def _column(self, slot: ColumnSlot, path: str) -> ColumnSpec:
        name = self._value(slot.indicator, f"{path}.indicator")
        if not isinstance(name, str):
            message = f"{_said(slot.indicator, name)} is not an indicator."
            raise BadInput(f"{path}.indicator", message, "Give it a name such as 'rsi'.")
        known = find_indicator(name, f"{path}.indicator")
        given: dict[str, Any] = {
            key: self._value(expr, f"{path}.{key}") for key, expr in slot.arguments
        }
        other = self._other(given, path) if known.pair else None
        if slot.of_flow is not None and not known.works_on_flows:
            reads = ", ".join(known.inputs)
            raise BadInput(
                path,
                f"{name} reads {reads}, and a flow has an equity only.",
                "Use an indicator of the close.",
            )
        subject = slot.of_flow
        return ColumnSpec(
            indicator=name,
            subject=self._symbol(slot.symbol or "", path) if subject is None else subject,
            parameters=tuple(known.bind(given, path).items()),
            other=other,
            days_ago=int(self._number(slot.days_ago, "days_ago", f"{path}.days_ago")),
            times=self._number(slot.times, "value", f"{path}.times"),
            plus=self._number(slot.plus, "value", f"{path}.plus"),
        )

    def _other(self, given: dict[str, Any], path: str) -> str:
        if "other" not in given:
            raise BadInput(f"{path}.other", "a second symbol is missing.", "Add 'other'.")
        return self._symbol(given.pop("other"), f"{path}.other")


def broken_rule(rule: Rule, value: Float) -> Problem | None:
    """What is wrong with the slots' values by ``rule``; None if nothing is."""
    if isinstance(rule, SharesSumToOne):
        total = float(value[list(rule.slots)].sum())
        if abs(total - 1) > SHARES_TOLERANCE:
            return Problem(rule.path, f"the weights sum to {total:.10g}.", "Make them sum to 1.")
    elif isinstance(rule, Differ):
        low, high = value[list(rule.slots)]
        if low == high:
            message = f"from and to are both {low:g}, so there is nothing to blend between."
            return Problem(rule.path, message, "Set them apart or use a gate.")
    elif isinstance(rule, AtMost):
        number = int(value[rule.slot])
        if number > rule.limit or (rule.exact and number != rule.limit):
            wanted = "as many as" if rule.exact else "no more than"
            message = f"{number} of {rule.limit} {rule.what}."
            return Problem(rule.path, message, f"Choose {wanted} there are {rule.what}.")
    return None


def _said(expr: Expr, value: Expr) -> str:
    return f"variable '{str(expr)[1:]}' = {value!r}" if is_variable(expr) else repr(value)
