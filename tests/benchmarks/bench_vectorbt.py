"""Sluice beside vectorbt, in one process: the same decisions, the same results, runs a second.

    python tests/benchmarks/bench_vectorbt.py [--data PATH]

vectorbt is no dependency of Sluice: without it this says how to install it and ends with 0.

Flow A. vectorbt has no flows, so it is handed what Sluice's backtests decided, as target percents
of many columns in one call (``Portfolio.from_orders``, grouped, cash shared, sells first). Its time
is that call and three metrics; nothing is counted for deciding. Sluice's is a prepared sweep:
comparisons, decisions, accounting and all of its metrics. Reading data counts for neither.

RSI grid. One fund, held while its RSI is below a threshold. vectorbt computes the RSI of every
window through TA-Lib, compares all thresholds in one broadcast and calls ``Portfolio.from_signals``
once; its time is all of that and three metrics. Sluice's is all of it too: the data read, the grid
laid out, indicators, decisions and all metrics.

Each of vectorbt's engines that is installed (Numba; Rust with the extra ``rust``) is timed warm,
and the fastest counts. Without fees both agree to rounding. Fees of 10 bps differ: Sluice takes
them from the account at the session after the decision, vectorbt at the trade itself, where the
last purchase falls short by them. So a few basis points of weight are missing after a switch, and
a trade at the last close costs only there. With them both agree to FEE_TOLERANCE. Two definitions
differ otherwise and are converted before they are compared: vectorbt's year has 365 days, and its
Sharpe ratio counts the first session, on which nothing can be earned yet.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sweep_flows import (  # noqa: E402
    FLOW_A,
    SPAN,
    Place,
    asset,
    data_option,
    flow_of,
    grid_of,
    machine,
    place,
    say,
    spread,
)

from core.backtest.result import Result  # noqa: E402
from core.backtest.run import run_backtest  # noqa: E402
from core.flow.nodes import Flow  # noqa: E402
from core.market.bars import Float  # noqa: E402
from core.sweep.grid import Grid, Index, parse_grid  # noqa: E402
from core.sweep.kernel import METRICS  # noqa: E402
from core.sweep.run import Sweeper, in_blocks  # noqa: E402

GOAL_FLOW, GOAL_RSI = 500.0, 60.0
"""How many times vectorbt's runs a second, each with what it makes of all cores."""

COMPARED = ("total_return", "max_drawdown", "sharpe")
TOLERANCE = 1e-9
FEE_TOLERANCE = {"total_return": 0.005, "max_drawdown": 0.002, "sharpe": 0.02}
"""At 10 bps: of what a unit grew to, relative; of the others, absolute."""

FEE, YEAR = 0.001, 252
RUNS = 32
"""Columns of flow A in one call of vectorbt: ten funds each; more are no faster."""
ROUNDS = 3

