"""``sluice backtest``: one flow over one source's history."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import market_options
from app.terminal import say
from core.settings import Settings

if TYPE_CHECKING:
    from core.backtest.result import Backtest, Result
    from core.bootstrap import Services

SHOWN = (
    *("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar"),
    *("longest_drawdown_days", "win_rate", "turnover", "gross_exposure", "cost", "beta", "alpha"),
)
"""The metrics a terminal shows; --json has all of them."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "backtest",
        help="backtest a flow",
        description="Backtest a flow. Without --source and --data the demo market is used, whose "
        "prices are synthetic.",
    )
    parser.add_argument("flow", metavar="FLOW.json", type=Path)
    market_options.add(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="one JSON object on standard output")
    output.add_argument("--allocations", type=Path, metavar="OUT.csv", help="decided weights")
    output.add_argument("--equity", type=Path, metavar="OUT.csv", help="date,equity,benchmark")
    output.add_argument("--tearsheet", type=Path, metavar="OUT.html", help="QuantStats' report")
    output.add_argument("--save", action="store_true", help="keep the result in the library")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from app.flow_files import FlowFiles, read_flow
    from core.backtest.run import run_backtest
    from core.bootstrap import Services
    from core.errors import BadInput, UnknownName
    from core.export import allocations_csv, equity_csv, tearsheet_html, write_text

    outputs = [p for p in (options.allocations, options.equity, options.tearsheet) if p]
    market_options.refuse_unwritable(outputs)
    request = market_options.request_of(options)
    with Services(settings, say=say) as services:
        files = FlowFiles(options.flow.parent, services)
        flow, find = files.filled(read_flow(options.flow)), files.find
        name = options.source or ("files" if options.data else "demo")
        source = services.source(name, path=options.data)
        started = services.clock()
        show = market_options.progress(sys.stderr.isatty() and not options.json)
        try:
            backtest = run_backtest(flow, source, request, find=find, progress=show)
        except UnknownName as err:
            if err.field != "variables":
                raise
            raise BadInput("--set", err.message, err.fix) from None
        result = backtest.result
        if options.allocations:
            write_text(options.allocations, allocations_csv(result))
        if options.equity:
            write_text(options.equity, equity_csv(result))
        if options.tearsheet:
            write_text(options.tearsheet, tearsheet_html(result))
        if options.save:
            _save(services, result, started)
    if options.json:
        sys.stdout.write(json.dumps(_as_json(result), ensure_ascii=False, allow_nan=False) + "\n")
    else:
        sys.stdout.write("\n".join(_report(backtest)) + "\n")
    return 0


def _as_json(result: Result) -> dict[str, object]:
    return {
        "strategy": result.flow.name,
        "source": result.provenance.source,
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "sessions": len(result.sessions),
        "metrics": {k: v if math.isfinite(v) else None for k, v in result.metrics.items()},
        "final_weights": result.final_weights,
        "warnings": list(result.warnings),
    }


def _report(backtest: Backtest) -> Iterator[str]:
    from core.metrics.definitions import BY_NAME, shown

    result = backtest.result
    data = result.provenance
    yield f"{result.flow.name}: {result.start} to {result.end}, {len(result.sessions):,} sessions"
    yield f"Data: {data}, as of {data.as_of:%Y-%m-%d %H:%M} UTC"
    yield ""
    against = result.benchmark.label if result.benchmark else ""
    yield f"{'':26}{'Strategy':>12}{against[:12]:>14}".rstrip()
    for name in SHOWN:
        if name in result.metrics:
            other = result.benchmark_metrics.get(name)
            compared = "" if other is None else f"{shown(name, other):>14}"
            yield f"{BY_NAME[name].label:26}{shown(name, result.metrics[name]):>12}{compared}"
    yield ""
    weights = sorted(result.final_weights.items(), key=lambda item: -abs(item[1]))
    held = ", ".join(f"{symbol} {weight:.1%}" for symbol, weight in weights) or "nothing, all cash"
    yield f"Decided on {result.end}: {held}"
    for warning in result.warnings:
        yield f"Warning: {warning}"
    for note in result.notes:
        yield f"Note: {note}"


def _save(services: Services, result: Result, started: Any) -> None:
    from core.bootstrap import version
    from core.library.results import to_saved

    saved = to_saved(
        result,
        user_id=services.user.id,
        engine_version=version(),
        started_at=started,
        finished_at=services.clock(),
    )
    services.backtests.add(saved)
    say(f"Saved as {saved.summary.id}.")
