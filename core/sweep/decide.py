"""What runs decide: the sleeves of their capital, each a choice and a share on every session."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from core.flow import opcodes as op
from core.flow.program import parts_of_condition
from core.market.bars import Float
from core.sweep import choosing, sharing
from core.sweep.combinations import union
from core.sweep.grid import Digits, Index
from core.sweep.plan import children_of, with_parts
from core.sweep.pools import Pools, Sleeves, View, beside
from core.sweep.prepare import Prepared
from core.sweep.sorts import Ranking
from core.sweep.top import Top

Fill = Callable[[npt.NDArray[Any], Index, npt.NDArray[Any]], None]
"""Fills rows from the rows of a pool that are each combination's cases: pool, cases, rows."""


class Decider:
    """Decides for any points of one sweep. Threads share it; each has ``Pools`` of its own."""

    def __init__(self, ready: Prepared, top: Top, view: View) -> None:
        self.ready, self.top, self.view = ready, top, view
        self.plan, self.program = ready.plan, ready.plan.program
        self.code = self.program.code
        self.asked = top.conditions()
        self.recalled = self._recalled()
        force = view.first + ready.in_force.astype(np.int64)
        self.in_force = None if ready.due.all() else force
        self.columns, self.begin, self.priced = view.columns, view.first, view.priced[view.first :]
        if self.in_force is not None and top.mixes:
            self.columns, self.begin = np.ascontiguousarray(view.columns[:, force]), 0
            self.priced = view.priced[force]

    def pools(self) -> Pools:
        sessions = len(self.ready.sessions)
        return Pools(len(self.view.months), sessions, len(self.top.portfolios))

    def decide(self, digits: Digits, pools: Pools) -> Sleeves:
        """The sleeves of the runs at some points; their rows are in ``pools``."""
        pools.clear()
        return Slice(self, digits, pools).sleeves()

    def _recalled(self) -> set[int]:
        """Conditions whose truth before the first session matters: parts of latches, for_days."""
        kinds = self.code.conditions[:, 0]
        remembering = {c for c in self.asked if kinds[c] in (op.LATCH, op.FOR_DAYS)}
        return with_parts(self.program, remembering)


