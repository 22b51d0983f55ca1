"""How the time of a sweep grows: with runs, sessions, tickers, depth and workers.

    python tests/benchmarks/scaling.py [--runs N] [--data PATH] [--write]

Prints the block of docs/performance.md that shows it; ``--write`` puts it there, between its
markers, and draws docs/sweep-scaling.png. All but the workers is the engine alone on one thread,
in processor time, so that what else the machine does counts little; workers are end to end, by the
clock on the wall.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import matplotlib as mpl  # noqa: E402
import numpy as np  # noqa: E402
from durable import finish_sweep, warm_workers  # noqa: E402
from sweep_flows import (  # noqa: E402
    FLOW_A,
    FUNDS,
    MORE,
    SPAN,
    Place,
    data_option,
    flow_of,
    gates,
    grid_of,
    machine,
    place,
    say,
    spread,
)

from core.backtest.settings import BacktestSettings  # noqa: E402
from core.calendar import calendar  # noqa: E402
from core.flow.nodes import Flow  # noqa: E402
from core.sweep.run import BLOCK  # noqa: E402

PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "sweep-scaling.png"
BEGIN, END = "<!-- scaling: made by make scaling -->", "<!-- /scaling -->"

RUNS = 200_000
SHARES = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Of RUNS: the sizes that are tried."""
SESSIONS = (315, 630, 1_260, 2_520, 5_040)
TICKERS = (5, 10, 20, 30)
DEPTHS = (4, 5, 8, 16, 24)
WORKERS = ((1, 1), (1, 2), (1, 4), (2, 1), (4, 1))
"""Processes, and threads of each."""
SAMPLE = 16_384
"""Runs that stand for a grid where its size is not what changes."""


@dataclass
class Line:
    """One table, and one curve: seconds at each of some sizes."""

    title: str
    unit: str
    sizes: list[str] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, size: str, runs: int, seconds: float) -> None:
        self.sizes.append(size)
        self.runs.append(runs)
        self.seconds.append(seconds)
        say(f"  {self.title}: {size}, {runs / seconds:,.0f} runs a second")

    def table(self) -> list[str]:
        head = [f"| {self.unit} | runs | seconds | runs a second |", "|---:|---:|---:|---:|"]
        rows = zip(self.sizes, self.runs, self.seconds, strict=True)
        return [f"*{self.title}*", "", *head,
                *(f"| {size} | {n:,} | {s:.2f} | {n / s:,.0f} |" for size, n, s in rows), ""]  # fmt: skip


def of_runs(at: Place, runs: int) -> Line:
    line = Line("Runs", "runs asked for")
    for share in SHARES:
        grid = grid_of(int(runs * share))
        line.add(f"{grid.size:,}", grid.size, seconds_of(at, FLOW_A, SPAN, grid.size, whole=True))
    return line


def of_sessions(at: Place) -> Line:
    line = Line("Sessions", "sessions")
    days = calendar("XNYS").between(np.datetime64("1990-01-01"), np.datetime64(str(SPAN.end)))
    for count in SESSIONS:
        first: date = days[-count].item()
        settings = SPAN.model_copy(update={"start": first})
        line.add(f"{count:,}", SAMPLE, seconds_of(at, FLOW_A, settings, SAMPLE))
    return line


def of_tickers(at: Place) -> Line:
    line = Line("Tickers", "tickers")
    known = [symbol for symbol in MORE if symbol in at.source.symbols()]
    for count in TICKERS:
        symbols = (*FUNDS, *known)[:count]
        if len(symbols) == count:
            flow = flow_of(gates(symbols))
            line.add(str(count), SAMPLE, seconds_of(at, flow, SPAN, SAMPLE))
    return line


def of_depth(at: Place) -> Line:
    line = Line("Depth", "gates deep")
    for depth in DEPTHS:
        line.add(str(depth), SAMPLE, seconds_of(at, flow_of(gates(depth=depth)), SPAN, SAMPLE))
    return line


def of_workers(at: Place, runs: int) -> Line:
    line = Line("Workers, end to end into Postgres", "workers")
    for processes, threads in WORKERS:
        with warm_workers(at, processes, threads) as workers:
            found = finish_sweep(at, grid_of(runs), workers)
        at.services.sweeps.delete(found.sweep.user_id, found.sweep.id)
        what = f"{processes} process{'es' if processes > 1 else ''} of {threads}"
        line.add(f"{what} thread{'s' if threads > 1 else ''}", found.sweep.total, found.seconds)
    return line


def seconds_of(
    at: Place, flow: Flow, settings: BacktestSettings, runs: int, *, whole: bool = False
) -> float:
    """Processor seconds of one thread for so many runs of a warm engine.

    ``whole`` runs all of a grid of that size; otherwise stretches from all over the usual one.
    """
    grid = grid_of(runs if whole else RUNS)
    sweeper, points = at.sweeper(flow, grid, settings), grid.points()
    if not whole:
        points = spread(points, runs)
    sweeper.run(points[:64])
    times = []
    for _ in range(1 if whole else 3):
        begun = time.thread_time()
        for i in range(0, len(points), BLOCK):
            sweeper.run(points[i : i + BLOCK])
        times.append(time.thread_time() - begun)
    return statistics.median(times) * runs / len(points)


def block(lines: list[Line], described: str, data: str) -> str:
    """What stands between the markers, in Markdown."""
    text = [
        BEGIN, "",
        "### How sweeps scale", "",
        f"Made by `make scaling` on {described}; {data}. Flow A is a chain of five gates over ten "
        f"funds and {SESSIONS[3]:,} sessions at 10 bps, swept over two RSI windows and two "
        "thresholds; one of these numbers changes at a time. All but the last table is the engine "
        "alone on one thread, in processor seconds; the last is from the row that asks for a sweep "
        "to its last run in Postgres, in seconds on the wall, workers warm.", "",
    ]  # fmt: skip
    for line in lines:
        text += line.table()
    picture = "Runs a second against runs, sessions, tickers, depth and workers"
    return "\n".join([*text, f"![{picture}]({PICTURE.name})", "", END])


def draw(lines: list[Line]) -> None:
    """Runs a second, one small chart for each table."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(lines), figsize=(3.4 * len(lines), 3.4), sharey=False)
    for panel, line in zip(panels, lines, strict=True):
        rates = [n / s / 1000 for n, s in zip(line.runs, line.seconds, strict=True)]
        labels = [size.replace(" of ", "\n× ") for size in line.sizes]
        panel.plot(range(len(rates)), rates, marker="o", color="#2a6f97")
        panel.set_xticks(
            range(len(rates)), labels, fontsize=8, rotation=0 if line is not lines[-1] else 30
        )
        panel.set_ylim(0, max(rates) * 1.15)
        panel.set_title(line.title.partition(",")[0], fontsize=10)
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("thousand runs a second")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def write(made: str) -> None:
    """Put the block into the page; ValueError where the markers are gone."""
    page = PAGE.read_text()
    before, after = page.index(BEGIN), page.index(END) + len(END)
    PAGE.write_text(page[:before] + made + page[after:])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N",
                        help=f"of the larger grids; default {RUNS:,}")  # fmt: skip
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    data_option(parser)
    options = parser.parse_args()
    described = machine()
    with place(options.data) as at:
        lines = [of_runs(at, options.runs), of_sessions(at), of_tickers(at), of_depth(at),
                 of_workers(at, options.runs)]  # fmt: skip
    made = block(
        lines, described, f"bars of {options.data.name if options.data else 'the demo market'}"
    )
    say(made)
    if options.write:
        write(made)
        draw(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
