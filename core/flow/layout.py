"""Lay out: a flow's tree as a list, breadth first, with references replaced by what they name.

A node's number is smaller than those of its children and of the flows its operands measure, so
that a compiler going backwards finds everything a node refers to finished. Nothing recurses over
nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from core.errors import BadInput, FlowInvalid, Problem, UnknownName
from core.flow import nodes as ast
from core.flow.formats.native import MAX_DEPTH, MAX_NODES
from core.flow.variables import Scope

FindStrategy = Callable[[str], ast.Flow]
"""Returns the library's strategy of that short name; raises UnknownName."""


@dataclass(slots=True)
class Entry:
    """One node of the laid-out tree."""

    node: ast.Node
    path: str
    scope: Scope
    depth: int
    children: list[int] = field(default_factory=list)
    flows: dict[str, int] = field(default_factory=dict)
    """Root node of each flow that an operand of this node measures, by the operand's path."""


def conditions_of(node: ast.Node) -> Iterator[tuple[str, ast.Value]]:
    if isinstance(node, ast.Gate):
        yield "when", node.when
    elif isinstance(node, ast.Latch):
        yield from (("enter", node.enter), ("exit", node.exit))
    elif isinstance(node, ast.Switch):
        yield from ((f"conditions[{i}]", c) for i, c in enumerate(node.conditions))
    elif isinstance(node, ast.Sort):
        yield from ((f"filters[{i}]", c) for i, c in enumerate(node.filters))


def parts_of(condition: ast.Value, path: str) -> Iterator[tuple[str, ast.Value]]:
    """The conditions directly inside a condition, each with its path."""
    if isinstance(condition, ast.AllOf):
        yield from ((f"{path}.all[{i}]", c) for i, c in enumerate(condition.all))
    elif isinstance(condition, ast.AnyOf):
        yield from ((f"{path}.any[{i}]", c) for i, c in enumerate(condition.any))
    elif isinstance(condition, ast.AtLeast):
        yield from ((f"{path}.at_least.of[{i}]", c) for i, c in enumerate(condition.at_least.of))
    elif isinstance(condition, ast.Not):
        yield f"{path}.not", condition.not_


def _operands_in(condition: ast.Value, path: str) -> Iterator[tuple[str, ast.IndicatorOperand]]:
    if isinstance(condition, ast.Comparison):
        for side in ("left", "right"):
            operand = getattr(condition, side)
            if isinstance(operand, ast.IndicatorOperand):
                yield f"{path}.{side}", operand
    for where, part in parts_of(condition, path):
        yield from _operands_in(part, where)


def operands_of(node: ast.Node) -> Iterator[tuple[str, ast.IndicatorOperand]]:
    """Every indicator a node mentions, with its path relative to the node."""
    for path, condition in conditions_of(node):
        yield from _operands_in(condition, path)
    if isinstance(node, ast.Scale) and isinstance(node.indicator, ast.IndicatorOperand):
        yield "indicator", node.indicator
    elif isinstance(node, ast.Sort):
        yield from ((f"by[{i}]", key) for i, key in enumerate(node.by))


def lay_out(flow: ast.Flow, find: FindStrategy | None, problems: list[Problem]) -> list[Entry]:
    """Every node of ``flow`` and of the strategies it refers to, the root first.

    A reference that cannot be followed is noted in ``problems`` and laid out as cash. Raises
    FlowInvalid when following references makes the flow too large.
    """
    entries = [Entry(flow.root, "root", Scope(flow.variables), 1)]

    def below(entry: Entry, path: str, node: ast.Node, scope: Scope) -> int:
        entries.append(Entry(node, path, scope, entry.depth + 1))
        return len(entries) - 1

    for entry in entries:  # grows while it is read
        if len(entries) > MAX_NODES or entry.depth > MAX_DEPTH:
            limit = f"{MAX_NODES:,} nodes or {MAX_DEPTH} levels"
            raise FlowInvalid([Problem("root", f"with its references it has over {limit}.")])
        if isinstance(entry.node, ast.Strategy):
            try:
                found = _follow(entry, entry.node.strategy, find)
            except BadInput as err:
                problems.append(Problem(err.field, err.message, err.fix))
                entry.node = ast.Cash()
            else:
                scope = entry.scope.inside(entry.node.strategy, found.variables)
                entry.children.append(below(entry, f"{entry.path}→root", found.root, scope))
        for key, child in ast.children(entry.node):
            entry.children.append(below(entry, f"{entry.path}.{key}", child, entry.scope))
        for key, operand in operands_of(entry.node):
            if operand.of is not None:
                path = f"{entry.path}.{key}.of"
                entry.flows[key] = below(entry, path, operand.of, entry.scope)
    return entries


def _follow(entry: Entry, name: str, find: FindStrategy | None) -> ast.Flow:
    where = f"{entry.path}.strategy"
    chain = entry.scope.chain
    if name in chain:
        cycle = " → ".join((*chain[chain.index(name) :], name))
        raise BadInput(where, f"strategies refer to each other in a circle: {cycle}.", "Cut it.")
    if find is None:
        raise BadInput(where, f"strategy '{name}' cannot be looked up here.", "Import it first.")
    try:
        return find(name)
    except UnknownName as err:
        raise BadInput(where, err.message, err.fix) from None
