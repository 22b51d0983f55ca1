"""A compiled flow: flat arrays that the walk kernel runs.

Nothing here knows a price or a variable's value. Every literal or variable the flow mentions is a
*slot*; ``binding.bind`` gives the slots their values. One program therefore serves a backtest, a
live decision and every run of a sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from core.flow import nodes as ast
from core.flow import opcodes as op

Int = npt.NDArray[np.int32]
Expr = int | float | str
"""A literal, or a variable of the main flow as ``"$name"``."""

Role = Literal["value", "share", "take", "count", "for_days", "days_ago", "from", "to"]


@dataclass(frozen=True, slots=True)
class NumberSlot:
    """A number the flow mentions, and what it is for."""

    role: Role
    value: Expr


@dataclass(frozen=True, slots=True)
class ColumnSlot:
    """An indicator the flow mentions: of a symbol, or of inner flow number ``of_flow``."""

    indicator: Expr
    symbol: Expr | None
    of_flow: int | None
    arguments: tuple[tuple[str, Expr], ...]
    days_ago: Expr
    times: Expr
    plus: Expr


Slot = NumberSlot | ColumnSlot


@dataclass(frozen=True, slots=True)
class SharesSumToOne:
    """These share slots together make one."""

    slots: tuple[int, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Differ:
    """A scale's from and to differ."""

    slots: tuple[int, int]
    path: str


@dataclass(frozen=True, slots=True)
class AtMost:
    """The slot's value is no more than ``limit``, which counts ``what``; equal to it if exact."""

    slot: int
    limit: int
    what: str
    path: str
    exact: bool = False


Rule = SharesSumToOne | Differ | AtMost


class Code(NamedTuple):
    """What the kernel reads of a program: int32 arrays, the same for every binding.

    ``kind``         [nodes]: opcode
    ``first``        [nodes]: children are refs[first : first + arity]
    ``arity``        [nodes]
    ``arg``          [nodes, N_ARGS]: see opcodes
    ``refs``         flat lists of node, slot and condition numbers
    ``conditions``   [conditions, 4]: operation, a, b, c; operands come before their users
    """

    kind: Int
    first: Int
    arity: Int
    arg: Int
    refs: Int
    conditions: Int


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled flow.

    ``paths``       where each node stands in the flow (``root.then.children[0]``)
    ``inner``       root nodes of the flows that are measured, each after those it depends on
    ``assets``      symbols that can be held, as literals or variables
    ``slot_paths``  where each slot was first mentioned
    """

    name: str
    variables: Mapping[str, ast.VariableValue]
    code: Code
    slots: tuple[Slot, ...]
    slot_paths: tuple[str, ...]
    assets: tuple[Expr, ...]
    asset_paths: tuple[str, ...]
    inner: tuple[int, ...]
    rules: tuple[Rule, ...]
    nodes: tuple[ast.Node, ...] = field(repr=False)
    paths: tuple[str, ...] = field(repr=False)

    @cached_property
    def stage_of_condition(self) -> Int:
        """For each condition, how many inner flows must be known before it can be."""
        slot_stage = [
            s.of_flow + 1 if isinstance(s, ColumnSlot) and s.of_flow is not None else 0
            for s in self.slots
        ]
        stages = np.zeros(len(self.code.conditions), dtype=np.int32)
        for i, (operation, a, b, _) in enumerate(self.code.conditions.tolist()):
            if operation <= op.LESS_EQUAL:
                stages[i] = max(slot_stage[a], slot_stage[b])
            else:
                parts = parts_of_condition(self.code, operation, a, b)
                stages[i] = stages[parts].max() if parts else 0
        return stages

    @cached_property
    def parents(self) -> Int:
        """The node above each node; -1 above the root and above flows that are only measured."""
        code = self.code
        above = np.full(len(code.kind), -1, dtype=np.int32)
        for node, (first, arity) in enumerate(zip(code.first, code.arity, strict=True)):
            above[code.refs[first : first + arity]] = node
        return above

    @cached_property
    def reading_order(self) -> tuple[int, ...]:
        """The nodes of the main flow as one reads them: each before what is below it."""
        code, order, stack = self.code, [], [0]
        while stack:
            node = stack.pop()
            order.append(node)
            first, arity = code.first[node], code.arity[node]
            stack += code.refs[first : first + arity].tolist()[::-1]
        return tuple(order)


def expressions(program: Program) -> Iterator[Expr]:
    """Every literal and variable the program's values come from."""
    yield from program.assets
    for slot in program.slots:
        if isinstance(slot, NumberSlot):
            yield slot.value
        else:
            yield from (slot.indicator, slot.days_ago, slot.times, slot.plus)
            yield from (value for _, value in slot.arguments)
            if slot.symbol is not None:
                yield slot.symbol


def slots_read(program: Program, node: int) -> set[int]:
    """The slots a node's own choice depends on, those of its conditions included."""
    code = program.code
    kind, arg, arity = int(code.kind[node]), code.arg[node].tolist(), int(code.arity[node])
    slots: set[int] = set()
    conditions: list[int] = []
    if kind == op.GATE:
        conditions = [arg[0]]
    elif kind == op.SWITCH:
        conditions = code.refs[arg[0] : arg[0] + arg[1]].tolist()
    elif kind == op.SCALE:
        slots.update(arg[:3])
    elif kind in (op.SPECIFIED, op.INVERSE_VOLATILITY):
        slots.update(code.refs[arg[0] : arg[0] + arity].tolist())
    elif kind == op.SORT:
        keys, n_keys = arg[op.SORT_KEYS], arg[op.SORT_N_KEYS]
        slots.update(code.refs[keys : keys + n_keys * arity].tolist())
        if arg[op.SORT_ALLOCATION] == op.ALLOCATE_INVERSE_VOLATILITY:
            slots.update(code.refs[arg[op.SORT_SHARES] : arg[op.SORT_SHARES] + arity].tolist())
        if arg[op.SORT_FILTERS] >= 0:
            conditions = code.refs[arg[op.SORT_FILTERS] : arg[op.SORT_FILTERS] + arity].tolist()
    while conditions:
        operation, a, b, _ = code.conditions[conditions.pop()].tolist()
        if operation <= op.LESS_EQUAL:
            slots.update((a, b))
        else:
            conditions += parts_of_condition(code, operation, a, b)
    return slots


def parts_of_condition(code: Code, operation: int, a: int, b: int) -> list[int]:
    """The conditions a joined condition is made of."""
    if operation in (op.FOR_DAYS, op.NOT):
        return [a]
    if operation == op.LATCH:
        return [a, b]
    if operation in (op.ALL_OF, op.ANY_OF, op.AT_LEAST):
        return [int(part) for part in code.refs[a : a + b]]
    return []
