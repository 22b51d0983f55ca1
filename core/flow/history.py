"""History: a block's numbers over time, grouped as they are drawn, and when it held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.calendar import Sessions
from core.flow import opcodes as op
from core.flow.binding import Binding
from core.flow.describe import column_text, node_text, node_title, slot_text
from core.flow.evaluate import Observation, shares_of
from core.flow.program import Code, Int, parts_of_condition
from core.indicators.columns import ColumnSpec
from core.indicators.registry import INDICATORS
from core.market.bars import Float


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """One indicator over time; ``values`` float64 [T], NaN while unknown."""

    text: str
    values: Float


@dataclass(frozen=True, slots=True)
class Level:
    """A number an indicator is compared with."""

    text: str
    value: float


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """Lines that share a scale: they are compared with each other, or drawn over one price."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, eq=False, slots=True)
class NodeHistory:
    """One block over time.

    ``held``   float64 [T]: 1 where it held, 0 where not, NaN while unknown. A gate or a latch
               holds with its condition; of a switch it is the fraction of its conditions that
               hold, of a scale its place from 0 to 1, and any other block holds where the path
               reached it
    ``means``  what ``held`` says, in a few words
    ``share``  float64 [T]: of the whole that reached it
    """

    node: int
    path: str
    title: str
    text: str
    sessions: Sessions
    panels: tuple[Panel, ...]
    held: Float
    means: str
    share: Float


def history_of(seen: Observation, node: int, first: int = 0) -> NodeHistory:
    """Block number ``node`` from session number ``first`` on."""
    binding = seen.binding
    rows = np.arange(first, len(seen.sessions), dtype=np.int32)
    share = shares_of(seen, np.array([node], dtype=np.int32), rows)[:, 0]
    held, means = _held(seen, node, first, share)
    return NodeHistory(
        node=node,
        path=binding.program.paths[node],
        title=node_title(binding, node),
        text=node_text(binding, node),
        sessions=seen.sessions[first:],
        panels=tuple(_panels(seen, node, first)),
        held=held,
        means=means,
        share=share,
    )


def readers(binding: Binding) -> list[int]:
    """The blocks that read an indicator, nearest to the root first."""
    return [n for n in range(len(binding.program.nodes)) if _Reads(binding, n).lines]


def _held(seen: Observation, node: int, first: int, share: Float) -> tuple[Float, str]:
    code, truths = seen.binding.program.code, seen.truths[:, first:]
    kind, arg = code.kind[node], code.arg[node]
    if kind == op.GATE:
        return _known(truths[arg[0]][None])[0], "Condition holds"
    if kind == op.SWITCH:
        conditions = code.refs[arg[0] : arg[0] + arg[1]]
        mean: Float = _known(truths[conditions]).mean(axis=0)
        return mean, "Fraction of its conditions that hold"
    if kind == op.SCALE:
        column, value = seen.binding.column, seen.binding.value
        x, low, high = (
            seen.columns[column[s], first:] if column[s] >= 0 else value[s] for s in arg[:3]
        )
        place: Float = np.clip((x - low) / (high - low), 0.0, 1.0)
        return place, "Place between its ends"
    return (share > 0).astype(np.float64), "On the path"


def _known(truths: np.ndarray) -> Float:
    """Truths as 1 and 0, NaN where unknown."""
    known: Float = np.where(truths == op.UNKNOWN, np.nan, truths)
    return known


# -- panels --------------------------------------------------------------------------------------


