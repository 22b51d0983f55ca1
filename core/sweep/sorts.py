"""What sorts take: the ranks of their items, and what each place is given."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.flow import opcodes as op
from core.sweep import sharing
from core.sweep.grid import Index
from core.sweep.plan import children_of
from core.sweep.top import most_taken

if TYPE_CHECKING:
    from core.sweep.decide import Slice


class Ranking:
    """One sort, in each combination that a slice of runs has; U of them, at ``points``.

    ``take``   float64 [U]: how many items it takes
    ``ranks``  uint8 [U, items, T]
    """

    def __init__(self, runs: Slice, node: int, points: Index) -> None:
        self.runs, self.code = runs, runs.code
        self.here, self.points = runs.digits[points], points
        self.arg = self.code.arg[node]
        self.children = children_of(runs.plan.program, node)
        self.places = most_taken(runs.of.ready.values, node)
        self.take = runs.slot(int(self.arg[op.SORT_TAKE]), self.here)[1]
        self.ranks = self._ranks()

    def fill(self, place: int, pool: npt.NDArray[Any], cases: Index, out: npt.NDArray[Any]) -> None:
        """Rows of the item at ``place``; see ``core.sweep.decide.Fill``."""
        sharing.fill_ranked(self.ranks, place, pool, cases, out)

    def shares(self, place: int) -> Index:
        """For each combination, the row of shares that the item at ``place`` is given."""
        allocation, first = int(self.arg[op.SORT_ALLOCATION]), int(self.arg[op.SORT_SHARES])
        take = self.take
        if allocation == op.ALLOCATE_INVERSE_VOLATILITY:
            items = self._by_volatility
            begin, out = self.runs.pools.shares.take(len(self.points))
            self.fill(place, self.runs.pools.shares.rows, items, out)
            return begin + np.arange(len(self.points))
        part = 1.0 / take
        if allocation == op.ALLOCATE_RANK:
            part = 2.0 * (take - place) / (take * (take + 1.0))
        elif allocation == op.ALLOCATE_SPECIFIED:
            part = self.runs.slot(int(self.code.refs[first + place]), self.here)[1]
        return self.runs.constant(np.where(place < take, part, 0.0))

    @cached_property
    def _by_volatility(self) -> Index:
        """Rows [U, items] of shares of the items that are taken."""
        slots = self.code.refs[self.arg[op.SORT_SHARES] :][: len(self.children)].tolist()
        begin = self.runs.inverse_volatility(slots, self.here, self.take, self.ranks)
        return begin + np.arange(len(self.points) * len(slots)).reshape(len(self.points), -1)

    def _ranks(self) -> npt.NDArray[np.uint8]:
        of, code, arg = self.runs.of, self.code, self.arg
        items, n_keys = len(self.children), int(arg[op.SORT_N_KEYS])
        keys = code.refs[arg[op.SORT_KEYS] :][: items * n_keys].tolist()
        columns, values = self.runs.slots(keys, self.here)
        sessions = len(of.ready.sessions)
        _, marks = self.runs.pools.marks.take(2 * len(self.points) * items)
        valid, ranks = marks.reshape(2, len(self.points), items, sessions)
        sharing.fill_valid(self.runs.truths, self._filters(), of.priced, self._symbols(), valid)
        sharing.fill_ranks(
            of.columns, of.begin, columns.reshape(-1, items, n_keys),
            values.reshape(-1, items, n_keys), int(arg[op.SORT_ORDERS]), valid,
            np.empty((items, n_keys, sessions)), *np.empty((2, sessions), dtype=np.uint8), ranks,
        )  # fmt: skip
        return ranks

    def _filters(self) -> Index:
        """Rows [U, items] of the truths that let items in; [U, 0] without filters."""
        first = int(self.arg[op.SORT_FILTERS])
        if first < 0:
            return np.zeros((len(self.points), 0), dtype=np.int64)
        filters = self.code.refs[first:][: len(self.children)].tolist()
        return np.stack([self.runs.asked[c][self.points] for c in filters], axis=1)

    def _symbols(self) -> npt.NDArray[np.int32]:
        """The symbols [U, items] of items that are symbols; -1 for flows."""
        found = np.full((len(self.points), len(self.children)), -1, dtype=np.int32)
        for i, child in enumerate(self.children):
            if self.code.kind[child] == op.ASSET:
                number = int(self.code.arg[child, 0])
                part = self.runs.plan.assets[number]
                found[:, i] = self.runs.of.ready.values.asset[number][part.numbers(self.here)]
        return found
