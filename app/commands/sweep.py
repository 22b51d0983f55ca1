"""``sluice sweep``: one flow over a grid of its variables' values."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import market_options
from app.terminal import say
from core.settings import Settings

if TYPE_CHECKING:
    from core.sweep.grid import Grid
    from core.sweep.ranking import Ranking
    from core.sweep.run import Sweeper

SHOWN = ("sharpe", "cagr", "max_drawdown", "volatility", "turnover")
"""The metrics a terminal shows beside the one ranked by; --json and --out have all of them."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "sweep",
        help="backtest a flow at many values of its variables",
        description="Backtest a flow at every point of a grid of its variables' values and show "
        "the best. Every run covers the same sessions.",
    )
    parser.add_argument("flow", metavar="FLOW.json", type=Path)
    grid = parser.add_argument_group("grid")
    grid.add_argument(
        "--grid",
        action="append",
        required=True,
        metavar="NAME=VALUES",
        help="lo:hi:step, both included, or a,b,c; one for each variable",
    )
    grid.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONSTRAINT",
        help="keep points where it holds, e.g. 'fast < slow'; repeatable",
    )
    grid.add_argument("--sample", type=int, metavar="N", help="run N of the points, at random")
    grid.add_argument("--seed", type=int, default=0, metavar="K", help="of the sample; default 0")
    market_options.add(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--top", type=int, default=10, metavar="N", help="runs to show; default 10")
    output.add_argument("--by", default="sharpe", metavar="METRIC", help="default sharpe")
    output.add_argument("--json", action="store_true", help="one JSON object on standard output")
    output.add_argument("--out", type=Path, metavar="RESULTS.parquet", help="every run's metrics")
    output.add_argument("--threads", type=int, metavar="N", help="default: one for each core")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from app.flow_files import FlowFiles, read_flow
    from core.bootstrap import Services
    from core.sweep.prepare import prepare
    from core.sweep.ranking import Ranking
    from core.sweep.run import Sweeper, in_blocks
    from core.sweep.table import ParquetFile

    grid = _grid(options)
    ranking = Ranking(options.by, options.top)
    request = market_options.request_of(options)
    market_options.refuse_unwritable([options.out] if options.out else [])
    with Services(settings, say=say) as services:
        files = FlowFiles(options.flow.parent, services)
        flow, find = files.filled(read_flow(options.flow)), files.find
        source = services.source(
            options.source or ("files" if options.data else "demo"), path=options.data
        )
        show = market_options.progress(sys.stderr.isatty() and not options.json)
        ready = prepare(flow, grid, source, request, find=find, progress=show)
        points = grid.points()
        sweeper = Sweeper(ready)
    show(1, "")
    failed: Counter[str] = Counter()
    begun, done = time.perf_counter(), 0
    with ExitStack() as stack:
        file = None
        if options.out:
            file = stack.enter_context(ParquetFile(options.out, grid, sweeper.reasons))
        for found in in_blocks(sweeper, points, threads=options.threads):
            ranking.add(found)
            if file:
                file.add(found)
            for reason in found.reason[found.reason > 0].tolist():
                failed[sweeper.reasons[reason - 1]] += 1
            done += len(found.points)
            _show_rate(show, done, len(points), time.perf_counter() - begun)
    seconds = time.perf_counter() - begun
    report = _as_json(flow.name, grid, sweeper, ranking, len(points), failed, seconds)
    if options.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(_report(report)) + "\n")
    return 0


def _grid(options: argparse.Namespace) -> Grid:
    from core.errors import BadInput
    from core.sweep.grid import MAX_RUNS, Sample, parse_grid

    if options.top < 1:
        raise BadInput("--top", f"{options.top} runs cannot be shown.", "Ask for at least 1.")
    if options.threads is not None and options.threads < 1:
        raise BadInput("--threads", f"it was {options.threads}.", "Give at least 1.")
    if options.sample is not None and not 1 <= options.sample <= MAX_RUNS:
        raise BadInput("--sample", f"it was {options.sample}.", f"Choose from 1 to {MAX_RUNS:,}.")
    if options.seed < 0:
        raise BadInput("--seed", f"it was {options.seed}.", "Give 0 or more.")
    sample = None if options.sample is None else Sample(count=options.sample, seed=options.seed)
    return parse_grid(options.grid, options.where, sample)


def _show_rate(show: Callable[[float, str], None], done: int, count: int, seconds: float) -> None:
    rate = done / max(seconds, 1e-9)
    left = (count - done) / rate
    show(done / count, f"{done:,} of {count:,} runs, {rate:,.0f} a second, {left:.0f} s left")


def _as_json(
    name: str,
    grid: Grid,
    sweeper: Sweeper,
    ranking: Ranking,
    runs: int,
    failed: Counter[str],
    seconds: float,
) -> dict[str, Any]:
    from core.sweep.kernel import METRICS

    ready = sweeper.ready
    warnings = ["Demo data: prices are synthetic, not a record of any market."]
    return {
        "strategy": name,
        "source": ready.provenance.source,
        "start": str(ready.sessions[0]),
        "end": str(ready.sessions[-1]),
        "sessions": len(ready.sessions),
        "grid": {axis.label: _plain(axis.values) for axis in grid.axes},
        "runs": runs,
        "failed": sum(failed.values()),
        "reasons": dict(failed.most_common()),
        "seconds": round(seconds, 3),
        "by": ranking.metric,
        "best": [
            {
                "run": point,
                "variables": grid.values_at(point),
                "metrics": {
                    k: v if math.isfinite(v) else None
                    for k, v in zip(METRICS, row.tolist(), strict=True)
                },
            }
            for point, row in zip(ranking.points.tolist(), ranking.metrics, strict=True)
        ],
        "warnings": warnings if ready.provenance.synthetic else [],
        "notes": list(ready.notes),
    }


def _plain(values: tuple[tuple[Any, ...], ...]) -> list[Any]:
    """An axis' values; those of several variables that change together as lists."""
    return [row[0] if len(row) == 1 else list(row) for row in values]


def _report(report: dict[str, Any]) -> Iterator[str]:
    from core.metrics.definitions import BY_NAME, shown

    span = f"{report['start']} to {report['end']}, {report['sessions']:,} sessions"
    yield f"{report['strategy']}: {span}"
    rate = report["runs"] / max(report["seconds"], 1e-9)
    yield f"{report['runs']:,} runs in {report['seconds']:.1f} s, {rate:,.0f} a second"
    yield ""
    metrics = list(dict.fromkeys([report["by"], *SHOWN]))
    rows = [
        [str(v) for v in run["variables"].values()]
        + [shown(m, math.nan if run["metrics"][m] is None else run["metrics"][m]) for m in metrics]
        for run in report["best"]
    ]
    if rows:
        names = [*report["best"][0]["variables"], *(BY_NAME[m].label for m in metrics)]
        widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
        for row in (names, *rows):
            yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    for text, count in report["reasons"].items():
        yield f"Failed: {count:,} run{'' if count == 1 else 's'}: {text}"
    for warning in report["warnings"]:
        yield f"Warning: {warning}"
    for note in report["notes"]:
        yield f"Note: {note}"
