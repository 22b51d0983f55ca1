"""Points two grids share: the same values of every variable, wherever they stand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sweep.grid import Grid, Sample, parse_grid, rows_grid
from core.sweep.overlap import overlap

FIXED = {"a": 1, "b": 2, "c": "TLT"}


def by_values(grid: Grid, fixed) -> dict[tuple, int]:
    """Every point by all its values, one at a time: what ``overlap`` does at once."""
    return {
        tuple(sorted({**fixed, **grid.values_at(int(p))}.items())): int(p) for p in grid.points()
    }


def expected(new, new_fixed, old, old_fixed):
    ours, theirs = by_values(new, new_fixed), by_values(old, old_fixed)
    return sorted((ours[k], theirs[k]) for k in ours.keys() & theirs.keys())


def found(new, new_fixed, old, old_fixed):
    points, others = overlap(new, new_fixed, old, old_fixed)
    return list(zip(points.tolist(), others.tolist(), strict=True))


@st.composite
def grids(draw):
    pools = {"a": range(1, 6), "b": range(1, 6), "c": ("TLT", "GLD", "BIL")}
    names = draw(st.permutations(sorted(pools)))[: draw(st.integers(1, 3))]
    texts = []
    for name in names:
        values = draw(st.lists(st.sampled_from(list(pools[name])), min_size=1, unique=True))
        texts.append(f"{name}={','.join(map(str, values))}")
    where = ["a < b"] if {"a", "b"} <= set(names) and draw(st.booleans()) else []
    sample = Sample(count=draw(st.integers(1, 9))) if draw(st.booleans()) else None
    return parse_grid(texts, where, sample)


def holds(grid: Grid) -> bool:
    return not grid.constraints or any(
        row["a"] < row["b"]
        for row in (
            dict(zip(grid.axis_of, values, strict=True))
            for values in product(*([v[0] for v in axis.values] for axis in grid.axes))
        )
    )


@given(grids().filter(holds), grids().filter(holds), st.integers(1, 5))
def test_it_is_what_comparing_every_point_finds(new, old, b):
    other = {**FIXED, "b": b}
    assert found(new, FIXED, old, other) == expected(new, FIXED, old, other)


def test_a_variable_that_differs_where_neither_sweeps_it_shares_nothing():
    grid = parse_grid(["a=1:5"])
    assert found(grid, FIXED, grid, {**FIXED, "c": "GLD"}) == []
    assert len(found(grid, FIXED, grid, FIXED)) == 5


def test_rows_share_with_rows_of_the_same_variables_only():
    rows = rows_grid([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    more = rows_grid([{"a": 3, "b": 4}, {"a": 9, "b": 9}])
    assert found(more, FIXED, rows, FIXED) == [(0, 1)]
    assert found(parse_grid(["a=1:5", "b=1:5"]), FIXED, rows, FIXED) == []


@pytest.mark.parametrize("text", ["a=1:5", "c=TLT,GLD"])
def test_numbers_and_symbols_are_told_apart(text):
    grid = parse_grid([text])
    assert len(found(grid, FIXED, grid, FIXED)) == grid.size
