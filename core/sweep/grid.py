"""The grid of a sweep: axes of values, and which of their points are run.

A run's index is the mixed-radix number of its grid point, the first axis counting slowest. Values
of variables need no storage with the results: they are computed from the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from math import prod
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInput, UnknownName
from core.flow.nodes import VARIABLE_NAME, VariableValue
from core.flow.variables import parse_value
from core.sweep.constraint import Constraint, parse_constraint

Index = npt.NDArray[np.int64]
"""Indices of grid points."""
Digits = npt.NDArray[np.int64]
"""[n, axes]: which value each axis has at each point."""

MAX_VALUES = 100_000
"""On one axis."""
MAX_POINTS = 1_000_000_000
"""In the whole grid; more could not be looked through for points that hold."""
MAX_RUNS = 5_000_000
_CHUNK = 1 << 20


class Axis(BaseModel):
    """Variables that change together, and the values they take; usually one variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    values: tuple[tuple[VariableValue, ...], ...]

    @property
    def label(self) -> str:
        return ", ".join(self.names)


class Sample(BaseModel):
    """A random choice of the points that hold: so many, the same for the same seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: Annotated[int, Field(ge=1, le=MAX_RUNS)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class Grid(BaseModel):
    """The axes' product, less what the constraints drop, or a sample of that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    axes: tuple[Axis, ...]
    constraints: tuple[str, ...] = ()
    sample: Sample | None = None

    @property
    def size(self) -> int:
        """Points in the product of the axes."""
        return prod(len(axis.values) for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    @cached_property
    def axis_of(self) -> dict[str, int]:
        """The axis each variable is on."""
        return {name: i for i, axis in enumerate(self.axes) for name in axis.names}

    def digits(self, points: Index) -> Digits:
        """[n, axes]: which value each axis has at each of ``points``."""
        rest, columns = np.asarray(points, dtype=np.int64), []
        for length in reversed(self.shape):
            rest, digit = np.divmod(rest, length)
            columns.append(digit)
        return np.stack(columns[::-1], axis=1) if columns else np.zeros((len(rest), 0), np.int64)

    def values_at(self, point: int) -> dict[str, VariableValue]:
        """Every variable's value at one point."""
        found: dict[str, VariableValue] = {}
        for axis, digit in zip(self.axes, self.digits(np.array([point]))[0], strict=True):
            found.update(zip(axis.names, axis.values[digit], strict=True))
        return found

    def column(self, name: str, points: Index) -> npt.NDArray[Any]:
        """One variable's value at each of ``points``."""
        i = self.axis_of[name]
        values = [row[self.axes[i].names.index(name)] for row in self.axes[i].values]
        return _array(values)[self.digits(points)[:, i]]

    def weights(self) -> tuple[int, ...]:
        """What one step along each axis adds to a point's index."""
        return tuple(prod(self.shape[i + 1 :]) for i in range(len(self.shape)))

    def size_at(self, values: Mapping[str, int]) -> int:
        """How many points of the axes' product have these values of variables, by number."""
        held = {self.axis_of[name] for name in values}
        return prod(length for i, length in enumerate(self.shape) if i not in held)

    def points_at(self, values: Mapping[str, int]) -> Index:
        """The points of the axes' product that have these values of variables, by number,
        ascending; ``size_at`` many, less where two variables of one axis are held apart."""
        digits = [np.arange(length, dtype=np.int64) for length in self.shape]
        for name, digit in values.items():
            i = self.axis_of[name]
            digits[i] = digits[i][digits[i] == digit]
        points = np.zeros(1, dtype=np.int64)
        for weight, own in zip(self.weights(), digits, strict=True):
            points = np.add.outer(points, own * weight).reshape(-1)
        return points

    def points(self) -> Index:
        """The points to run, ascending; BadInput when none holds or there are too many."""
        checks = parse_constraints(self)
        if not checks and self.sample is None:
            _refuse_many(self.size)
            return np.arange(self.size, dtype=np.int64)
        found: list[Index] = []
        count = 0
        for begin in range(0, self.size, _CHUNK):
            points = np.arange(begin, min(begin + _CHUNK, self.size), dtype=np.int64)
            for check in checks:
                points = points[check.holds({n: self.column(n, points) for n in check.names})]
            count += len(points)
            if self.sample is None:
                _refuse_many(count)
            found.append(points)
        holding = np.concatenate(found) if found else np.zeros(0, np.int64)
        if not len(holding):
            raise BadInput("constraints", "no point of the grid holds.", "Loosen a constraint.")
        if self.sample is None or self.sample.count >= len(holding):
            _refuse_many(len(holding))
            return holding
        chosen = np.random.default_rng(self.sample.seed).choice(
            len(holding), self.sample.count, replace=False, shuffle=False
        )
        return np.sort(holding[chosen])


def _refuse_many(count: int) -> None:
    if count > MAX_RUNS:
        raise BadInput(
            "grid",
            f"{count:,} runs are more than the {MAX_RUNS:,} a sweep may have.",
            "Use longer steps, a constraint, or a sample.",
        )


def _array(values: Sequence[VariableValue]) -> npt.NDArray[Any]:
    numbers = all(isinstance(value, int | float) for value in values)
    return np.array(values, dtype=np.float64 if numbers else object)


def parse_constraints(grid: Grid) -> tuple[Constraint, ...]:
    """The grid's constraints, read; BadInput for one that cannot be."""
    numeric = {
        name: all(isinstance(row[i], int | float) for row in axis.values)
        for axis in grid.axes
        for i, name in enumerate(axis.names)
    }
    return tuple(
        parse_constraint(text, numeric, f"constraints[{i}]")
        for i, text in enumerate(grid.constraints)
    )


# -- reading grids -------------------------------------------------------------------------------


def parse_grid(
    texts: Sequence[str],
    constraints: Sequence[str] = (),
    sample: Sample | None = None,
    *,
    field: str = "--grid",
) -> Grid:
    """A grid from texts like ``window=5:50:5`` and ``safe=TLT,GLD``.

    A range includes its end. Raises BadInput, naming ``field``.
    """
    axes = []
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not VARIABLE_NAME.fullmatch(name):
            raise BadInput(field, f"'{text}' is not of the form name=values.", _HOW)
        axes.append(Axis(names=(name,), values=tuple((v,) for v in parse_values(values, field))))
    return checked(Grid(axes=tuple(axes), constraints=tuple(constraints), sample=sample), field)


_HOW = "Write e.g. window=5:50:5 or safe=TLT,GLD."


def parse_values(text: str, field: str) -> list[VariableValue]:
    """``5:50:5`` or ``5:50`` (steps of 1) as numbers, ``a,b,c`` as a list; BadInput otherwise."""
    parts = text.split(":")
    if len(parts) == 1:
        values = [parse_value(part.strip()) for part in text.split(",") if part.strip()]
        if not values:
            raise BadInput(field, "there is no value.", _HOW)
        return values
    try:
        low, high, *rest = [Decimal(part.strip()) for part in parts]
        step = rest[0] if rest else Decimal(1)
        if len(parts) > 3 or not all(d.is_finite() for d in (low, high, step)):
            raise InvalidOperation
    except (InvalidOperation, ValueError):
        raise BadInput(field, f"'{text}' is not a range from:to:step of numbers.", _HOW) from None
    if step <= 0 or high < low:
        fix = "The end must not be below the start, and the step must be above zero."
        raise BadInput(field, f"the range '{text}' is empty.", fix)
    count = int((high - low) / step) + 1
    if count > MAX_VALUES:
        raise BadInput(field, f"'{text}' has {count:,} values.", f"At most {MAX_VALUES:,}.")
    whole = all(d == d.to_integral_value() for d in (low, step))
    return [int(low + i * step) if whole else float(low + i * step) for i in range(count)]


def rows_grid(rows: Sequence[Mapping[str, VariableValue]], field: str = "rows") -> Grid:
    """A list of rows as a grid with one axis: all variables change together."""
    names = tuple(rows[0]) if rows else ()
    if not names:
        raise BadInput(field, "there is no row.", "Give at least one row of values.")
    for i, row in enumerate(rows):
        if set(row) != set(names):
            fix = f"Every row needs {', '.join(names)}."
            raise BadInput(f"{field}[{i}]", "it has other variables than the first row.", fix)
    return checked(
        Grid(axes=(Axis(names=names, values=tuple(tuple(r[n] for n in names) for r in rows)),)),
        field,
    )


def grid_from_json(data: object, field: str = "grid") -> Grid:
    """A grid as stored or sent; BadInput naming the place that is wrong."""
    try:
        return checked(Grid.model_validate(data), field)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        place = ".".join([field, *map(str, first["loc"])])
        raise BadInput(place, first["msg"][0].lower() + first["msg"][1:] + ".") from None


def checked(grid: Grid, field: str) -> Grid:
    """``grid`` if it makes sense by itself; BadInput otherwise."""
    if not grid.axes:
        raise BadInput(field, "there is nothing to sweep.", _HOW)
    seen: set[str] = set()
    for axis in grid.axes:
        for name in axis.names:
            if name in seen:
                raise BadInput(field, f"'{name}' is swept twice.", "Name each variable once.")
            seen.add(name)
        if not axis.values or any(len(row) != len(axis.names) for row in axis.values):
            raise BadInput(field, f"'{axis.label}' has no values.", _HOW)
        if len(set(axis.values)) < len(axis.values):
            raise BadInput(field, f"'{axis.label}' has a value twice.", "Name each value once.")
    if grid.size > MAX_POINTS:
        raise BadInput(field, f"the grid has {grid.size:,} points.", f"At most {MAX_POINTS:,}.")
    parse_constraints(grid)
    return grid


def refuse_unknown(grid: Grid, known: Mapping[str, VariableValue], field: str) -> None:
    """UnknownName for a variable the flow does not declare."""
    for name in grid.axis_of:
        if name not in known:
            raise UnknownName(field, "variable", name, known)
