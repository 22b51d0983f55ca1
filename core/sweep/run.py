"""Run points of a prepared sweep: metrics out, in slices, on as many threads as there are cores."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.flow import opcodes as op
from core.flow.program import parts_of_condition
from core.flow.walk import scratch
from core.market.bars import Float
from core.metrics.kernel import Moments
from core.metrics.measure import benchmark_moments
from core.metrics.passes import dates_of
from core.sweep import kernel
from core.sweep.accounts import Accounts, accounts_for
from core.sweep.grid import Digits, Index
from core.sweep.kernel import METRICS, PADDING, Desk, Walker, Yardstick, desk_for
from core.sweep.plan import children_of, choosing_conditions, with_parts
from core.sweep.portfolios import Earnings, Portfolios, find_portfolios, tabulate
from core.sweep.prepare import Prepared

SLICE = 8_192
"""Points whose decisions are worked out together: their choices fit into the caches."""


BLOCK = 16_384
"""Points a thread takes at a time."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Some runs' results.

    ``points``   int64 [n]: where on the grid
    ``metrics``  float64 [n, METRICS]; NaN where undefined, and in a run that failed
    ``reason``   int16 [n]: 0, or 1 + the number of the text in ``Sweeper.reasons``
    """

    points: Index
    metrics: Float
    reason: npt.NDArray[np.int16]


def in_blocks(
    sweeper: Sweeper, points: Index, *, threads: int | None = None, size: int = BLOCK
) -> Iterator[Measured]:
    """The runs at ``points`` block by block, in order, worked out on ``threads`` threads.

    Only a few blocks are held at a time, however many runs there are.
    """
    count = threads or os.cpu_count() or 1
    starts = iter(range(0, len(points), size))
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Future[Measured]] = deque()
        try:
            while True:
                for begin in islice(starts, count + 1 - len(waiting)):
                    waiting.append(pool.submit(sweeper.run, points[begin : begin + size]))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Sweeper:
    """Runs any points of one sweep. Safe to use from several threads."""

    def __init__(self, ready: Prepared) -> None:
        self.ready = ready
        self.portfolios = find_portfolios(ready)
        self.table: Earnings | None = None
        if self.portfolios is not None:
            self.table = tabulate(ready, self.portfolios)
        self._view = _view(ready)
        self._yardstick = _yardstick(ready)
        self._asked = choosing_conditions(ready.plan)
        self._with_past = _with_past(ready, self._asked)
        self._local = threading.local()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why runs fail."""
        return tuple(self.ready.values.reasons.texts)

    @property
    def way(self) -> Literal["table", "portfolios", "walk"]:
        """How runs are worked out; see ``core.sweep.portfolios``."""
        if self.portfolios is None:
            return "walk"
        return "portfolios" if self.table is None else "table"

    def run(self, points: Index) -> Measured:
        """Measure the runs at ``points``; one that fails is a row of NaN with a reason."""
        digits = self.ready.plan.grid.digits(points)
        reason = self.ready.values.reasons.of(digits)
        metrics = np.full((len(points), len(METRICS)), np.nan)
        sound = np.flatnonzero(reason == 0)
        for begin in range(0, len(sound), SLICE):
            some = sound[begin : begin + SLICE]
            found = np.empty((len(some), len(METRICS)))
            if self.portfolios is None:
                self._walk(digits[some], found)
            else:
                self._choose(digits[some], self.portfolios, found)
            metrics[some] = found
        return Measured(points, metrics, reason)

    # -- choosing between kept portfolios ------------------------------------------------------

    def _choose(self, digits: Digits, known: Portfolios, out: Float) -> None:
        """Measure runs by what they choose; what that earns is tabulated, or accounted for."""
        ready = self.ready
        truths, asked = self._truths(digits)
        choices, rows = self._choices(digits, truths, asked)
        chosen = np.zeros((len(digits), len(known.versions) + 1), dtype=np.uint32)
        for i, root in enumerate(ready.plan.portfolios):
            chosen[:, i + 1] = known.versions[i][ready.plan.nodes[root].numbers(digits)]
        if self.table is not None:
            kernel.measure_choices(
                choices, rows, chosen, self.table, self._yardstick, self._desk(), out,
            )  # fmt: skip
        else:
            kernel.measure_held(
                choices, rows, chosen, known.targets, ready.due, ready.moves,
                ready.terms, self._accounts(), self._yardstick, self._desk(), out,
            )  # fmt: skip

    def _truths(self, digits: Digits) -> tuple[npt.NDArray[np.int8], dict[int, Index]]:
        """Truths in force [*, T] of the conditions choices ask, and every run's row of each."""
        plan, code = self.ready.plan, self.ready.plan.program.code
        present = {c: plan.conditions[c].present(digits) for c in self._asked}
        columns, months, _, first = self._view
        count = sum(len(points) for _, points in present.values())
        pool = self._memory("truths", (count, len(months)), np.int8)
        row_of: dict[int, Index] = {}
        used = 0
        for c in self._asked:
            rows, points = present[c]
            out = pool[used : used + len(points)]
            row_of[c] = rows + used
            used += len(points)
            operation, a, b, extra = code.conditions[c].tolist()
            here = digits[points]
            if operation <= op.LESS_EQUAL:
                begin = 0 if c in self._with_past else first
                left, right = self._slot(a, here), self._slot(b, here)
                kernel.fill_comparisons(operation, columns, *left, *right, begin, out)
            else:
                parts = parts_of_condition(code, operation, a, b)
                joined = np.zeros((len(points), max(len(parts), 1)), dtype=np.int64)
                for i, part in enumerate(parts):
                    joined[:, i] = row_of[part][points]
                numbers = np.full(len(points), b if operation == op.ALL_OF else 1, dtype=np.int64)
                if operation in (op.FOR_DAYS, op.AT_LEAST):
                    slot = b if operation == op.FOR_DAYS else extra
                    numbers = self._slot(slot, here)[1].astype(np.int64)
                kernel.fill_joined(operation, a, numbers, joined, months, pool, out)
        if self.ready.due.all():
            return pool[:, first:], row_of
        return pool[:, first + self.ready.in_force.astype(np.int64)], row_of

    def _slot(self, slot: int, digits: Digits) -> tuple[npt.NDArray[np.int32], Float]:
        """A slot's column and value at points."""
        numbers = self.ready.plan.slots[slot].numbers(digits)
        values = self.ready.values
        return values.column[slot][numbers], values.value[slot][numbers]

    def _choices(
        self, digits: Digits, truths: npt.NDArray[np.int8], asked: dict[int, Index]
    ) -> tuple[npt.NDArray[np.uint8], Index]:
        """Choices [*, T] of the nodes at the top, and each run's row of those of the root."""
        plan, code, ready = self.ready.plan, self.ready.plan.program.code, self.ready
        present = {
            n: plan.nodes[n].present(digits) for n in plan.choices if code.kind[n] != op.PASS
        }
        fixed = len(plan.portfolios)
        count = fixed + sum(len(points) for _, points in present.values())
        pool = self._memory("choices", (count, len(ready.sessions) + PADDING), np.uint8)
        row_of: dict[int, Index] = {}
        for i, root in enumerate(plan.portfolios):
            pool[i] = i + 1
            row_of[root] = np.full(len(digits), i, dtype=np.int64)
        used = fixed
        for node in plan.choices:
            children = children_of(plan.program, node)
            if code.kind[node] == op.PASS:
                row_of[node] = row_of[children[0]]
                continue
            rows, points = present[node]
            out = pool[used : used + len(points)]
            row_of[node] = rows + used
            used += len(points)
            arg = code.arg[node]
            cases = [row_of[child][points] for child in children]
            if code.kind[node] == op.GATE:
                asking = asked[int(arg[0])][points]
                kernel.fill_gates(truths, asking, pool, *cases, out)
            else:
                conditions = code.refs[arg[0] : arg[0] + arg[1]].tolist()
                asking = np.stack([asked[c][points] for c in conditions], axis=1)
                kernel.fill_switches(truths, asking, pool, np.stack(cases, axis=1), out)
        return pool, row_of[0]

    # -- walking -------------------------------------------------------------------------------

    def _walk(self, digits: Digits, out: Float) -> None:
        """Measure runs by walking the whole flow for each."""
        ready, plan = self.ready, self.ready.plan
        versions = np.zeros((len(digits), len(plan.conditions)), dtype=np.int64)
        for c, part in enumerate(plan.conditions):
            versions[:, c] = part.numbers(digits)
        kernel.measure_walked(
            plan.program.code, *ready.values.rows(digits), versions, *self._view, ready.in_force,
            ready.due, ready.moves, ready.terms, self._walker(), self._accounts(), self._yardstick,
            self._desk(), out,
        )  # fmt: skip

    # -- memory --------------------------------------------------------------------------------

    def _desk(self) -> Desk:
        if not hasattr(self._local, "desk"):
            self._local.desk = desk_for(len(self.ready.sessions))
        desk: Desk = self._local.desk
        return desk

    def _walker(self) -> Walker:
        if not hasattr(self._local, "walker"):
            code, shape = self.ready.plan.program.code, self._view[2].shape
            self._local.walker = Walker(
                scratch=scratch(len(code.kind)),
                truths=np.zeros((len(code.conditions), shape[0]), dtype=np.int8),
                weights=np.zeros(shape),
                unknown=np.zeros(shape[0], dtype=np.int32),
                wanted=np.zeros(len(code.conditions), dtype=np.int32),
            )
        walker: Walker = self._local.walker
        return walker

    def _accounts(self) -> Accounts:
        if not hasattr(self._local, "accounts"):
            shape = len(self.ready.sessions), len(self.ready.values.held)
            self._local.accounts = accounts_for(*shape)
        accounts: Accounts = self._local.accounts
        return accounts

    def _memory(self, name: str, shape: tuple[int, int], kind: type) -> npt.NDArray[Any]:
        """Room of this thread that is used again for each slice."""
        kept: npt.NDArray[Any] | None = getattr(self._local, name, None)
        if kept is None or len(kept) < shape[0]:
            kept = np.zeros(shape, dtype=kind)
            setattr(self._local, name, kept)
        return kept[: shape[0]]


