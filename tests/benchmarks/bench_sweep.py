"""How fast sweeps are, after checking that they are right: the engine alone, then end to end.

    python tests/benchmarks/bench_sweep.py [--large] [--runs N] [--data PATH]

Random runs of every flow are compared with single backtests before anything is timed. Then: runs
a second of the engine; a sweep from the row that asks for it to the last run in Postgres, by a
worker process that is warm; and the questions pages ask of the finished sweep. It works in a home
of its own, on the demo market, and ends with 1 if a check or a goal fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import numpy as np  # noqa: E402
from durable import Finished, finish_sweep, stored_bytes, warm_workers  # noqa: E402
from sweep_flows import (  # noqa: E402
    FLOW_A,
    FLOWS,
    Place,
    check,
    data_option,
    grid_of,
    machine,
    place,
    say,
    spread,
)

from core.library.sweeps import Filter  # noqa: E402
from core.sweep.grid import Index  # noqa: E402
from core.sweep.kernel import LANES, METRICS, desk_for, look_up, measure_lanes  # noqa: E402
from core.sweep.run import BLOCK, SLICE, Sweeper, in_blocks  # noqa: E402

RUNS, LARGE = 200_000, 1_500_000
CHECKED, CHECKED_STORED = 36, 12
GOAL_KERNEL, GOAL_OTHER = 70_000.0, 10_000.0
"""Runs a second of flow A and of the others, on all cores."""
GOAL_SECONDS = {RUNS: 5.0, LARGE: 35.0}
"""End to end, for so many runs; other numbers have no goal."""
GOAL_BYTES = 1.5e9
GOAL_QUESTION_SECONDS = 1.0
TIMED_SECONDS = 1.0
"""A slow flow is given fewer runs, so that it takes about so long on one thread."""


class Goals:
    """Which were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def want(self, kept: bool, what: str) -> str:
        """A mark for the table; what is missed is kept for the end."""
        if not kept:
            self.missed.append(what)
        return "" if kept else "  MISSED"


# -- the engine alone ----------------------------------------------------------------------------


def bench_engine(at: Place, runs: int, goals: Goals) -> None:
    say(f"\n{'engine alone, runs a second':32}{'way':>11}{'1 thread':>10}{'all':>10}"
        f"{'a CPU second':>14}{'goal':>9}")  # fmt: skip
    for name, flow in FLOWS.items():
        grid = grid_of(runs)
        sweeper, points = at.sweeper(flow, grid), grid.points()
        some = spread(points, 256)
        check(flow, at, grid, sweeper.run(some), CHECKED)
        some = some_for(sweeper, points)
        one, processor = rate_of_one(sweeper, some)
        everything = points if sweeper.way == "table" else some
        everyone = rate_of_all(sweeper, everything)
        goal = GOAL_KERNEL if flow is FLOW_A else GOAL_OTHER
        mark = goals.want(everyone >= goal, f"{name}: {everyone:,.0f} of {goal:,.0f} runs a second")
        say(f"{name:32}{sweeper.way:>11}{one:10,.0f}{everyone:10,.0f}{processor:14,.0f}"
            f"{goal:9,.0f}{mark}")  # fmt: skip
    say(f"(each: {CHECKED} random runs equal their backtests to 1e-12)")


def some_for(sweeper: Sweeper, points: Index) -> Index:
    """As many points as take about TIMED_SECONDS on one thread, from all over the grid."""
    count = 256
    while True:
        some = spread(points, count)
        begun = time.perf_counter()
        sweeper.run(some)
        seconds = time.perf_counter() - begun
        if seconds > TIMED_SECONDS / 8 or count >= 65_536:
            return spread(points, min(65_536, int(len(some) * TIMED_SECONDS / seconds)))
        count *= 4


def rate_of_one(sweeper: Sweeper, points: Index) -> tuple[float, float]:
    """Runs a second on this thread: of the clock on the wall, and of the processor's."""
    wall, processor = [], []
    for _ in range(3):
        begun, worked = time.perf_counter(), time.thread_time()
        for i in range(0, len(points), BLOCK):
            sweeper.run(points[i : i + BLOCK])
        wall.append(time.perf_counter() - begun)
        processor.append(time.thread_time() - worked)
    return len(points) / statistics.median(wall), len(points) / statistics.median(processor)


