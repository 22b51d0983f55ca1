"""Run points of a prepared sweep: metrics out, in slices, on as many threads as there are cores."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.flow.walk import scratch
from core.lanes import LANES
from core.market.bars import Float
from core.metrics.kernel import Moments
from core.metrics.measure import benchmark_moments
from core.metrics.passes import dates_of
from core.sweep import kernel
from core.sweep.accounts import Accounts, accounts_for
from core.sweep.decide import Decider
from core.sweep.grid import Digits, Index
from core.sweep.kernel import METRICS, Desk, Walker, Yardstick, desk_for
from core.sweep.pools import Pools, view_of
from core.sweep.portfolios import Earnings, Portfolios, find_portfolios, tabulate
from core.sweep.prepare import Prepared

SLICE = 8_192
"""Points whose decisions are worked out together: their choices fit into the caches."""

SLICE_BYTES = 16_000_000
"""Of the shares that are worked out together."""

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
        self._view = view_of(ready)
        if self.portfolios is not None:
            self.table = tabulate(ready, self.portfolios)
            self.decider = Decider(ready, self.portfolios.top, self._view)
        self._yardstick = _yardstick(ready)
        self._local = threading.local()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why runs fail."""
        return tuple(self.ready.values.reasons.texts)

    @property
    def way(self) -> Literal["table", "portfolios", "walk"]:
        """How runs are worked out; see ``core.sweep.top`` and ``core.sweep.portfolios``."""
        if self.portfolios is None:
            return "walk"
        return "portfolios" if self.table is None else "table"

    def run(self, points: Index) -> Measured:
        """Measure the runs at ``points``; one that fails is a row of NaN with a reason."""
        digits = self.ready.plan.grid.digits(points)
        reason = self.ready.values.reasons.of(digits)
        metrics = np.full((len(points), len(METRICS)), np.nan)
        sound = np.flatnonzero(reason == 0)
        size = self._slice_size()
        for begin in range(0, len(sound), size):
            some = sound[begin : begin + size]
            found = np.empty((len(some), len(METRICS)))
            if self.portfolios is None:
                self._walk(digits[some], found)
            else:
                self._decide(digits[some], self.portfolios, found)
            metrics[some] = found
        return Measured(points, metrics, reason)

    def _slice_size(self) -> int:
        """How many runs are decided together: fewer where each has shares of its own."""
        if self.portfolios is None or not self.portfolios.top.mixes:
            return SLICE
        each = self.portfolios.top.sleeves[0] * len(self.ready.sessions) * 8
        return min(max(SLICE_BYTES // each, 8 * LANES), SLICE)

    def _decide(self, digits: Digits, known: Portfolios, out: Float) -> None:
        """Measure runs by what they hold; what that earns is tabulated, or accounted for."""
        ready, pools = self.ready, self._pools()
        rows, shares = self.decider.decide(digits, pools)
        choices, chosen = pools.choices.rows, known.chosen(digits)
        if self.table is not None:
            only = np.ascontiguousarray(rows[:, 0])
            kernel.measure_choices(
                choices, only, chosen, self.table, self._yardstick, self._desk(), out
            )
        else:
            kernel.measure_sleeves(
                choices, rows, pools.shares.rows, shares, chosen, known.kept, ready.due,
                ready.moves, ready.terms, self._accounts(), self._yardstick, self._desk(), out,
            )  # fmt: skip

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
                weights=np.zeros((LANES, *shape)),
                unknown=np.zeros(shape[0], dtype=np.int32),
                wanted=np.zeros(len(code.conditions), dtype=np.int32),
            )
        walker: Walker = self._local.walker
        return walker

    def _accounts(self) -> Accounts:
        if not hasattr(self._local, "accounts"):
            self._local.accounts = accounts_for(len(self.ready.values.held))
        accounts: Accounts = self._local.accounts
        return accounts

    def _pools(self) -> Pools:
        if not hasattr(self._local, "pools"):
            self._local.pools = self.decider.pools()
        pools: Pools = self._local.pools
        return pools


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
