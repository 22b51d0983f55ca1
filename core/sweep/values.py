"""The values a plan's slots and assets take, one for each combination they depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.errors import BadInput, FlowInvalid, Problem
from core.flow.binding import Resolver, broken_rule
from core.flow.nodes import VariableValue
from core.flow.program import ColumnSlot
from core.indicators.columns import ColumnSpec
from core.market.bars import Float
from core.sweep.combinations import Combinations
from core.sweep.grid import Digits
from core.sweep.plan import Plan

Found = TypeVar("Found")
ColumnKey = tuple[ColumnSpec, int]
"""A column, and the combination of the inner flow it measures (0 for a symbol's)."""


@dataclass(eq=False)
class Reasons:
    """Why runs cannot be: sentences, and the combinations that each is true of."""

    texts: list[str] = field(default_factory=list)
    _parts: list[tuple[Combinations, npt.NDArray[np.int16]]] = field(default_factory=list)

    def add(self, part: Combinations, failed: Mapping[int, str]) -> None:
        """Note what is wrong with some combinations of a part; what is noted first stays."""
        known = [reason for other, reason in self._parts if other is part]
        reason = known[0] if known else np.zeros(part.count, dtype=np.int16)
        for number, text in failed.items():
            if reason[number]:
                continue
            if text not in self.texts:
                self.texts.append(text)
            reason[number] = self.texts.index(text) + 1
        if failed and not known:
            self._parts.append((part, reason))

    def of(self, digits: Digits) -> npt.NDArray[np.int16]:
        """For each point 1 + the number of the first text that is true of it; 0 if none is."""
        found = np.zeros(len(digits), dtype=np.int16)
        for part, reason in self._parts:
            here = reason[part.numbers(digits)]
            found = np.where(found == 0, here, found)
        return found


@dataclass(frozen=True, eq=False)
class Values:
    """What every slot and asset holds in each of its combinations.

    ``asset``   for each asset, int32 [combinations]: column in ``held``; 0 where it failed
    ``column``  for each slot, int32 [combinations]: row in ``columns``, or -1
    ``value``   for each slot, float64 [combinations]: the number where there is no column
    """

    plan: Plan
    held: tuple[str, ...]
    asset: tuple[npt.NDArray[np.int32], ...]
    columns: tuple[ColumnKey, ...]
    column: tuple[npt.NDArray[np.int32], ...]
    value: tuple[Float, ...]
    reasons: Reasons

    def rows(self, digits: Digits) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Float]:
        """Binding rows of points: asset [n, assets], column and value [n, slots]."""
        plan, n = self.plan, len(digits)
        asset = np.empty((n, len(self.asset)), dtype=np.int32)
        for i, part in enumerate(plan.assets):
            asset[:, i] = self.asset[i][part.numbers(digits)]
        column = np.empty((n, len(self.column)), dtype=np.int32)
        value = np.empty((n, len(self.value)))
        for i, part in enumerate(plan.slots):
            numbers = part.numbers(digits)
            column[:, i], value[:, i] = self.column[i][numbers], self.value[i][numbers]
        return asset, column, value


def resolve(plan: Plan, given: Mapping[str, VariableValue]) -> Values:
    """Every value of the plan; ``given`` has those of the variables that are not swept.

    Raises FlowInvalid for what is wrong whatever the swept variables are.
    """
    return _Resolution(plan, given).values()


class _Resolution:
    def __init__(self, plan: Plan, given: Mapping[str, VariableValue]) -> None:
        self.plan = plan
        self.given = given
        self.reasons = Reasons()
        self.problems: list[Problem] = []
        self.held: dict[str, int] = {}
        self.columns: dict[ColumnKey, int] = {}

    def values(self) -> Values:
        asset = [self._asset(i) for i in range(len(self.plan.assets))]
        slots = [self._slot(i) for i in range(len(self.plan.slots))]
        self._rules(slots)
        if self.problems:
            raise FlowInvalid(self.problems, self.plan.program.name)
        return Values(
            plan=self.plan,
            held=tuple(self.held),
            asset=tuple(asset),
            columns=tuple(self.columns),
            column=tuple(column for column, _ in slots),
            value=tuple(value for _, value in slots),
            reasons=self.reasons,
        )

    def _each(self, part: Combinations, read: Callable[[Resolver], Found]) -> dict[int, Found]:
        """What ``read`` finds in each combination; those that fail are noted and left out."""
        found: dict[int, Found] = {}
        failed: dict[int, str] = {}
        for number, values in enumerate(part.values()):
            try:
                found[number] = read(Resolver(self.plan.program, {**self.given, **values}))
            except BadInput as err:
                if not part.axes:
                    self.problems.append(Problem(err.field, err.message, err.fix))
                failed[number] = str(err)
        self.reasons.add(part, failed)
        return found

    def _asset(self, i: int) -> npt.NDArray[np.int32]:
        part = self.plan.assets[i]
        column = np.zeros(part.count, dtype=np.int32)
        for number, symbol in self._each(part, lambda known: known.asset(i)).items():
            column[number] = self.held.setdefault(symbol, len(self.held))
        return column

    def _slot(self, i: int) -> tuple[npt.NDArray[np.int32], Float]:
        part, slot = self.plan.slots[i], self.plan.program.slots[i]
        column = np.full(part.count, -1, dtype=np.int32)
        value = np.full(part.count, np.nan)
        measured = np.zeros(part.count, dtype=np.int64)
        if isinstance(slot, ColumnSlot) and slot.of_flow is not None:
            root = self.plan.program.inner[slot.of_flow]
            measured = self.plan.nodes[root].numbers(part.digits(np.arange(part.count)))
        for number, found in self._each(part, lambda known: known.slot(i)).items():
            if isinstance(found, ColumnSpec):
                key = found, int(measured[number])
                column[number] = self.columns.setdefault(key, len(self.columns))
            else:
                value[number] = found
        return column, value

    def _rules(self, slots: list[tuple[npt.NDArray[np.int32], Float]]) -> None:
        """Check the rules between slots, combination by combination."""
        values = np.full(len(slots), np.nan)
        for rule, part in zip(self.plan.program.rules, self.plan.rules, strict=True):
            failed: dict[int, str] = {}
            for number in range(part.count):
                digits = part.digits(np.array([number]))
                for i, slot in enumerate(self.plan.slots):
                    if set(slot.axes) <= set(part.axes):
                        values[i] = slots[i][1][slot.numbers(digits)[0]]
                problem = broken_rule(rule, values) if not np.isnan(_read(rule, values)) else None
                if problem is not None and not part.axes:
                    self.problems.append(problem)
                if problem is not None:
                    failed[number] = str(problem)
            self.reasons.add(part, failed)


def _read(rule: object, values: Float) -> float:
    """A number that is NaN if one of the rule's slots failed already."""
    numbers = getattr(rule, "slots", None) or (rule.slot,)  # type: ignore[attr-defined]
    return float(values[list(numbers)].sum())
