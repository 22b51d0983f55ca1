"""Grids: how they are read, numbered, thinned out, and refused."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInput, UnknownName
from core.sweep.combinations import Combinations
from core.sweep.grid import (
    Axis,
    Grid,
    Sample,
    grid_from_json,
    parse_grid,
    parse_values,
    refuse_unknown,
    rows_grid,
)
from core.sweep.heatmap import sliced


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5:8", [5, 6, 7, 8]),
        ("5:50:15", [5, 20, 35, 50]),
        ("5:49:15", [5, 20, 35]),
        ("0.1:0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("-2:2:2", [-2, 0, 2]),
        ("TLT, GLD", ["TLT", "GLD"]),
        ("3,1.5,SPY", [3, 1.5, "SPY"]),
    ],
)
def test_values_as_written(text, values):
    found = parse_values(text, "--grid")
    assert found == values
    assert [type(v) for v in found] == [type(v) for v in values]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no value"),
        (",", "no value"),
        ("9:5", "is empty"),
        ("1:9:0", "is empty"),
        ("1:9:-1", "is empty"),
        ("a:b", "not a range"),
        ("1:2:3:4", "not a range"),
        ("1:nan", "not a range"),
        ("1:1e9:0.001", "values"),
    ],
)
def test_values_that_are_refused(text, said):
    with pytest.raises(BadInput, match=said) as caught:
        parse_values(text, "--grid")
    assert caught.value.field == "--grid"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["window"], "name=values"),
        (["9x=1:2"], "name=values"),
        (["a=1:2", "a=3"], "swept twice"),
        (["a=1,2,1"], "value twice"),
        ([], "nothing to sweep"),
        (["a=1:100000", "b=1:100000"], "points"),
    ],
)
def test_grids_that_are_refused(texts, said):
    with pytest.raises(BadInput, match=said):
        parse_grid(texts)


def test_the_first_axis_counts_slowest():
    grid = parse_grid(["fast=5,10", "safe=TLT,GLD,SHY"])
    rows = [grid.values_at(i) for i in range(grid.size)]
    assert [(r["fast"], r["safe"]) for r in rows] == [
        (5, "TLT"), (5, "GLD"), (5, "SHY"), (10, "TLT"), (10, "GLD"), (10, "SHY"),
    ]  # fmt: skip
    assert grid.column("fast", np.arange(6)).tolist() == [5, 5, 5, 10, 10, 10]


def test_constraints_drop_points():
    grid = parse_grid(["fast=5:20:5", "slow=10:40:10"], ["fast < slow", "slow - fast != 15"])
    kept = [tuple(grid.values_at(int(i)).values()) for i in grid.points()]
    every = [(f, s) for f in (5, 10, 15, 20) for s in (10, 20, 30, 40)]
    assert kept == [(f, s) for f, s in every if f < s and s - f != 15]


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("fast <", "cannot be read"),
        ("fast", "no comparison"),
        ("fast in slow", "something else"),
        ("fast < safe", "number with text"),
        ("safe < 'TLT'", "number with text"),
        ("abs(fast) < 3", "no comparison of variables"),
        ("__import__('os') == 1", "no comparison of variables"),
        ("fast < 1" + " + 1" * 100, "no comparison"),
        ("fast < sow", "sow"),
    ],
)
def test_constraints_that_are_refused(constraint, said):
    with pytest.raises(BadInput, match=said):
        parse_grid(["fast=5,10", "slow=10,20", "safe=TLT,GLD"], [constraint])


def test_text_can_be_equal():
    grid = parse_grid(["a=TLT,GLD", "b=TLT,GLD"], ["a != b"])
    assert [tuple(grid.values_at(int(i)).values()) for i in grid.points()] == [
        ("TLT", "GLD"),
        ("GLD", "TLT"),
    ]


def test_a_grid_nothing_holds_in_is_refused():
    with pytest.raises(BadInput, match="no point"):
        parse_grid(["a=1:3"], ["a > 9"]).points()


def test_a_sample_is_of_points_that_hold_and_the_same_again():
    grid = parse_grid(["a=1:100", "b=1:100"], ["a < b"], Sample(count=50, seed=7))
    points = grid.points()
    assert len(points) == 50
    assert (np.diff(points) > 0).all()
    assert all(v["a"] < v["b"] for v in map(grid.values_at, points.tolist()))
    np.testing.assert_array_equal(points, grid.points())
    other = grid.model_copy(update={"sample": Sample(count=50, seed=8)})
    assert set(other.points().tolist()) != set(points.tolist())


def test_a_sample_larger_than_the_grid_is_the_grid():
    grid = parse_grid(["a=1:4"], (), Sample(count=50))
    assert grid.points().tolist() == [0, 1, 2, 3]


def test_rows_are_an_axis_of_their_own():
    grid = rows_grid([{"a": 1, "b": "x"}, {"b": "y", "a": 2}])
    assert [grid.values_at(int(i)) for i in grid.points()] == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    with pytest.raises(BadInput, match="other variables"):
        rows_grid([{"a": 1}, {"b": 1}])
    with pytest.raises(BadInput, match="no row"):
        rows_grid([])


def test_a_grid_survives_json():
    grid = parse_grid(["a=1:3", "s=TLT,GLD"], ["a > 1"], Sample(count=2, seed=1))
    assert grid_from_json(grid.model_dump(mode="json")) == grid
    with pytest.raises(BadInput, match=r"grid\.axes"):
        grid_from_json({"axes": 3})


def test_too_many_runs_are_refused():
    grid = parse_grid(["a=1:5000", "b=1:5000"])
    with pytest.raises(BadInput, match="25,000,000 runs"):
        grid.points()


def test_a_variable_the_flow_lacks_is_named():
    with pytest.raises(UnknownName, match="window"):
        refuse_unknown(parse_grid(["windw=1:3"]), {"window": 10}, "--grid")


@pytest.mark.parametrize("axes", [(), (0,), (1, 2), (0, 1, 2)])
def test_combinations_number_what_points_have(axes):
    grid = Grid(axes=tuple(Axis(names=(n,), values=tuple((v,) for v in range(k)))
                           for n, k in (("a", 3), ("b", 4), ("c", 5))))  # fmt: skip
    points = np.random.default_rng(1).choice(grid.size, 25, replace=False)
    digits, part = grid.digits(points), Combinations(grid, axes)
    rows, shown = part.present(digits)
    combinations = list(part.values())
    assert len(combinations) == part.count
    for i in range(len(points)):
        same = combinations[part.numbers(digits)[i]]
        assert same == {n: v for n, v in grid.values_at(int(points[i])).items()
                        if grid.axis_of[n] in axes}  # fmt: skip
        assert part.numbers(digits)[shown[rows[i]]] == part.numbers(digits)[i]
    assert len(shown) == len(set(part.numbers(digits).tolist()))


@pytest.mark.parametrize(
    "values", [{}, {"b": 1}, {"a": 2, "d": 0}, {"b": 1, "c": 1}, {"b": 0, "c": 1}]
)
def test_points_with_some_values_are_those_one_finds_by_looking(values):
    together = Axis(names=("b", "c"), values=((1, "x"), (2, "y"), (3, "z")))
    axes = [
        Axis(names=(name,), values=tuple((i,) for i in range(n)))
        for name, n in (("a", 4), ("d", 2))
    ]
    grid = Grid(axes=(axes[0], together, axes[1]))
    found = grid.points_at(values)
    np.testing.assert_array_equal(found, sliced(grid, grid.points(), values))
    assert grid.size_at(values) >= len(found)
    assert grid.size_at({}) == grid.size
