"""How long a backtest of a large flow takes, after checking that it is right.

    python tests/benchmarks/bench_backtest.py

A flow of 1,000 nodes over 60 symbols and 2,520 sessions (ten years), gates up to nine deep, sorts,
scales and weights, some 400 different indicator columns. Its last sessions are compared with the
reference evaluator (plain recursion, no shared code) before anything is timed. Times are the
median of several runs, warm, on one core.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from core.backtest.run import run_backtest  # noqa: E402
from core.backtest.settings import parse_settings  # noqa: E402
from core.calendar import calendar  # noqa: E402
from core.flow.binding import bind  # noqa: E402
from core.flow.compile import compile_flow  # noqa: E402
from core.flow.evaluate import decide, observe  # noqa: E402
from core.flow.formats.native import from_json  # noqa: E402
from core.market.bars import Bars  # noqa: E402
from core.market.source import SourceInfo  # noqa: E402
from tests.reference.evaluate import evaluate  # noqa: E402
from tests.reference.markets import bars_of, make_market  # noqa: E402

SESSIONS, SYMBOLS, NODES = 2_520, 60, 1_000
CHECKED, RUNS = 20, 15
GOAL_MS, GOAL_START_SECONDS = 100.0, 3.0


class Author:
    """Writes one flow of about so many nodes."""

    def __init__(self, nodes: int) -> None:
        self.left = nodes
        self.random = random.Random(7)
        self.symbols = [f"S{i:02}" for i in range(SYMBOLS)]

    def node(self, depth: int) -> dict[str, Any]:
        self.left -= 1
        if depth == 0:
            return {"kind": "asset", "symbol": self.symbol()}
        kind = self.random.choice(("gate", "gate", "gate", "weight", "sort", "scale"))
        if kind == "gate":
            return {"kind": "gate", "when": self.condition(), "then": self.node(depth - 1),
                    "else": self.node(depth - 1)}  # fmt: skip
        if kind == "scale":
            return {"kind": "scale", "indicator": self.operand(("rsi",)), "from": 30, "to": 70,
                    "children": [self.node(depth - 1), self.node(depth - 1)]}  # fmt: skip
        if kind == "sort":
            self.left -= 3
            return {"kind": "sort", "items": self.random.sample(self.symbols, 3), "take": 2,
                    "by": {"indicator": "roc", "window": self.window()}}  # fmt: skip
        return {"kind": "weight", "children": [self.node(depth - 1), self.node(depth - 1)]}

    def condition(self) -> dict[str, Any]:
        if self.random.random() < 0.3:
            return {"all": [self.comparison(), self.comparison()]}
        return self.comparison()

    def comparison(self) -> dict[str, Any]:
        name = self.random.choice(("rsi", "sma", "std_return"))
        symbol = self.symbol()
        left = {"indicator": name, "symbol": symbol, "window": self.window()}
        right: Any = {"rsi": 52, "std_return": 1.0}.get(name)
        if right is None:
            right = {"indicator": "close", "symbol": symbol}
        return {"left": left, "op": ">", "right": right}

    def operand(self, names: tuple[str, ...]) -> dict[str, Any]:
        name = self.random.choice(names)
        return {"indicator": name, "symbol": self.symbol(), "window": self.window()}

    def symbol(self) -> str:
        return self.random.choice(self.symbols)

    def window(self) -> int:
        return self.random.choice((5, 10, 14, 20, 50, 100))


def large_flow() -> dict[str, Any]:
    """A document of at least NODES nodes that mentions every symbol."""
    author = Author(NODES)
    branches = []
    while author.left > SYMBOLS + 2:
        branches.append(author.node(9 if len(branches) % 2 else 6))
    every = {"kind": "sort", "items": author.symbols, "take": 10,
             "by": {"indicator": "roc", "window": 60}}  # fmt: skip
    root = {"kind": "weight", "children": [*branches, every]}
    return {"sluice": 1, "name": "Large", "root": root}


class Memory:
    """A source whose bars are in memory: what is timed is the engine, not the disk."""

    info = SourceInfo(name="memory", label="Memory", meaning="", calendars=("XNYS",),
                      adjustments=("adjusted",))  # fmt: skip

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def symbols(self) -> tuple[str, ...]:
        return self._bars.symbols

    def bars(self, symbols: Any, **_: Any) -> Bars:
        return self._bars


def timed(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median milliseconds."""
    work()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


def main() -> int:
    sessions = calendar("XNYS").between(np.datetime64("2014-01-02"), np.datetime64("2024-12-31"))
    sessions = sessions[:SESSIONS]
    document = large_flow()
    symbols = [f"S{i:02}" for i in range(SYMBOLS)]
    prices = make_market(SESSIONS, 3, 0.012, False, ["walk"] * SYMBOLS, symbols=symbols)
    for frame in prices.values():
        frame.index = sessions.astype("datetime64[ns]")
    bars = bars_of(prices)
    flow = from_json(document)
    program = compile_flow(flow)
    binding = bind(program)
    print(f"{len(program.nodes):,} nodes, {len(binding.held)} symbols held, "  # noqa: T201
          f"{len(binding.columns):,} indicator columns, {len(bars):,} sessions")  # fmt: skip

    decisions = decide(observe(binding, bars))
    start = SESSIONS - CHECKED
    opinion = evaluate(document, prices, start=start)
    sure = min(opinion.doubtful_from, SESSIONS) - start
    expected = opinion.weights[list(binding.held)].to_numpy()[:sure]
    np.testing.assert_allclose(decisions.weights[start : start + sure], expected, atol=1e-9)
    print(f"checked: the last {sure} sessions decide as the reference evaluator does")  # noqa: T201

    source, settings = Memory(bars), parse_settings(benchmark="none")
    compiling = timed(lambda: compile_flow(flow))
    whole = timed(lambda: run_backtest(flow, source, settings))
    seen = observe(binding, bars)
    parts = {
        "compile": compiling,
        "observe (columns and conditions)": timed(lambda: observe(binding, bars)),
        "decide (walk)": timed(lambda: decide(seen)),
        "compiled program to metrics": whole - compiling,
    }
    for name, milliseconds in parts.items():
        print(f"{name:36}{milliseconds:9.1f} ms")  # noqa: T201
    begun = time.perf_counter()
    example = ROOT / "core" / "flow" / "examples" / "storm-watch.json"
    subprocess.run([sys.executable, "-m", "app.cli", "backtest", str(example), "--json"],
                   check=True, capture_output=True, cwd=ROOT)  # fmt: skip
    started = time.perf_counter() - begun
    print(f"{'process start to --json (demo data)':36}{started * 1000:9.1f} ms")  # noqa: T201
    missed = parts["compiled program to metrics"] > GOAL_MS or started > GOAL_START_SECONDS
    print("goals missed" if missed else f"goals met: under {GOAL_MS:.0f} ms and under "  # noqa: T201
          f"{GOAL_START_SECONDS:.0f} s")  # fmt: skip
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
