"""What each part of a program depends on, so that nothing is computed twice in a sweep.

A slot, a condition, a node depends on the axes of the variables in it and below it. Most depend on
one axis or none: of 200,000 runs over four axes, a condition on two of them has a few hundred
versions. This module finds the axes; nothing here knows a price.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.flow import opcodes as op
from core.flow.nodes import is_variable
from core.flow.program import (
    AtMost,
    ColumnSlot,
    Expr,
    NumberSlot,
    Program,
    Rule,
    SharesSumToOne,
    parts_of_condition,
    slots_read,
)
from core.sweep.combinations import Combinations
from core.sweep.grid import Grid


@dataclass(frozen=True, eq=False)
class Plan:
    """A program and a grid, and what depends on what.

    ``slots``, ``assets``, ``conditions``, ``rules``  combinations each depends on
    ``nodes``      combinations everything at and below each node depends on
    """

    program: Program
    grid: Grid
    slots: tuple[Combinations, ...]
    assets: tuple[Combinations, ...]
    conditions: tuple[Combinations, ...]
    rules: tuple[Combinations, ...]
    nodes: tuple[Combinations, ...]

    def conditions_below(self, root: int) -> list[int]:
        """The conditions of every node at and below ``root``, parts before what joins them."""
        found: set[int] = set()
        for node in nodes_below(self.program, root):
            found.update(conditions_of(self.program, node))
        return sorted(with_parts(self.program, found))


def plan_sweep(program: Program, grid: Grid) -> Plan:
    """The plan of running ``program`` over ``grid``."""
    axis_of = {f"${name}": axis for name, axis in grid.axis_of.items()}

    def of(*exprs: Expr) -> set[int]:
        return {axis_of[str(e)] for e in exprs if is_variable(e) and str(e) in axis_of}

    slots = [
        of(slot.value) if isinstance(slot, NumberSlot) else of(*_expressions(slot))
        for slot in program.slots
    ]
    inner: list[set[int]] = []
    conditions: list[set[int]] = []
    nodes: list[set[int]] = []
    # A flow that is measured may itself measure flows: those come before it in ``inner``.
    for number in range(len(program.inner) + 1):
        conditions = _of_conditions(program, slots)
        nodes = _of_nodes(program, slots, conditions, [of(a) for a in program.assets])
        if number < len(program.inner):
            inner.append(nodes[program.inner[number]])
            for i, slot in enumerate(program.slots):
                if isinstance(slot, ColumnSlot) and slot.of_flow == number:
                    slots[i] = slots[i] | inner[number]

    def all_of(parts: list[set[int]]) -> tuple[Combinations, ...]:
        return tuple(Combinations(grid, tuple(sorted(axes))) for axes in parts)

    return Plan(
        program=program,
        grid=grid,
        slots=all_of(slots),
        assets=all_of([of(a) for a in program.assets]),
        conditions=all_of(conditions),
        rules=all_of([_of_rule(rule, slots) for rule in program.rules]),
        nodes=all_of(nodes),
    )


def _expressions(slot: ColumnSlot) -> Iterator[Expr]:
    yield from (slot.indicator, slot.days_ago, slot.times, slot.plus)
    yield from (value for _, value in slot.arguments)
    if slot.symbol is not None:
        yield slot.symbol


def _of_rule(rule: Rule, slots: list[set[int]]) -> set[int]:
    if isinstance(rule, AtMost):
        return slots[rule.slot]
    numbers = rule.slots if isinstance(rule, SharesSumToOne) else tuple(rule.slots)
    return set().union(*(slots[i] for i in numbers))


def _of_conditions(program: Program, slots: list[set[int]]) -> list[set[int]]:
    found: list[set[int]] = []
    for operation, a, b, c in program.code.conditions.tolist():
        if operation <= op.LESS_EQUAL:
            axes = slots[a] | slots[b]
        else:
            parts = parts_of_condition(program.code, operation, a, b)
            axes = set().union(*(found[part] for part in parts)) if parts else set()
            if operation == op.FOR_DAYS:
                axes = axes | slots[b]
            elif operation == op.AT_LEAST:
                axes = axes | slots[c]
        found.append(axes)
    return found


def _of_nodes(
    program: Program, slots: list[set[int]], conditions: list[set[int]], assets: list[set[int]]
) -> list[set[int]]:
    code = program.code
    found: list[set[int]] = [set() for _ in code.kind]
    for node in range(len(code.kind) - 1, -1, -1):  # children have higher numbers
        axes: set[int] = set()
        if code.kind[node] == op.ASSET:
            axes |= assets[code.arg[node, 0]]
        axes = axes.union(*(slots[i] for i in _slots_of(program, node)))
        axes = axes.union(*(conditions[c] for c in conditions_of(program, node)))
        axes = axes.union(*(found[child] for child in children_of(program, node)))
        found[node] = axes
    return found


def _slots_of(program: Program, node: int) -> set[int]:
    """Every slot a node reads: those of its choice, and how many a sort takes and what they get."""
    code, slots = program.code, slots_read(program, node)
    if code.kind[node] == op.SORT:
        arg = code.arg[node]
        slots.add(int(arg[op.SORT_TAKE]))
        if arg[op.SORT_ALLOCATION] == op.ALLOCATE_SPECIFIED:
            shares = len(program.nodes[node].weights)  # type: ignore[attr-defined]
            first = int(arg[op.SORT_SHARES])
            slots.update(code.refs[first : first + shares].tolist())
    return slots


def conditions_of(program: Program, node: int) -> list[int]:
    """The conditions a node itself asks, joined ones as they are."""
    code, arg, kind = program.code, program.code.arg[node], program.code.kind[node]
    if kind == op.GATE:
        return [int(arg[0])]
    if kind == op.SWITCH:
        return [int(c) for c in code.refs[arg[0] : arg[0] + arg[1]]]
    if kind == op.SORT and arg[op.SORT_FILTERS] >= 0:
        first = int(arg[op.SORT_FILTERS])
        return [int(c) for c in code.refs[first : first + code.arity[node]]]
    return []


def with_parts(program: Program, conditions: set[int]) -> set[int]:
    """The conditions, and those they are joined of."""
    found, todo = set(conditions), list(conditions)
    while todo:
        operation, a, b, _ = program.code.conditions[todo.pop()].tolist()
        if operation > op.LESS_EQUAL:
            new = set(parts_of_condition(program.code, operation, a, b)) - found
            found |= new
            todo += new
    return found


def children_of(program: Program, node: int) -> list[int]:
    code = program.code
    return [int(c) for c in code.refs[code.first[node] : code.first[node] + code.arity[node]]]


def nodes_below(program: Program, root: int) -> Iterator[int]:
    """``root`` and every node below it."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo += children_of(program, node)
