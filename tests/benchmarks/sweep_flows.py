"""What the sweep benchmarks run: flows of one family, their grids, and a home to run them in.

Flow A is a chain of five gates over ten funds with four variables: two RSI windows and two
thresholds, at 10 bps. The other flows are of about its size and leave its fast shape.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.bootstrap import Services
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.market.source import MarketSource
from core.settings import Settings
from core.sweep.grid import Grid, Index, parse_grid
from core.sweep.kernel import METRICS
from core.sweep.prepare import prepare
from core.sweep.run import Measured, Sweeper

ROOT = Path(__file__).resolve().parents[2]

FUNDS = ("SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "GLD", "LQD", "XLE")
MORE = ("AGG", "DBC", "HYG", "SHY", "USO", "UUP", "VTI", "XLU", "SH", "TMF", "SPXL", "UPRO", "UVXY",
        "SQQQ", "TQQQ", "VIXY", "SLV", "XLF", "XLK", "XLV")  # fmt: skip
"""Further ones, for what is measured of many; the demo market has all, other data most."""

SPAN = BacktestSettings(start=date(2015, 6, 1), end=date(2025, 6, 5))
"""2,520 sessions of New York."""

TOLERANCE = 1e-12
"""How near a run is to its backtest: relative, and absolute about zero."""


# -- flows ---------------------------------------------------------------------------------------


def asset(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def even(*symbols: str) -> dict[str, Any]:
    return {"kind": "weight", "scheme": "equal", "children": [asset(s) for s in symbols]}


def rsi(symbol: str, window: Any) -> dict[str, Any]:
    return {"indicator": "rsi", "symbol": symbol, "window": window}


def gate(when: tuple[str, Any, Any], then: Any, otherwise: Any) -> dict[str, Any]:
    symbol, window, threshold = when
    condition = {"left": rsi(symbol, window), "op": ">", "right": threshold}
    return {"kind": "gate", "when": condition, "then": then, "else": otherwise}


def gates(symbols: tuple[str, ...] = FUNDS, depth: int = 5) -> dict[str, Any]:
    """A chain of gates; its ``depth + 1`` leaves hold four or more of ``symbols``, all of them."""
    asked: list[tuple[str, Any, Any]] = [
        (symbols[0], "$window", "$hot"),
        (symbols[1], "$window", "$warm"),
        (symbols[-1], "$window", 45),
        (symbols[0], "$slow", 55),
        (symbols[1], "$slow", 50),
    ]
    more = range(len(asked), depth)
    asked += [(symbols[i % len(symbols)], ("$slow", "$window")[i % 2], 50) for i in more]
    size = min(len(symbols), max(4, -(-len(symbols) // (depth + 1))))
    begins = np.linspace(0, len(symbols) - size, depth + 1).round().astype(int)
    *leaves, node = [even(*symbols[i : i + size]) for i in begins]
    for when, leaf in zip(asked[depth - 1 :: -1], reversed(leaves), strict=True):
        node = gate(when, leaf, node)
    return node


def flow_of(root: dict[str, Any], **rest: Any) -> Flow:
    variables = {"window": 10, "hot": 75, "warm": 70, "slow": 25}
    document = {"sluice": 1, "name": "Flow A", "costs": {"slippage_bps": 10},
                "variables": variables, "root": root}  # fmt: skip
    return from_json(document | rest)


def grid_of(runs: int) -> Grid:
    """About so many points over flow A's variables; from 400,000 on a threshold is twice as fine."""
    fine = 40 if runs >= 400_000 else 20
    warm = max(1, round(runs / (20 * fine * 25)))
    return parse_grid([
        "window=5:24",
        f"hot=60:{80 - 20 / fine}:{20 / fine}",
        "warm=" + ",".join(str(round(50 + 20 * i / warm, 4)) for i in range(warm)),
        "slow=25:49",
    ])  # fmt: skip