def _yardstick(ready: Prepared) -> Yardstick:
    none = Moments(np.nan, np.nan, np.nan, np.nan)
    other = None if ready.benchmark is None else np.ascontiguousarray(ready.benchmark.returns[1:])
    return Yardstick(
        dates=dates_of(ready.sessions[1:]),
        periods=float(ready.periods),
        risk_free=ready.risk_free,
        cost=ready.terms.cost,
        benchmark=np.zeros(0) if other is None else other,
        benchmark_moments=none if other is None else benchmark_moments(other, ready.sessions[1:]),
    )


def _view(
    ready: Prepared,
) -> tuple[Float, npt.NDArray[np.int8], npt.NDArray[np.bool_], int]:
    """Columns, months, priced and the first session: all history only if a condition recalls it."""
    code = ready.plan.program.code
    if np.isin(code.conditions[:, 0], (op.LATCH, op.FOR_DAYS)).any():
        return ready.columns, ready.months, ready.priced, ready.first
    first = ready.first
    columns = np.ascontiguousarray(ready.columns[:, first:])
    priced = np.ascontiguousarray(ready.priced[first:])
    return columns, np.ascontiguousarray(ready.months[first:]), priced, 0


def _with_past(ready: Prepared, asked: list[int]) -> set[int]:
    """Conditions whose truth before the first session matters: parts of latches and for_days."""
    program = ready.plan.program
    remembering = {c for c in asked if program.code.conditions[c, 0] in (op.LATCH, op.FOR_DAYS)}
    return with_parts(program, remembering)
