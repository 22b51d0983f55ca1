"""Combinations of some axes' values: what a part of a flow that depends on them can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product

import numpy as np
import numpy.typing as npt

from core.flow.nodes import VariableValue
from core.sweep.grid import Digits, Grid, Index


@dataclass(frozen=True, eq=False)
class Combinations:
    """Every combination of the values of ``axes``, numbered; one if there are no axes."""

    grid: Grid
    axes: tuple[int, ...]

    @cached_property
    def count(self) -> int:
        return int(np.prod([len(self.grid.axes[a].values) for a in self.axes], dtype=np.int64))

    @cached_property
    def _weights(self) -> npt.NDArray[np.int64]:
        lengths = [len(self.grid.axes[a].values) for a in self.axes]
        return np.array([int(np.prod(lengths[i + 1 :])) for i in range(len(lengths))], np.int64)

    def numbers(self, digits: Digits) -> Index:
        """The combination at each point."""
        if not self.axes:
            return np.zeros(len(digits), dtype=np.int64)
        found: Index = digits[:, self.axes] @ self._weights
        return found

    def digits(self, numbers: Index) -> Digits:
        """Digits [n, all axes] of points with these combinations; 0 on the other axes."""
        rows = np.zeros((len(numbers), len(self.grid.axes)), dtype=np.int64)
        rest = np.asarray(numbers, dtype=np.int64)
        for axis in reversed(self.axes):
            rest, rows[:, axis] = np.divmod(rest, len(self.grid.axes[axis].values))
        return rows

    def values(self) -> Iterator[dict[str, VariableValue]]:
        """The variables' values in each combination, in the order of their numbers."""
        axes = [self.grid.axes[a] for a in self.axes]
        names = [name for axis in axes for name in axis.names]
        for rows in product(*(axis.values for axis in axes)):
            yield dict(zip(names, chain.from_iterable(rows), strict=True))

    def present(self, digits: Digits) -> tuple[Index, Index]:
        """Which combinations points have: for each point a row, for each row one such point.

        Rows are numbered from 0 without gaps, so that what is computed once a combination needs no
        more room than there are different ones.
        """
        numbers = self.numbers(digits)
        if self.count > 8 * len(numbers):
            _, points, rows = np.unique(numbers, return_index=True, return_inverse=True)
            return rows, points
        first = np.full(self.count, -1, dtype=np.int64)
        first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
        points = first[first >= 0]
        row_of = np.cumsum(first >= 0) - 1
        return row_of[numbers], points


def union(parts: Iterable[Combinations], grid: Grid) -> Combinations:
    """The combinations of all axes any of the parts depends on."""
    axes: set[int] = set()
    for part in parts:
        axes.update(part.axes)
    return Combinations(grid, tuple(sorted(axes)))