def rate_of_all(sweeper: Sweeper, points: Index) -> float:
    """Runs a second on a thread for each core."""
    size = min(BLOCK, max(64, len(points) // 16))
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        done = sum(len(block.points) for block in in_blocks(sweeper, points, size=size))
        times.append(time.perf_counter() - begun)
        assert done == len(points)
    return len(points) / statistics.median(times)


def say_parts(at: Place, runs: int) -> None:
    """Where the time of flow A goes, in processor time of one thread."""
    grid = grid_of(runs)
    sweeper, points = at.sweeper(FLOW_A, grid), grid.points()[:SLICE]
    points = points[: len(points) // LANES * LANES]
    ready, known, earnings = sweeper.ready, sweeper.portfolios, sweeper.table
    assert known is not None
    assert earnings is not None
    digits, clock = ready.plan.grid.digits(points), time.thread_time_ns
    desk, out = desk_for(len(ready.sessions)), np.empty((LANES, len(METRICS)))
    chosen, pools = known.chosen(digits), sweeper.decider.pools()
    spent = np.zeros(3)
    for again in range(4):
        if again == 1:
            spent[:] = 0  # the first only warmed up
        begun = clock()
        rows = np.ascontiguousarray(sweeper.decider.decide(digits, pools).rows[:, 0])
        choices = pools.choices.rows
        spent[0] += clock() - begun
        for i in range(0, len(points), LANES):
            begun = clock()
            look_up(choices, rows[i : i + LANES], chosen[i : i + LANES], earnings, desk)
            looked_up = clock()
            measure_lanes(LANES, len(ready.sessions), sweeper._yardstick, desk, out)
            spent[1:] += looked_up - begun, clock() - looked_up
    shares = zip(("decisions", "returns", "metrics"), spent / spent.sum(), strict=True)
    say("flow A's time: " + ", ".join(f"{what} {share:.0%}" for what, share in shares))


# -- end to end ----------------------------------------------------------------------------------


def bench_durable(at: Place, sizes: list[int], goals: Goals) -> None:
    say(f"\n{'flow A, stored by one worker':32}{'asking':>9}{'seconds':>9}{'a second':>10}"
        f"{'worker MB':>11}{'stored MB':>11}{'goal s':>8}")  # fmt: skip
    with warm_workers(at) as workers:
        for runs in sizes:
            found = finish_sweep(at, grid_of(runs), workers)
            total, seconds, memory = found.sweep.total, found.seconds, max(found.memory)
            goal = GOAL_SECONDS.get(total)
            late = goals.want(
                goal is None or seconds <= goal, f"{total:,} runs stored in {seconds:.1f} s"
            )
            large = goals.want(memory < GOAL_BYTES, f"{memory / 1e6:,.0f} MB in the worker")
            say(f"{f'{total:,} runs':32}{found.asking:9.1f}{seconds:9.1f}{total / seconds:10,.0f}"
                f"{memory / 1e6:11,.0f}{stored_bytes(at, found.sweep) / 1e6:11,.0f}"
                f"{goal or '':>8}{late or large}")  # fmt: skip
            check_stored(at, found)
            ask(at, found, goals)


def check_stored(at: Place, found: Finished) -> None:
    """Every point once, and random rows against single backtests, as precise as they are stored."""
    runs, grid = at.services.sweeps.runs(found.sweep), grid_of(found.sweep.total)
    assert runs.count() == found.sweep.done == found.sweep.total == grid.size
    for point in np.random.default_rng(4).choice(grid.size, CHECKED_STORED, replace=False):
        check(FLOW_A, at, grid, runs.at(int(point)), 1, within=1e-6)
    assert runs.at(grid.size - 1).points.tolist() == [grid.size - 1]  # with the count: none twice


def ask(at: Place, found: Finished, goals: Goals) -> None:
    """The questions pages ask, each timed at its second asking."""
    runs = at.services.sweeps.runs(found.sweep)
    middle = runs.summary("sharpe")["median"]
    calm = (Filter("sharpe", low=middle), Filter("max_drawdown", low=-0.25))
    questions: dict[str, Callable[[], object]] = {
        "first page, by number": runs.page,
        "first page, best sharpe": lambda: runs.page("sharpe", descending=True),
        "page 200, by drawdown": lambda: runs.page("max_drawdown", descending=True, offset=19_900),
        "last page, by number": lambda: runs.page(offset=max(0, found.sweep.total - 100)),
        "filtered page, best cagr": lambda: runs.page("cagr", descending=True, filters=calm),
        "how many a filter keeps": lambda: runs.count(calm),
        "one value of a variable": lambda: runs.page("sharpe", values={"window": 3}),
        "heatmap, mean": lambda: runs.pivot("hot", "warm", "sharpe", "mean"),
        "heatmap, largest": lambda: runs.pivot("window", "slow", "sharpe", "max"),
        "heatmap, median": lambda: runs.pivot("hot", "warm", "sharpe", "median"),
        "heatmap, sliced": lambda: runs.pivot("hot", "warm", "sharpe", "mean", {"window": 3}),
        "summary": lambda: runs.summary("sharpe"),
        "values of the best percentile": lambda: runs.top_values("sharpe", descending=True),
        "one run": lambda: runs.at(found.sweep.total // 2),
    }
    for what, question in questions.items():
        question()
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            question()
            times.append(time.perf_counter() - begun)
        seconds = statistics.median(times)
        missed = f"{what} of {found.sweep.total:,}: {seconds:.2f} s"
        mark = goals.want(seconds < GOAL_QUESTION_SECONDS, missed)
        say(f"    {what:32}{seconds * 1000:8,.0f} ms{mark}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N",
                        help=f"of the grids, about; default {RUNS:,}, which alone has goals")  # fmt: skip
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} runs end to end as well")
    data_option(parser)
    options = parser.parse_args()
    goals = Goals()
    say(machine())
    with place(options.data) as at:
        say(f"{options.data or 'demo market'}; {os.cpu_count()} threads where it says all")
        bench_engine(at, options.runs, goals)
        say_parts(at, options.runs)
        bench_durable(at, [options.runs, *([LARGE] if options.large else [])], goals)
    say("\ngoals missed: " + "; ".join(goals.missed) if goals.missed else "\ngoals met")
    return int(bool(goals.missed))


if __name__ == "__main__":
    sys.exit(main())
