"""Compile: a flow becomes a Program.

The laid-out tree is gone through backwards, children before parents. Equal slots, conditions and
measured flows are made once, however often a flow repeats them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.errors import FlowInvalid, Problem, UnknownName
from core.flow import nodes as ast
from core.flow import opcodes as op
from core.flow.layout import Entry, FindStrategy, conditions_of, lay_out, parts_of
from core.flow.program import (
    AtMost,
    Code,
    ColumnSlot,
    Differ,
    Expr,
    NumberSlot,
    Program,
    Role,
    Rule,
    SharesSumToOne,
    Slot,
)


def compile_flow(flow: ast.Flow, find: FindStrategy | None = None) -> Program:
    """The program of ``flow``; ``find`` looks up the strategies it refers to.

    A reference is compiled in place with its own variables' defaults; its own schedule, costs and
    benchmark do not apply inside another flow.

    Raises FlowInvalid with every structural problem. What depends on the values of variables is
    checked by ``binding.bind``.
    """
    program, problems = compile_with_problems(flow, find)
    if problems:
        raise FlowInvalid(problems, flow.name)
    return program


def compile_with_problems(
    flow: ast.Flow, find: FindStrategy | None = None
) -> tuple[Program, list[Problem]]:
    """The program, which must not run if there are problems, and the problems."""
    problems: list[Problem] = []
    entries = lay_out(flow, find, problems)
    compiler = _Compiler(entries, problems)
    return compiler.program(flow), problems


class _Item(NamedTuple):
    """What an operand without a subject of its own measures: a symbol or an inner flow."""

    symbol: Expr | None
    of_flow: int | None


_COMPARISONS = {">": op.GREATER, ">=": op.GREATER_EQUAL, "<": op.LESS, "<=": op.LESS_EQUAL}
_ALLOCATIONS = {
    "equal": op.ALLOCATE_EQUAL,
    "rank": op.ALLOCATE_RANK,
    "specified": op.ALLOCATE_SPECIFIED,
    "inverse_volatility": op.ALLOCATE_INVERSE_VOLATILITY,
}


class _Compiler:
    def __init__(self, entries: Sequence[Entry], problems: list[Problem]) -> None:
        self.entries = entries
        self.problems = problems
        self.slots: dict[Slot, int] = {}
        self.slot_paths: list[str] = []
        self.assets: dict[Expr, int] = {}
        self.asset_paths: list[str] = []
        self.conditions: dict[tuple[int, ...], int] = {}
        self.refs: list[int] = []
        self.lists: dict[tuple[int, ...], int] = {}
        self.rules: dict[Rule, None] = {}
        self.inner: dict[int, int] = {}  # shape of the flow -> its number
        self.inner_roots: list[int] = []
        self.shapes: dict[tuple[object, ...], int] = {}
        self.shape: dict[int, int] = {}  # node -> shape; equal shapes always decide alike
        self.rows: dict[int, tuple[int, tuple[int, ...]]] = {}  # node -> opcode, args
        for entry in entries:  # in reading order: the columns of the weights
            if isinstance(entry.node, ast.Asset):
                self._asset(entry, entry.node)
        for number in range(len(entries) - 1, -1, -1):
            entry = entries[number]
            kind, args = self._row(entry)
            self.rows[number] = kind, args
            below = tuple(self.shape[c] for c in entry.children)
            if kind == op.PASS:
                self.shape[number] = below[0]
            else:
                self.shape[number] = self.shapes.setdefault((kind, args, below), len(self.shapes))

    def _row(self, entry: Entry) -> tuple[int, tuple[int, ...]]:
        node = entry.node
        if isinstance(node, ast.Asset):
            return op.ASSET, (self._asset(entry, node),)
        if isinstance(node, ast.Cash):
            return op.CASH, ()
        if isinstance(node, ast.Weight):
            return self._weight(entry, node)
        if isinstance(node, ast.Gate):
            return op.GATE, (self._condition(entry, "when", node.when),)
        if isinstance(node, ast.Latch):
            enter = self._condition(entry, "enter", node.enter)
            leave = self._condition(entry, "exit", node.exit)
            return op.GATE, (self._add_condition(op.LATCH, enter, leave),)
        if isinstance(node, ast.Switch):
            return self._switch(entry, node)
        if isinstance(node, ast.Scale):
            return self._scale(entry, node)
        if isinstance(node, ast.Sort):
            return self._sort(entry, node)
        return op.PASS, ()  # groups and references

    def _asset(self, entry: Entry, node: ast.Asset) -> int:
        symbol = self._expr(entry, "symbol", node.symbol)
        if symbol not in self.assets:
            self.asset_paths.append(f"{entry.path}.symbol")
        return self.assets.setdefault(symbol, len(self.assets))

    def _weight(self, entry: Entry, node: ast.Weight) -> tuple[int, tuple[int, ...]]:
        self._only_for(entry, "weights", node.weights, node.scheme, "specified")
        self._only_for(entry, "window", node.window, node.scheme, "inverse_volatility")
        if node.scheme == "equal":
            return op.EQUAL, ()
        if node.scheme == "rank":
            return op.RANKED, ()
        if node.scheme == "specified":
            weights = node.weights or ()
            if len(weights) != len(node.children):
                self._problem(
                    f"{entry.path}.weights",
                    f"{len(weights)} weights for {len(node.children)} children.",
                    "Give each child one weight.",
                )
            return op.SPECIFIED, (self._shares(entry, weights),)
        volatilities = [
            self._volatility(entry, node.window, self._subject(child)) for child in entry.children
        ]
        return op.INVERSE_VOLATILITY, (self._list(volatilities),)

    def _switch(self, entry: Entry, node: ast.Switch) -> tuple[int, tuple[int, ...]]:
        if len(node.cases) != len(node.conditions) + 1:
            self._problem(
                f"{entry.path}.cases",
                f"{len(node.cases)} cases for {len(node.conditions)} conditions.",
                "Give one case more than conditions: cases[k] is for k of them being true.",
            )
        conditions = [self._condition(entry, key, c) for key, c in conditions_of(node)]
        return op.SWITCH, (self._list(conditions), len(conditions))

    def _scale(self, entry: Entry, node: ast.Scale) -> tuple[int, tuple[int, ...]]:
        measured = self._operand(entry, "indicator", node.indicator)
        low = self._number(entry, "from", node.from_, "from")
        high = self._number(entry, "to", node.to, "to")
        self.rules[Differ((low, high), entry.path)] = None
        return op.SCALE, (measured, low, high)

    def _sort(self, entry: Entry, node: ast.Sort) -> tuple[int, tuple[int, ...]]:
        self._only_for(entry, "weights", node.weights, node.allocation, "specified")
        self._only_for(entry, "window", node.window, node.allocation, "inverse_volatility")
        if len(node.orders) != len(node.by):
            self._problem(
                f"{entry.path}.order",
                f"{len(node.orders)} orders for {len(node.by)} keys.",
                "Give one order for all keys or one for each.",
            )
        items = [self._subject(child) for child in entry.children]
        keys = [
            self._operand(entry, f"by[{k}]", key, item)
            for item in items
            for k, key in enumerate(node.by)
        ]
        take = self._number(entry, "take", node.take, "take")
        self.rules[AtMost(take, len(items), "items", f"{entry.path}.take")] = None
        ascending = sum(1 << k for k, order in enumerate(node.orders) if order == "asc")
        filters = -1
        if node.filters:
            filters = self._list([self._passes(entry, node, item) for item in items])
        shares = -1
        if node.allocation == "specified":
            weights = node.weights or ()
            rule = AtMost(take, len(weights), "weights", f"{entry.path}.take", exact=True)
            self.rules[rule] = None
            shares = self._shares(entry, weights)
        elif node.allocation == "inverse_volatility":
            shares = self._list([self._volatility(entry, node.window, item) for item in items])
        allocation = _ALLOCATIONS[node.allocation]
        keys_at = self._list(keys)
        return op.SORT, (keys_at, len(node.by), ascending, take, allocation, shares, filters)

    def _passes(self, entry: Entry, node: ast.Sort, item: _Item) -> int:
        filters = [self._condition(entry, key, c, item) for key, c in conditions_of(node)]
        return filters[0] if len(filters) == 1 else self._joined(op.ALL_OF, filters)

    # what an item, an inverse volatility or an operand measures

    def _subject(self, number: int) -> _Item:
        """A node as something to measure: a symbol if it is an asset, else its simulated equity."""
        while self.rows[number][0] == op.PASS:
            number = self.entries[number].children[0]
        entry = self.entries[number]
        if isinstance(entry.node, ast.Asset):
            return _Item(self._expr(entry, "symbol", entry.node.symbol), None)
        shape = self.shape[number]
        if shape not in self.inner:
            self.inner[shape] = len(self.inner_roots)
            self.inner_roots.append(number)
        return _Item(None, self.inner[shape])

    def _operand(
        self, entry: Entry, key: str, operand: ast.Operand, item: _Item | None = None
    ) -> int:
        if not isinstance(operand, ast.IndicatorOperand):
            return self._number(entry, key, operand, "value")
        if operand.symbol is not None and operand.of is not None:
            self._problem(f"{entry.path}.{key}", "it has both 'symbol' and 'of'.", "Keep one.")
        if operand.symbol is not None:
            subject = _Item(self._expr(entry, f"{key}.symbol", operand.symbol), None)
        elif operand.of is not None:
            subject = self._subject(entry.flows[key])
        elif item is not None:
            subject = item
        else:
            self._problem(f"{entry.path}.{key}", "nothing to measure.", "Add 'symbol' or 'of'.")
            return 0
        arguments = tuple(
            (name, self._expr(entry, f"{key}.{name}", value))
            for name, value in sorted(operand.arguments.items())
        )
        return self._slot(
            ColumnSlot(
                self._expr(entry, f"{key}.indicator", operand.indicator),
                subject.symbol,
                subject.of_flow,
                arguments,
                self._expr(entry, f"{key}.days_ago", operand.days_ago),
                self._expr(entry, f"{key}.times", operand.times),
                self._expr(entry, f"{key}.plus", operand.plus),
            ),
            f"{entry.path}.{key}",
        )

    def _volatility(self, entry: Entry, window: ast.Number | None, item: _Item) -> int:
        if window is None:
            self._problem(f"{entry.path}.window", "inverse volatility needs a window.", "Add it.")
            return 0
        arguments = (("window", self._expr(entry, "window", window)),)
        slot = ColumnSlot("std_return", item.symbol, item.of_flow, arguments, 0, 1, 0)
        return self._slot(slot, entry.path)

    # conditions

    def _condition(
        self, entry: Entry, key: str, condition: ast.Value, item: _Item | None = None
    ) -> int:
        if isinstance(condition, ast.Comparison):
            left = self._operand(entry, f"{key}.left", condition.left, item)
            right = self._operand(entry, f"{key}.right", condition.right, item)
            compared = self._add_condition(_COMPARISONS[condition.op], left, right)
            if condition.for_days is None:
                return compared
            days = self._number(entry, f"{key}.for_days", condition.for_days, "for_days")
            return self._add_condition(op.FOR_DAYS, compared, days)
        if isinstance(condition, ast.Month):
            return self._add_condition(op.MONTH, sum(1 << (m - 1) for m in set(condition.month)))
        parts = [
            self._condition(entry, where, part, item) for where, part in parts_of(condition, key)
        ]
        if isinstance(condition, ast.Not):
            return self._add_condition(op.NOT, parts[0])
        if isinstance(condition, ast.AtLeast):
            where = f"{key}.at_least.count"
            count = self._number(entry, where, condition.at_least.count, "count")
            self.rules[AtMost(count, len(parts), "conditions", f"{entry.path}.{where}")] = None
            return self._add_condition(op.AT_LEAST, self._list(parts), len(parts), count)
        return self._joined(op.ALL_OF if isinstance(condition, ast.AllOf) else op.ANY_OF, parts)

    def _joined(self, operation: int, parts: list[int]) -> int:
        return self._add_condition(operation, self._list(parts), len(parts))

    def _add_condition(self, operation: int, a: int, b: int = 0, c: int = 0) -> int:
        return self.conditions.setdefault((operation, a, b, c), len(self.conditions))

    # slots

    def _number(self, entry: Entry, key: str, value: ast.Number, role: Role) -> int:
        return self._slot(NumberSlot(role, self._expr(entry, key, value)), f"{entry.path}.{key}")

    def _shares(self, entry: Entry, weights: tuple[ast.Number, ...]) -> int:
        shares = [self._number(entry, f"weights[{i}]", w, "share") for i, w in enumerate(weights)]
        if shares:
            self.rules[SharesSumToOne(tuple(shares), f"{entry.path}.weights")] = None
        return self._list(shares)

    def _slot(self, slot: Slot, path: str) -> int:
        if slot not in self.slots:
            self.slot_paths.append(path)
        return self.slots.setdefault(slot, len(self.slots))

    def _expr(self, entry: Entry, key: str, value: Expr) -> Expr:
        """A literal or a variable of the main flow; those of references are resolved."""
        try:
            return entry.scope.lookup(value, f"{entry.path}.{key}")
        except UnknownName as err:
            self._problem(err.field, err.message, err.fix)
            return value

    def _list(self, numbers: list[int]) -> int:
        """Where in ``refs`` this list stands; equal lists stand once."""
        key = tuple(numbers)
        if key not in self.lists:
            self.lists[key] = len(self.refs)
            self.refs += numbers
        return self.lists[key]

    # results

    def _only_for(self, entry: Entry, key: str, value: object, choice: str, wanted: str) -> None:
        if value is not None and choice != wanted:
            self._problem(
                f"{entry.path}.{key}", f"it has no meaning with '{choice}'.", "Remove it."
            )

    def _problem(self, path: str, message: str, fix: str) -> None:
        self.problems.append(Problem(path, message, fix))

    def program(self, flow: ast.Flow) -> Program:
        n = len(self.entries)
        arg = np.full((n, op.N_ARGS), -1, dtype=np.int32)
        first = np.zeros(n, dtype=np.int32)
        for i in range(n):
            args = self.rows[i][1]
            arg[i, : len(args)] = args
            first[i] = self._list(self.entries[i].children)
        conditions = np.array(list(self.conditions), dtype=np.int32).reshape(-1, 4)
        code = Code(
            kind=np.array([self.rows[i][0] for i in range(n)], dtype=np.int32),
            first=first,
            arity=np.array([len(e.children) for e in self.entries], dtype=np.int32),
            arg=arg,
            refs=np.array(self.refs, dtype=np.int32),
            conditions=conditions,
        )
        return Program(
            name=flow.name,
            variables=dict(flow.variables),
            code=code,
            slots=tuple(self.slots),
            slot_paths=tuple(self.slot_paths),
            assets=tuple(self.assets),
            asset_paths=tuple(self.asset_paths),
            inner=tuple(self.inner_roots),
            rules=tuple(self.rules),
            nodes=tuple(e.node for e in self.entries),
            paths=tuple(e.path for e in self.entries),
        )
