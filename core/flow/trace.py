"""Trace: why a session's weights are what they are, and how far each choice was from another.

It runs the walk kernel for one session with its memory of the path switched on, and reads the
numbers the kernel read. Nothing is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.flow import describe
from core.flow import nodes as ast
from core.flow import opcodes as op
from core.flow.evaluate import Observation, slots_of
from core.flow.program import parts_of_condition
from core.flow.walk import rank, scratch, slot_value, walk


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One condition at one session.

    ``truth``     None while unknown
    ``distance``  how far it is from flipping, as a fraction of the number compared with; for a
                  joined condition, of the part that has to move furthest for the joint truth to
                  flip by the shortest way. None where it cannot flip by moving (months, memory)
                  or is unknown
    ``left``, ``right``  values of a comparison
    """

    text: str
    truth: bool | None
    distance: float | None
    left: float | None = None
    right: float | None = None
    parts: tuple[ConditionTrace, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemTrace:
    """One item of a sort: its keys, whether it was valid, its rank from 1 if it was taken."""

    text: str
    keys: tuple[float | None, ...]
    passed: bool | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class NodeTrace:
    """One node at one session.

    ``share``     of the whole that reached it; None where the walk did not go
    ``chosen``    numbers of the children that got some of it
    ``distance``  how far the choice is from another one (a scale: from its nearest edge), as a
                  fraction; None where it has none
    ``missing``   it lacked something, so some of its share stayed in cash
    """

    node: int
    path: str
    kind: str
    title: str
    text: str
    share: float | None
    chosen: tuple[int, ...]
    choice: str
    distance: float | None
    missing: bool
    conditions: tuple[ConditionTrace, ...] = ()
    items: tuple[ItemTrace, ...] = ()
    children: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole session: its nodes in program order (the root first) and its target weights."""

    session: date
    weights: dict[str, float]
    cash: float
    nodes: tuple[NodeTrace, ...]

    def reached(self) -> tuple[NodeTrace, ...]:
        """The nodes on the path taken."""
        return tuple(n for n in self.nodes if n.share is not None)


def trace(seen: Observation, t: int) -> Trace:
    """The walk of session number ``t``, node by node."""
    tracer = _Tracer(seen, t)
    program = seen.binding.program
    weights = dict(zip(seen.binding.held, tracer.weights.tolist(), strict=True))
    return Trace(
        session=seen.sessions[t].item(),
        weights={symbol: weight for symbol, weight in weights.items() if weight},
        cash=1.0 - float(tracer.weights.sum()),
        nodes=tuple(tracer.node(n) for n in range(len(program.nodes))),
    )


class _Tracer:
    def __init__(self, seen: Observation, t: int) -> None:
        self.seen, self.t = seen, t
        self.binding = seen.binding
        self.code = seen.binding.program.code
        self.slots = slots_of(seen.binding)
        self.words = describe.words_of(seen.binding)
        self.memory = scratch(len(self.code.kind), trace=True)
        self.weights = np.zeros(len(seen.binding.held))
        self._conditions_seen: dict[int, ConditionTrace] = {}
        walk(
            self.code, self.slots, seen.columns, seen.truths, seen.priced, t, 0,
            self.memory, self.weights,
        )  # fmt: skip

    def value(self, slot: int) -> float | None:
        number = float(slot_value(self.slots, self.seen.columns, slot, self.t))
        return None if math.isnan(number) else number

    def node(self, n: int) -> NodeTrace:
        program = self.binding.program
        share = float(self.memory.share_of[n])
        reached = not math.isnan(share)
        first, arity = self.code.first[n], self.code.arity[n]
        children = tuple(self.code.refs[first : first + arity].tolist())
        chosen: tuple[int, ...] = ()
        if reached:
            passed = np.flatnonzero(~np.isnan(self.memory.share_of[list(children)]))
            chosen = tuple(passed.tolist())
        conditions = tuple(self.condition(c) for c in self._conditions(n))
        items = self._items(n) if self.code.kind[n] == op.SORT else ()
        choice, distance = self._choice(n, conditions, items) if reached else ("", None)
        return NodeTrace(
            node=n,
            path=program.paths[n],
            kind=program.nodes[n].kind,
            title=self.words.titles[n],
            text=self.words.texts[n],
            share=share if reached else None,
            chosen=chosen,
            choice=choice,
            distance=distance,
            missing=reached and self._missing(n, share, children),
            conditions=conditions,
            items=items,
            children=children,
        )

    def _missing(self, n: int, share: float, children: tuple[int, ...]) -> bool:
        kind = self.code.kind[n]
        if kind == op.CASH:
            return False
        if kind == op.ASSET:
            return not self.seen.priced[self.t, self.slots.asset[self.code.arg[n, 0]]]
        passed_on = float(np.nansum([self.memory.share_of[c] for c in children]))
        return passed_on < share * (1 - 1e-9)

    def _conditions(self, n: int) -> tuple[int, ...]:
        kind, arg = self.code.kind[n], self.code.arg[n]
        if kind == op.GATE:
            return (int(arg[0]),)
        if kind == op.SWITCH:
            return tuple(int(c) for c in self.code.refs[arg[0] : arg[0] + arg[1]])
        return ()

    def _choice(
        self, n: int, conditions: tuple[ConditionTrace, ...], items: tuple[ItemTrace, ...]
    ) -> tuple[str, float | None]:
        """What the node chose, in a word or two, and how far that is from changing."""
        kind = self.code.kind[n]
        if kind == op.GATE:
            truth = conditions[0].truth
            word = "unknown" if truth is None else "then" if truth else "else"
            return word, conditions[0].distance
        if kind == op.SWITCH:
            if any(c.truth is None for c in conditions):
                return "unknown", None
            held = sum(bool(c.truth) for c in conditions)
            return f"case {held}", _least(c.distance for c in conditions)
        if kind == op.SCALE:
            return self._scale(n)
        if kind == op.SORT:
            taken = sorted((i for i in items if i.rank), key=lambda i: i.rank or 0)
            return ", ".join(i.text for i in taken) or "none", _sort_margin(items)
        return "", None

    def _scale(self, n: int) -> tuple[str, float | None]:
        x, low, high = (self.value(int(slot)) for slot in self.code.arg[n, :3])
        if x is None or low is None or high is None:
            return "unknown", None
        place = min(max((x - low) / (high - low), 0.0), 1.0)
        edge = min(abs(x - low) / _size(low), abs(x - high) / _size(high))
        return f"{place:.0%} of the way", edge

    def condition(self, number: int) -> ConditionTrace:
        """Many nodes share conditions; each is traced once."""
        if number not in self._conditions_seen:
            self._conditions_seen[number] = self._condition(number)
        return self._conditions_seen[number]

    def _condition(self, number: int) -> ConditionTrace:
        operation, a, b, _ = (int(x) for x in self.code.conditions[number])
        text = self.words.conditions[number]
        state = int(self.seen.truths[number, self.t])
        truth = None if state == op.UNKNOWN else state == op.TRUE
        if operation <= op.LESS_EQUAL:
            left, right = self.value(a), self.value(b)
            gap = None if left is None or right is None else abs(left - right) / _size(right)
            return ConditionTrace(text, truth, gap, left, right)
        if operation == op.MONTH:
            return ConditionTrace(text, truth, None)
        numbers = parts_of_condition(self.code, operation, a, b)
        parts = tuple(self.condition(part) for part in numbers)
        return ConditionTrace(text, truth, self._flip(number, truth, parts), parts=parts)

    def _flip(
        self, number: int, truth: bool | None, parts: tuple[ConditionTrace, ...]
    ) -> float | None:
        """Distance of a joined condition: how far the part that moves furthest has to move."""
        operation, _, _, c = (int(x) for x in self.code.conditions[number])
        if truth is None:
            return None
        if operation in (op.NOT, op.FOR_DAYS):
            stays_false = operation == op.FOR_DAYS and not truth
            return None if stays_false else parts[0].distance
        if operation == op.LATCH:
            deciding = parts[1] if truth else parts[0]
            return deciding.distance if not deciding.truth else None
        needed = len(parts) if operation == op.ALL_OF else 1
        if operation == op.AT_LEAST:
            needed = int(self.slots.value[c])
        held = sum(part.truth is True for part in parts)
        # Parts that have to change sides: those above what is needed, plus one; or those lacking.
        moving = held - needed + 1 if truth else needed - held
        gaps = sorted(
            part.distance for part in parts if part.truth is truth and part.distance is not None
        )
        return gaps[moving - 1] if moving <= len(gaps) else None

    def _items(self, n: int) -> tuple[ItemTrace, ...]:
        arg, first = self.code.arg[n], self.code.first[n]
        node = self.binding.program.nodes[n]
        assert isinstance(node, ast.Sort)
        n_keys, items = int(arg[op.SORT_N_KEYS]), int(self.code.arity[n])
        ranks: dict[int, int] = {}
        if not math.isnan(self.memory.share_of[n]):
            ranks = self._ranks(n)
        traced = []
        for i in range(items):
            at = arg[op.SORT_KEYS] + i * n_keys
            keys = tuple(self.value(int(slot)) for slot in self.code.refs[at : at + n_keys])
            passed: bool | None = True
            if arg[op.SORT_FILTERS] >= 0:
                state = int(self.seen.truths[self.code.refs[arg[op.SORT_FILTERS] + i], self.t])
                passed = None if state == op.UNKNOWN else state == op.TRUE
            title = self.words.titles[self.code.refs[first + i]]
            traced.append(ItemTrace(title, keys, passed, ranks.get(i)))
        return tuple(traced)

    def _ranks(self, n: int) -> dict[int, int]:
        """Places from 1 of the items a sort took."""
        seen, take = self.seen, int(self.slots.value[self.code.arg[n, op.SORT_TAKE]])
        pick = np.empty(self.code.arity[n], dtype=np.int32)
        found, _ = rank(
            self.code, self.slots, seen.columns, seen.truths, seen.priced, self.t, n, take, pick
        )
        return {int(item): place + 1 for place, item in enumerate(pick[:found])}


def _size(number: float | None) -> float:
    """What a distance is a fraction of; 1 beside zero, where a fraction has no meaning."""
    return abs(number) if number else 1.0


def _least(distances: Iterable[float | None]) -> float | None:
    return min((d for d in distances if d is not None), default=None)


def _sort_margin(items: tuple[ItemTrace, ...]) -> float | None:
    """The first key's gap between the last item taken and the nearest valid one left out."""
    taken = [i.keys[0] for i in items if i.rank]
    left = [i.keys[0] for i in items if not i.rank and i.passed and None not in i.keys]
    return _least(
        abs(a - b) / _size(a) for a in taken for b in left if a is not None and b is not None
    )