class Slice:
    """Some runs' decisions, conditions first, then node by node from the portfolios up."""

    def __init__(self, decider: Decider, digits: Digits, pools: Pools) -> None:
        self.of, self.digits, self.pools = decider, digits, pools
        self.plan, self.code = decider.plan, decider.code
        self.asked: dict[int, Index] = {}  # condition -> each run's row of truths
        for condition in decider.asked:
            self._decide(condition)
        truths = pools.truths.rows
        force = decider.in_force
        self.truths = truths[:, decider.view.first :] if force is None else truths[:, force]

    def sleeves(self) -> Sleeves:
        n, top = len(self.digits), self.of.top
        found: dict[int, Sleeves] = {}
        for i, root in enumerate(top.portfolios):
            found[root] = Sleeves(
                np.full((n, 1), i + 1, dtype=np.int64), np.zeros((n, 1), dtype=np.int64)
            )
        for node in top.nodes:
            below = [found.pop(child) for child in children_of(self.plan.program, node)]
            found[node] = self._node(node, below)
        return found[0]

    def slot(self, slot: int, digits: Digits) -> tuple[npt.NDArray[np.int32], Float]:
        """A slot's column and value at points."""
        numbers = self.plan.slots[slot].numbers(digits)
        values = self.of.ready.values
        return values.column[slot][numbers], values.value[slot][numbers]

    def slots(self, slots: list[int], digits: Digits) -> tuple[npt.NDArray[np.int32], Float]:
        """Columns and values [U, slots] at points."""
        found = [self.slot(slot, digits) for slot in slots]
        return np.stack([c for c, _ in found], axis=1), np.stack([v for _, v in found], axis=1)

    # -- conditions ----------------------------------------------------------------------------

    def _decide(self, condition: int) -> None:
        """A condition's truths on every session, in each combination that the runs have."""
        columns, months, _, first = self.of.view
        rows, points = self.plan.conditions[condition].present(self.digits)
        begin, out = self.pools.truths.take(len(points))
        here = self.digits[points]
        operation, a, b, extra = self.code.conditions[condition].tolist()
        if operation <= op.LESS_EQUAL:
            since = 0 if condition in self.of.recalled else first
            choosing.fill_comparisons(
                operation, columns, *self.slot(a, here), *self.slot(b, here), since, out
            )
        else:
            parts = parts_of_condition(self.code, operation, a, b)
            joined = np.zeros((len(points), max(len(parts), 1)), dtype=np.int64)
            for i, part in enumerate(parts):
                joined[:, i] = self.asked[part][points]
            numbers = np.full(len(points), b if operation == op.ALL_OF else 1, dtype=np.int64)
            if operation in (op.FOR_DAYS, op.AT_LEAST):
                slot = b if operation == op.FOR_DAYS else extra
                numbers = self.slot(slot, here)[1].astype(np.int64)
            pool = self.pools.truths.rows
            choosing.fill_joined(operation, a, numbers, joined, months, pool, out)
        self.asked[condition] = rows + begin

    # -- nodes ---------------------------------------------------------------------------------

    def _node(self, node: int, below: list[Sleeves]) -> Sleeves:
        kind = self.code.kind[node]
        if kind == op.PASS:
            return below[0]
        if kind == op.GATE:
            return self._gate(node, below)
        if kind == op.SWITCH:
            return self._switch(node, below)
        if kind == op.SCALE:
            return self._scale(node, below)
        if kind == op.SORT:
            return self._sort(node, below)
        parts = self._weights(node)
        return beside([self._times(node, s, p) for s, p in zip(below, parts, strict=True)])

    def _gate(self, node: int, below: list[Sleeves]) -> Sleeves:
        rows, points = self.plan.nodes[node].present(self.digits)
        asking = self.asked[int(self.code.arg[node, 0])][points]

        def fill(pool: npt.NDArray[Any], cases: Index, out: npt.NDArray[Any]) -> None:
            yes, no = np.ascontiguousarray(cases.T)
            choosing.fill_gates(self.truths, asking, pool, yes, no, out)

        return self._chosen(rows, points, below, fill)

    def _switch(self, node: int, below: list[Sleeves]) -> Sleeves:
        rows, points = self.plan.nodes[node].present(self.digits)
        first, count = self.code.arg[node, :2].tolist()
        conditions = self.code.refs[first : first + count].tolist()
        asking = np.stack([self.asked[c][points] for c in conditions], axis=1)

        def fill(pool: npt.NDArray[Any], cases: Index, out: npt.NDArray[Any]) -> None:
            choosing.fill_switches(self.truths, asking, pool, cases, out)

        return self._chosen(rows, points, below, fill)

    def _scale(self, node: int, below: list[Sleeves]) -> Sleeves:
        slots = self.code.arg[node, :3].tolist()
        rows, points = union((self.plan.slots[s] for s in slots), self.plan.grid).present(
            self.digits
        )
        measured, low, high = (self.slot(slot, self.digits[points]) for slot in slots)
        first, shares = self.pools.shares.take(2 * len(points))
        marked, marks = self.pools.marks.take(len(points))
        sharing.fill_scales(
            self.of.columns, self.of.begin, len(below), *measured, low[1], high[1], marks,
            shares.reshape(len(points), 2, -1),
        )  # fmt: skip
        taken = [self._marked(node, below, marked + rows, offset) for offset in (0, 1)]
        return beside([self._times(node, s, first + 2 * rows + i) for i, s in enumerate(taken)])

    def _marked(self, node: int, below: list[Sleeves], marks: Index, offset: int) -> Sleeves:
        """The child so far behind the marked one; of two children it is always the same."""
        if len(below) == 2:
            return below[offset]
        rows, points = self.plan.nodes[node].present(self.digits)
        pool_of_marks, which = self.pools.marks.rows, marks[points]

        def fill(pool: npt.NDArray[Any], cases: Index, out: npt.NDArray[Any]) -> None:
            sharing.fill_picked(pool_of_marks, which, offset, pool, cases, out)

        return self._chosen(rows, points, below, fill)

    def _sort(self, node: int, below: list[Sleeves]) -> Sleeves:
        rows, points = self.plan.nodes[node].present(self.digits)
        ranking = Ranking(self, node, points)
        found = []
        for place in range(ranking.places):
            taken = self._chosen(rows, points, below, partial(ranking.fill, place))
            found.append(self._times(node, taken, ranking.shares(place)[rows]))
        return beside(found)

    def _weights(self, node: int) -> list[Index]:
        """For each child, each run's row of what a weight gives it."""
        n, kind = int(self.code.arity[node]), self.code.kind[node]
        if kind in (op.EQUAL, op.RANKED):
            ranked = [2.0 * (n - i) / (n * (n + 1.0)) for i in range(n)]
            parts = [1.0 / n] * n if kind == op.EQUAL else ranked
            return [self.constant(np.full(len(self.digits), part)) for part in parts]
        slots = self.code.refs[self.code.arg[node, 0] :][:n].tolist()
        if kind == op.SPECIFIED:
            return [self.constant(self.slot(slot, self.digits)[1]) for slot in slots]
        rows, points = union((self.plan.slots[s] for s in slots), self.plan.grid).present(
            self.digits
        )
        unranked = np.zeros((len(points), n, len(self.of.ready.sessions)), dtype=np.uint8)
        taken = np.full(len(points), float(n))
        begin = self.inverse_volatility(slots, self.digits[points], taken, unranked)
        return [begin + n * rows + i for i in range(n)]

    def inverse_volatility(
        self, slots: list[int], here: Digits, take: Float, ranks: npt.NDArray[np.uint8]
    ) -> int:
        """The first row of shares of the ``take`` best, one row a combination and slot."""
        columns, values = self.slots(slots, here)
        begin, out = self.pools.shares.take(columns.size)
        sharing.fill_inverse_volatility(
            self.of.columns, self.of.begin, columns, values, ranks, take, out.reshape(ranks.shape)
        )
        return begin

    def constant(self, parts: Float) -> Index:
        """Rows of shares that stay the same, one for each different part."""
        distinct, rows = np.unique(parts, return_inverse=True)
        begin, out = self.pools.shares.take(len(distinct))
        out[:] = distinct[:, None]
        return begin + rows

    # -- sleeves -------------------------------------------------------------------------------

    def _chosen(self, rows: Index, points: Index, below: list[Sleeves], fill: Fill) -> Sleeves:
        """The sleeves of the child that is taken, which ``fill`` knows, session by session."""
        choices, shares = [], []
        for k in range(max(s.rows.shape[1] for s in below)):
            cases = [s.at(k, points) for s in below]
            begin, out = self.pools.choices.take(len(points))
            fill(self.pools.choices.rows, np.stack([c for c, _ in cases], axis=1), out)
            choices.append(begin + rows)
            given = np.stack([g for _, g in cases], axis=1)
            begin = 0
            if given.any():
                begin, out = self.pools.shares.take(len(points))
                fill(self.pools.shares.rows, given, out)
            shares.append(begin + rows if given.any() else np.zeros_like(rows))
        return Sleeves(np.stack(choices, axis=1), np.stack(shares, axis=1))

    def _times(self, node: int, sleeves: Sleeves, parts: Index) -> Sleeves:
        """The sleeves of a child that is given the rows ``parts`` [n] of shares."""
        rows, points = self.plan.nodes[node].present(self.digits)
        shares = np.repeat(parts[:, None], sleeves.rows.shape[1], axis=1)
        for k in np.flatnonzero(sleeves.shares.any(axis=0)):
            begin, out = self.pools.shares.take(len(points))
            sharing.fill_products(
                self.pools.shares.rows, parts[points], sleeves.shares[points, k], out
            )
            shares[:, k] = begin + rows
        return Sleeves(sleeves.rows, shares)