class _Reads:
    """Which columns a block reads, which of them belong on one scale, and their levels.

    ``lines``   rows of the columns, in the order they are mentioned
    ``panel``   for each, the row that stands for its panel
    ``levels``  slots of the numbers each row is compared with
    """

    def __init__(self, binding: Binding, node: int) -> None:
        self._binding = binding
        self.lines: dict[int, None] = {}
        self.panel: dict[int, int] = {}
        self.levels: dict[int, dict[int, None]] = {}
        code = binding.program.code
        kind, arg, arity = int(code.kind[node]), code.arg[node], int(code.arity[node])
        if kind == op.GATE:
            self._conditions(code, [int(arg[0])])
        elif kind == op.SWITCH:
            self._conditions(code, code.refs[arg[0] : arg[0] + arg[1]].tolist())
        elif kind == op.SCALE:
            self._together([int(arg[0]), int(arg[1])])
            self._together([int(arg[0]), int(arg[2])])
        elif kind == op.INVERSE_VOLATILITY:
            self._together(code.refs[arg[0] : arg[0] + arity].tolist())
        elif kind == op.SORT:
            self._sort(code, arg, arity)

    def _sort(self, code: Code, arg: Int, arity: int) -> None:
        keys, n_keys = arg[op.SORT_KEYS], arg[op.SORT_N_KEYS]
        for k in range(n_keys):
            self._together(code.refs[keys + k : keys + n_keys * arity : n_keys].tolist())
        if arg[op.SORT_FILTERS] >= 0:
            first = arg[op.SORT_FILTERS]
            self._conditions(code, code.refs[first : first + arity].tolist())
        if arg[op.SORT_ALLOCATION] == op.ALLOCATE_INVERSE_VOLATILITY:
            first = arg[op.SORT_SHARES]
            self._together(code.refs[first : first + arity].tolist())

    def _conditions(self, code: Code, numbers: list[int]) -> None:
        stack = numbers[::-1]
        while stack:
            operation, a, b, _ = (int(x) for x in code.conditions[stack.pop()])
            if operation <= op.LESS_EQUAL:
                self._together([a, b])
            else:
                stack += parts_of_condition(code, operation, a, b)[::-1]

    def _together(self, slots: list[int]) -> None:
        """These slots are compared: columns share a panel, numbers are levels in it."""
        rows = [int(self._binding.column[s]) for s in slots if self._binding.column[s] >= 0]
        numbers = [s for s in slots if self._binding.column[s] < 0]
        for row in rows:
            if row not in self.lines:
                self.lines[row] = None
                self.panel[row] = row
                self._over_the_price(row)
            self._join(rows[0], row)
            self.levels.setdefault(row, {}).update(dict.fromkeys(numbers))

    def _over_the_price(self, row: int) -> None:
        """What is drawn over the prices of one symbol goes together."""
        mine = self._binding.columns[row]
        for other in self.lines:
            theirs = self._binding.columns[other]
            if _on_price(mine) and _on_price(theirs) and mine.subject == theirs.subject:
                self._join(other, row)

    def _join(self, a: int, b: int) -> None:
        keep, gone = self.panel[a], self.panel[b]
        for row, panel in self.panel.items():
            if panel == gone:
                self.panel[row] = keep


def _on_price(spec: ColumnSpec) -> bool:
    return INDICATORS[spec.indicator].pane == "price" and spec.times == 1 and spec.plus == 0


def _panels(seen: Observation, node: int, first: int) -> list[Panel]:
    reads, binding = _Reads(seen.binding, node), seen.binding
    panels = []
    for panel in dict.fromkeys(reads.panel[row] for row in reads.lines):
        rows = [row for row in reads.lines if reads.panel[row] == panel]
        lines = tuple(
            Line(column_text(binding, binding.columns[row]), seen.columns[row, first:])
            for row in rows
        )
        slots = dict.fromkeys(slot for row in rows for slot in reads.levels[row])
        levels = tuple(Level(slot_text(binding, s), float(binding.value[s])) for s in slots)
        panels.append(Panel(_title([binding.columns[row] for row in rows]), lines, levels))
    return panels


def _title(specs: list[ColumnSpec]) -> str:
    """What a panel shows: the one indicator of all its lines, or else prices or a unit."""
    measures = {spec.measure for spec in specs}
    if len(measures) == 1:
        return measures.pop()
    units = {INDICATORS[spec.indicator].unit for spec in specs}
    return units.pop().capitalize() if len(units) == 1 else "Mixed units"
