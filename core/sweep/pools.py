"""Where a slice of runs is worked out: rows of truths, choices and shares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.flow import opcodes as op
from core.market.bars import Float
from core.sweep.grid import Index
from core.sweep.kernel import PADDING
from core.sweep.prepare import Prepared


class Sleeves(NamedTuple):
    """What runs divide their capital between, at and below one node.

    ``rows``    int64 [n, K]: rows of choices
    ``shares``  int64 [n, K]: rows of shares; row 0 is 1 on all sessions
    """

    rows: Index
    shares: Index

    def at(self, k: int, points: Index) -> tuple[Index, Index]:
        """Sleeve ``k`` of some runs; nothing where there are not so many."""
        if k < self.rows.shape[1]:
            return self.rows[points, k], self.shares[points, k]
        nothing = np.zeros(len(points), dtype=np.int64)
        return nothing, nothing


def beside(parts: list[Sleeves]) -> Sleeves:
    """All the sleeves of the parts."""
    return Sleeves(np.hstack([p.rows for p in parts]), np.hstack([p.shares for p in parts]))


class Pool:
    """Rows that are handed out one after another, and again for the next slice of runs."""

    def __init__(self, width: int, kind: type) -> None:
        self.rows: npt.NDArray[Any] = np.zeros((64, width), dtype=kind)
        self.used = 0

    def take(self, count: int) -> tuple[int, npt.NDArray[Any]]:
        """So many rows: the number of the first, and the rows, good until the next are taken."""
        first = self.used
        self.used += count
        if self.used > len(self.rows):
            larger = np.zeros((2 * self.used, self.rows.shape[1]), dtype=self.rows.dtype)
            larger[:first] = self.rows[:first]
            self.rows = larger
        return first, self.rows[first : self.used]


class Pools:
    """Working memory of one thread.

    ``truths``   int8 [*, sessions of the view]
    ``choices``  uint8 [*, T + PADDING]: row 0 is cash, row i + 1 portfolio i
    ``shares``   float64 [*, T]: row 0 is 1
    ``marks``    uint8 [*, T]
    """

    def __init__(self, viewed: int, sessions: int, portfolios: int) -> None:
        self.truths = Pool(viewed, np.int8)
        self.choices = Pool(sessions + PADDING, np.uint8)
        self.shares = Pool(sessions, np.float64)
        self.marks = Pool(sessions, np.uint8)
        self.portfolios = portfolios
        self.clear()

    def clear(self) -> None:
        for pool in (self.truths, self.choices, self.shares, self.marks):
            pool.used = 0
        _, choices = self.choices.take(self.portfolios + 1)
        choices[:] = np.arange(self.portfolios + 1, dtype=np.uint8)[:, None]
        self.shares.take(1)[1][:] = 1.0


class View(NamedTuple):
    """The sessions conditions are decided on: all history only if one of them recalls it.

    ``columns``  float64 [C, sessions], ``months`` int8 [sessions], ``priced`` bool [sessions, N]
    ``first``    number of the first session of the runs
    """

    columns: Float
    months: npt.NDArray[np.int8]
    priced: npt.NDArray[np.bool_]
    first: int


def view_of(ready: Prepared) -> View:
    code, first = ready.plan.program.code, ready.first
    if np.isin(code.conditions[:, 0], (op.LATCH, op.FOR_DAYS)).any():
        return View(ready.columns, ready.months, ready.priced, first)
    columns = np.ascontiguousarray(ready.columns[:, first:])
    priced = np.ascontiguousarray(ready.priced[first:])
    return View(columns, np.ascontiguousarray(ready.months[first:]), priced, 0)