def _branches() -> list[dict[str, Any]]:
    """Four flows of a gate each, on all four variables between them."""
    asked = [("SPY", "$window", "$hot"), ("QQQ", "$window", "$warm"), ("TLT", "$slow", "$warm"),
             ("GLD", "$slow", "$hot")]  # fmt: skip
    return [
        gate(when, even(*FUNDS[2 * i : 2 * i + 3]), even(*FUNDS[7 - 2 * i : 10 - 2 * i]))
        for i, when in enumerate(asked)
    ]


def _gates_over_scale() -> dict[str, Any]:
    """Two gates, and below them a mix that depends on two of the variables."""
    mix = {"kind": "scale", "indicator": rsi("TLT", "$window"), "from": 40, "to": "$hot",
           "children": [even(*FUNDS[:4]), even(*FUNDS[5:9])]}  # fmt: skip
    inner = gate(("QQQ", "$slow", "$warm"), even(*FUNDS[3:7]), mix)
    return gate(("SPY", "$window", "$hot"), even(*FUNDS[6:]), inner)


FLOW_A = flow_of(gates())
FLOWS = {
    "flow A: five gates": FLOW_A,
    "scale below gates": flow_of(_gates_over_scale()),
    "scale over flows": flow_of(
        {"kind": "scale", "indicator": rsi("SPY", "$window"), "from": "$warm", "to": "$hot",
         "children": _branches()[1:]}
    ),
    "sort over flows": flow_of(
        {"kind": "sort", "items": _branches(), "take": 2,
         "by": {"indicator": "roc", "window": "$slow"}}
    ),
    "flow A, threshold rebalancing": flow_of(gates(), rebalance={"threshold": 0.05}),
}  # fmt: skip


# -- where they run ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Services on a home of its own, and the market data the runs are on."""

    services: Services
    name: str
    path: Path | None
    environment: dict[str, str] = field(repr=False)

    @property
    def source(self) -> MarketSource:
        return self.services.source(self.name, path=self.path)

    def sweeper(self, flow: Flow, grid: Grid, settings: BacktestSettings = SPAN) -> Sweeper:
        return Sweeper(prepare(flow, grid, self.source, settings))


def data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="PATH",
        help="daily bars of the funds, as the source 'files' reads them; default: the demo market",
    )  # fmt: skip


@contextmanager
def place(data: Path | None) -> Iterator[Place]:
    """A fresh home, removed in the end; no setting of the caller's environment reaches it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)  # root's Postgres runs as another user, who has to pass this folder
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    services = Services(Settings(home=home))
    # Asked to end, it ends by an exception, so that what is below is done.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        name, path = ("demo", None) if data is None else ("files", data.resolve())
        yield Place(services, name, path, kept | {"SLUICE_HOME": str(home)})
    finally:
        services.close(wait_seconds=20)
        shutil.rmtree(home, ignore_errors=True)


# -- what is checked, what is shown --------------------------------------------------------------


def spread(points: Index, count: int) -> Index:
    """``count`` points, in eight stretches from all over the grid, as workers would take them."""
    size = -(-min(count, len(points)) // 8)
    begins = np.linspace(0, len(points) - size, 8).astype(int)
    return np.unique(np.concatenate([points[i : i + size] for i in begins]))


def check(
    flow: Flow, at: Place, grid: Grid, found: Measured, runs: int, *, within: float = TOLERANCE
) -> None:
    """So many random runs against single backtests; AssertionError names the first that differs."""
    for i in np.random.default_rng(3).choice(len(found.points), runs, replace=False):
        values = grid.values_at(int(found.points[i]))
        settings = SPAN.model_copy(update={"variables": values})
        single = run_backtest(flow, at.source, settings).result.metrics
        expected = [single.get(name, np.nan) for name in METRICS]
        np.testing.assert_allclose(
            found.metrics[i], expected, rtol=within, atol=within, err_msg=str(values)
        )


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def machine() -> str:
    """This machine in a line."""
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        found = [x for x in listing.read_text().splitlines() if x.startswith("model name")]
        name = found[0].partition(":")[2].strip() if found else name
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{os.cpu_count()} × {name}, Python {platform.python_version()}, load {load} at the start"
    )