RSI_FUND = "SPY"
RSI_GRID = parse_grid(["window=5:24", "below=30:79:1"])
RSI_GRID_FINE = parse_grid(["window=5:24", "below=30:79.99:0.01"])
"""Sluice is timed on the finer grid: the other is done before a clock can tell."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data_option(parser)
    options = parser.parse_args()
    if importlib.util.find_spec("vectorbt") is None:
        say("vectorbt is not installed, so nothing is compared. Install it beside Sluice with\n"
            "    .venv/bin/pip install -e '.[peers]'")  # fmt: skip
        return 0
    say(machine())
    with place(options.data) as at, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vectorbt's own, about pandas
        import vectorbt as vbt

        say(f"vectorbt {vbt.__version__}, engines: {', '.join(engines())}; {os.cpu_count()} cores")
        kept = [flow_a(at), rsi_grid(at)]
    say("\ngoals met" if all(kept) else "\ngoals missed")
    return int(not all(kept))


def engines() -> list[str]:
    return ["numba", *(["rust"] if importlib.util.find_spec("vectorbt_rust") else [])]


# -- flow A --------------------------------------------------------------------------------------


def flow_a(at: Place) -> bool:
    grid = grid_of(200_000)
    points = grid.points()
    chosen = np.sort(np.random.default_rng(5).choice(points, RUNS, replace=False))
    ours = {fee: results(at, FLOW_A, grid, chosen, fee) for fee in (0.0, FEE)}
    theirs = {engine: FlowA(at, ours[FEE], engine) for engine in engines()}
    for engine, one in theirs.items():
        for fee, found in ours.items():
            agree(f"flow A, {engine}", found, one.run(fee), fee)
    sweeper = at.sweeper(FLOW_A, grid)
    most = spread(points, 65_536)
    work = {engine: lambda one=one: one.run(FEE) for engine, one in theirs.items()}
    return compare("flow A", work, RUNS, lambda: sweep(sweeper, most), len(most), GOAL_FLOW)


class FlowA:
    """vectorbt with the decisions of some backtests."""

    def __init__(self, at: Place, found: list[Result], engine: str) -> None:
        first, count = found[0], len(found)
        bars = at.source.bars(first.symbols, start=first.start, end=first.end)
        days = pd.DatetimeIndex(first.sessions.astype("datetime64[ns]"))
        columns = pd.MultiIndex.from_product([range(count), first.symbols], names=["run", "symbol"])
        self.close = pd.DataFrame(np.tile(bars.close, (1, count)), days, columns)
        self.targets = np.hstack([one.weights for one in found])
        self.engine = engine

    def run(self, fee: float) -> Float:
        import vectorbt as vbt

        portfolio = vbt.Portfolio.from_orders(
            self.close, size=self.targets, size_type="targetpercent", fees=fee, group_by="run",
            cash_sharing=True, call_seq="auto", freq="1D", engine=self.engine,
        )  # fmt: skip
        return metrics_of(portfolio)


# -- the RSI grid --------------------------------------------------------------------------------


def rsi_grid(at: Place) -> bool:
    root = {"kind": "gate", "when": {"left": {"indicator": "rsi", "symbol": RSI_FUND, "window": "$window"},
                                     "op": "<", "right": "$below"},
            "then": asset(RSI_FUND), "else": {"kind": "cash"}}  # fmt: skip
    flow = flow_of(root, name="RSI", variables={"window": 14, "below": 50})
    chosen = np.sort(np.random.default_rng(6).choice(RSI_GRID.size, 40, replace=False))
    theirs = {engine: RsiGrid(at, engine) for engine in engines()}
    for engine, one in theirs.items():
        for fee in (0.0, FEE):
            found = results(at, flow, RSI_GRID, chosen, fee)
            agree(f"RSI grid, {engine}", found, one.run(fee)[chosen], fee)
    at.sweeper(flow, RSI_GRID_FINE).run(np.arange(64))  # warm

    def ours() -> None:
        sweep(at.sweeper(flow, RSI_GRID_FINE), RSI_GRID_FINE.points())

    work = {engine: lambda one=one: one.run(FEE) for engine, one in theirs.items()}
    return compare("RSI grid", work, RSI_GRID.size, ours, RSI_GRID_FINE.size, GOAL_RSI)


class RsiGrid:
    """vectorbt with its own indicator and thresholds; columns in the order of RSI_GRID."""

    def __init__(self, at: Place, engine: str) -> None:
        bars = at.source.bars([RSI_FUND])
        days = pd.DatetimeIndex(bars.sessions.astype("datetime64[ns]"))
        self.close = pd.Series(bars.close[:, 0], days)
        self.span = slice(pd.Timestamp(SPAN.start), pd.Timestamp(SPAN.end))
        windows, below = ([row[0] for row in axis.values] for axis in RSI_GRID.axes)
        self.windows, self.below = windows, np.array(below, dtype=np.float64)
        self.engine = engine

    def run(self, fee: float) -> Float:
        import vectorbt as vbt

        # History before the span is the indicator's, as in a backtest.
        rsi = vbt.talib("RSI").run(self.close, timeperiod=self.windows).real.loc[self.span]
        values = rsi.to_numpy()
        held = (values[:, :, None] < self.below).reshape(len(values), -1)
        portfolio = vbt.Portfolio.from_signals(
            self.close.loc[self.span], held, ~held, fees=fee, freq="1D", engine=self.engine
        )
        return metrics_of(portfolio)


# -- both ----------------------------------------------------------------------------------------


def metrics_of(portfolio: Any) -> Float:
    """The COMPARED metrics [runs, 3], the Sharpe ratio by our year."""
    a_year = portfolio.returns_acc.ann_factor
    sharpe = np.asarray(portfolio.sharpe_ratio()) * np.sqrt(YEAR / a_year)
    found = [np.asarray(portfolio.total_return()), np.asarray(portfolio.max_drawdown()), sharpe]
    return np.stack(found, axis=1)


def results(at: Place, flow: Flow, grid: Grid, points: Index, fee: float) -> list[Result]:
    """Backtests of Sluice at some points."""
    wanted = {"slippage_bps": fee * 10_000, "benchmark": "none"}
    return [
        run_backtest(
            flow, at.source, SPAN.model_copy(update=wanted | {"variables": grid.values_at(int(p))})
        ).result
        for p in points
    ]


def agree(what: str, found: list[Result], theirs: Float, fee: float) -> None:
    """AssertionError where vectorbt's metrics are other ones."""
    for i, name in enumerate(COMPARED):
        own, other = np.array([one.metrics[name] for one in found]), theirs[:, i]
        if name == "sharpe":  # ours leaves the first session out; the returns have it
            own = np.array([one.returns.mean() / one.returns.std(ddof=1) for one in found])
            own *= np.sqrt(YEAR)
        if name == "total_return":
            own, other = np.zeros(len(own)), (1 + other) / (1 + own) - 1
        within = FEE_TOLERANCE[name] if fee else TOLERANCE
        np.testing.assert_allclose(
            other, own, rtol=0, atol=within, err_msg=f"{what}: {name} at fee {fee}"
        )
        say(f"    {what}, {fee * 10_000:.0f} bps: {name} agrees to {np.abs(other - own).max():.1e}")


