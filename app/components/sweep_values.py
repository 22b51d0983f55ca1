"""Values of a grid's variables in words."""

from __future__ import annotations

from collections.abc import Mapping

from core.flow.nodes import VariableValue
from core.sweep.grid import Grid


def variables_text(values: Mapping[str, VariableValue]) -> str:
    """Values of variables as one reads them: ``window 10, hot 75``."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in values.items())


def value_text(value: VariableValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def labels(grid: Grid, name: str) -> list[str]:
    """What a variable's values are called on an axis, in their order."""
    axis = grid.axes[grid.axis_of[name]]
    at = axis.names.index(name)
    return [value_text(row[at]) for row in axis.values]
