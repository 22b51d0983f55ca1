"""A backtest's result as it is saved, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from core.backtest.result import BenchmarkSeries, Result, Trades
from core.backtest.settings import BacktestSettings
from core.flow.formats.native import content_hash, from_json, to_json
from core.flow.nodes import Costs, Rebalance
from core.library.backtests import BacktestSummary, SavedBacktest
from core.market.bars import Finding, Provenance


def to_saved(
    result: Result,
    *,
    user_id: UUID,
    engine_version: str,
    started_at: datetime,
    finished_at: datetime,
    strategy: tuple[UUID, int] | None = None,
) -> SavedBacktest:
    """``result`` as a row of ``user_id``'s; ``strategy`` is the saved version that ran, if any."""
    provenance = asdict(result.provenance) | {"as_of": result.provenance.as_of.isoformat()}
    strategy_id, version = strategy or (None, None)
    summary = BacktestSummary(
        user_id=user_id,
        flow_hash=content_hash(result.flow),
        flow_name=result.flow.name,
        settings=result.settings.model_dump(mode="json"),
        provenance=provenance,
        engine_version=engine_version,
        data_digest=result.data_digest,
        metrics=result.metrics,
        started_at=started_at,
        finished_at=finished_at,
        strategy_id=strategy_id,
        version=version,
    )
    detail: dict[str, Any] = {
        "symbols": list(result.symbols),
        "calendar": result.calendar,
        "costs": result.costs.model_dump(),
        "rebalance": result.rebalance.model_dump(),
        "benchmark": result.benchmark.label if result.benchmark else None,
        "benchmark_metrics": {
            k: v if v == v else None for k, v in result.benchmark_metrics.items()
        },
        "warnings": list(result.warnings),
        "notes": list(result.notes),
        "findings": [
            asdict(f) | {"first": f.first.isoformat(), "last": f.last.isoformat()}
            for f in result.findings
        ],
    }
    series = {
        "sessions": result.sessions.astype("datetime64[D]").astype(np.int64),
        "weights": result.weights,
        "returns": result.returns,
        "equity": result.equity,
        "turnover": result.turnover,
    }
    series |= {f"trade_{name}": getattr(result.trades, name) for name in Trades.__slots__}
    if result.benchmark is not None:
        series["benchmark_returns"] = result.benchmark.returns
        series["benchmark_equity"] = result.benchmark.equity
    return SavedBacktest(summary, to_json(result.flow), detail, series)


def from_saved(saved: SavedBacktest) -> Result:
    """The result that was saved; equal to it in every number.

    Raises FlowInvalid for a flow a newer Sluice wrote.
    """
    summary, detail, series = saved.summary, saved.detail, saved.series
    benchmark = None
    if detail["benchmark"] is not None:
        benchmark = BenchmarkSeries(
            detail["benchmark"], series["benchmark_returns"], series["benchmark_equity"]
        )
    as_of = datetime.fromisoformat(summary.provenance["as_of"])
    return Result(
        flow=from_json(saved.flow),
        settings=BacktestSettings.model_validate(summary.settings),
        costs=Costs.model_validate(detail["costs"]),
        rebalance=Rebalance.model_validate(detail["rebalance"]),
        provenance=Provenance(**{**summary.provenance, "as_of": as_of}),
        calendar=detail["calendar"],
        data_digest=summary.data_digest,
        findings=tuple(
            Finding(
                **{
                    **f,
                    "first": date.fromisoformat(f["first"]),
                    "last": date.fromisoformat(f["last"]),
                }
            )
            for f in detail["findings"]
        ),
        sessions=series["sessions"].astype("datetime64[D]"),
        symbols=tuple(detail["symbols"]),
        weights=series["weights"],
        returns=series["returns"],
        equity=series["equity"],
        turnover=series["turnover"],
        trades=Trades(**{name: series[f"trade_{name}"] for name in Trades.__slots__}),
        benchmark=benchmark,
        metrics=dict(summary.metrics),
        benchmark_metrics={
            k: float("nan") if v is None else v for k, v in detail["benchmark_metrics"].items()
        },
        warnings=tuple(detail["warnings"]),
        notes=tuple(detail["notes"]),
    )