def sweep(sweeper: Sweeper, points: Index) -> None:
    done = sum(len(m.metrics) for m in in_blocks(sweeper, points, size=8_192))
    assert done == len(points)


def compare(
    what: str,
    theirs: dict[str, Callable[[], object]],
    their_runs: int,
    ours: Callable[[], object],
    our_runs: int,
    goal: float,
) -> bool:
    """Time both in turn, so that what else the machine does meets both alike; whether met."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in (*theirs, "Sluice")}
    for _ in range(ROUNDS):
        for name, work in (*theirs.items(), ("Sluice", ours)):
            begun, worked = time.perf_counter(), time.process_time()
            work()
            seconds[name].append((time.perf_counter() - begun, time.process_time() - worked))
    rates = {
        name: np.array([our_runs if name == "Sluice" else their_runs]) / np.median(spent, axis=0)
        for name, spent in seconds.items()
    }
    wall, processor = rates.pop("Sluice")
    say(f"{'runs a second':14}{'engine':8}{'vectorbt':>10}{'Sluice':>10}{'times':>8}{'goal':>6}"
        f"{'  a CPU second:':>16}{'vectorbt':>10}{'Sluice':>10}{'times':>8}")  # fmt: skip
    for engine, (their_wall, their_processor) in rates.items():
        say(f"{what:14}{engine:8}{their_wall:10,.0f}{wall:10,.0f}{wall / their_wall:8,.0f}{goal:6,.0f}"
            f"{their_processor:26,.0f}{processor:10,.0f}{processor / their_processor:8,.0f}")  # fmt: skip
    return bool(wall / max(rate[0] for rate in rates.values()) >= goal)


assert set(COMPARED) <= set(METRICS)

if __name__ == "__main__":
    sys.exit(main())
