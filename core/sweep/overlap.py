"""The points two grids have in common: what an extended sweep need not run again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.flow.nodes import VariableValue
from core.sweep.grid import Grid, Index

Fixed = Mapping[str, VariableValue]
"""Every variable of a flow at the value it has where it is not swept."""
_NONE = np.zeros(0, dtype=np.int64)


def overlap(new: Grid, new_fixed: Fixed, old: Grid, old_fixed: Fixed) -> tuple[Index, Index]:
    """Points of ``new`` at which all variables have the values of a point of ``old``, and that one.

    Two int64 arrays of the same length, ascending by the first. Variables that only change
    together on one of the grids and otherwise on the other are not compared: nothing is shared.
    """
    points = new.points()
    digits = new.digits(points)
    found, shared = np.zeros(len(points), dtype=np.int64), np.ones(len(points), dtype=np.bool_)
    swept = set(new.axis_of) | set(old.axis_of)
    if any(new_fixed.get(n) != old_fixed.get(n) for n in set(new_fixed) - swept):
        return _NONE, _NONE
    new_axes = {axis.names: i for i, axis in enumerate(new.axes)}
    for axis, weight in zip(old.axes, old.weights(), strict=True):
        number = {row: digit for digit, row in enumerate(axis.values)}
        if axis.names in new_axes:
            at = new_axes.pop(axis.names)
            map_ = np.array([number.get(row, -1) for row in new.axes[at].values], dtype=np.int64)
            digit = map_[digits[:, at]]
        elif any(name in new.axis_of for name in axis.names):
            return _NONE, _NONE
        else:
            row = tuple(new_fixed[name] for name in axis.names)
            digit = np.full(len(points), number.get(row, -1), dtype=np.int64)
        found += np.maximum(digit, 0) * weight
        shared &= digit >= 0
    for names, at in new_axes.items():
        if any(name in old.axis_of for name in names):
            return _NONE, _NONE
        here = tuple(old_fixed[name] for name in names)
        same = np.array([row == here for row in new.axes[at].values])
        shared &= same[digits[:, at]]
    if old.constraints or old.sample:
        shared &= np.isin(found, old.points())
    return points[shared], found[shared]
