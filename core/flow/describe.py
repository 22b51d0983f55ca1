"""Sentences: what a node, a condition or a number of a bound program says in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.flow import nodes as ast
from core.flow import opcodes as op
from core.flow.binding import Binding
from core.flow.nodes import is_variable
from core.flow.program import NumberSlot
from core.indicators.columns import ColumnSpec

SIGNS = {op.GREATER: ">", op.GREATER_EQUAL: "≥", op.LESS: "<", op.LESS_EQUAL: "≤"}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Words:
    """Every sentence of a bound program, by the number of its node or condition."""

    titles: tuple[str, ...]
    texts: tuple[str, ...]
    conditions: tuple[str, ...]


@lru_cache(maxsize=8)
def words_of(binding: Binding) -> Words:
    """All of a binding's sentences; they are the same on every session, so made once."""
    program = binding.program
    texts = tuple(node_text(binding, n) for n in range(len(program.nodes)))
    return Words(
        titles=tuple(n.name or text for n, text in zip(program.nodes, texts, strict=True)),
        texts=texts,
        conditions=tuple(condition_text(binding, c) for c in range(len(program.code.conditions))),
    )


def node_title(binding: Binding, node: int) -> str:
    """A node's own name, or else what it does."""
    given = binding.program.nodes[node].name
    return given or node_text(binding, node)


def node_text(binding: Binding, node: int) -> str:
    """What a node does, in a few words."""
    found, arg = binding.program.nodes[node], binding.program.code.arg[node]
    if isinstance(found, ast.Asset):
        return str(binding.held[binding.asset[arg[0]]])
    if isinstance(found, ast.Cash):
        return "Cash"
    if isinstance(found, ast.Gate):
        return f"If {condition_text(binding, arg[0])}"
    if isinstance(found, ast.Latch):
        return f"Latch: {condition_text(binding, arg[0])}"
    if isinstance(found, ast.Switch):
        return f"Switch on how many of {len(found.conditions)} conditions hold"
    if isinstance(found, ast.Scale):
        measured, low, high = (slot_text(binding, slot) for slot in arg[:3])
        return f"Scale by {measured} from {low} to {high}"
    if isinstance(found, ast.Sort):
        return _sort_text(binding, found, node)
    if isinstance(found, ast.Weight):
        scheme = found.scheme.replace("_", " ")
        return f"Weight {scheme}" if found.window is None else f"Weight by {scheme}"
    if isinstance(found, ast.Strategy):
        return f"Strategy {found.strategy}"
    return "Group"


def _sort_text(binding: Binding, found: ast.Sort, node: int) -> str:
    arg = binding.program.code.arg[node]
    take = slot_text(binding, arg[op.SORT_TAKE])
    keys = []
    for k, order in enumerate(found.orders):
        slot = binding.program.code.refs[arg[op.SORT_KEYS] + k]
        spec = binding.columns[binding.column[slot]]
        keys.append(f"{'lowest' if order == 'asc' else 'highest'} {spec.measure}")
    return f"Take {take} of {len(found.items)} by {', then '.join(keys)}"


def condition_text(binding: Binding, condition: int) -> str:
    """A condition as a sentence: ``RSI(10) of SPY > 75``."""
    code = binding.program.code
    operation, a, b, c = (int(x) for x in code.conditions[condition])
    if operation in SIGNS:
        return f"{slot_text(binding, a)} {SIGNS[operation]} {slot_text(binding, b)}"
    if operation == op.FOR_DAYS:
        return f"{condition_text(binding, a)} for {slot_text(binding, b)} sessions"
    if operation == op.NOT:
        return f"not ({condition_text(binding, a)})"
    if operation == op.MONTH:
        return "month is " + " or ".join(m for i, m in enumerate(_MONTHS) if a >> i & 1)
    if operation == op.LATCH:
        return f"on from {condition_text(binding, a)}, off from {condition_text(binding, b)}"
    parts = [condition_text(binding, part) for part in code.refs[a : a + b]]
    if operation == op.AT_LEAST:
        return f"at least {slot_text(binding, c)} of: {'; '.join(parts)}"
    return (" and " if operation == op.ALL_OF else " or ").join(
        f"({part})" if " and " in part or " or " in part else part for part in parts
    )


def slot_text(binding: Binding, slot: int) -> str:
    """A number or an indicator, with the variable it came from."""
    row = binding.column[slot]
    if row >= 0:
        return column_text(binding, binding.columns[row])
    written = binding.program.slots[slot]
    text = f"{binding.value[slot]:g}"
    if isinstance(written, NumberSlot) and is_variable(written.value):
        return f"{text} ({str(written.value)[1:]})"
    return text


def column_text(binding: Binding, spec: ColumnSpec) -> str:
    """An indicator with what it measures; an inner flow by its name or its place."""
    if isinstance(spec.subject, str):
        return spec.text(spec.subject)
    root = binding.program.inner[spec.subject]
    return spec.text(f"‘{binding.program.nodes[root].name or binding.program.paths[root]}’")
