"""From a request to a sweep that can be stored, and from a stored sweep to one that can be run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from core.backtest.settings import BacktestSettings
from core.errors import BadInput, UnknownName
from core.flow.formats.native import content_hash, from_json, to_json
from core.flow.layout import FindStrategy
from core.flow.nodes import Flow
from core.library.sweeps import Reuse, Sweep, sweep_key
from core.market.source import MarketSource, Progress, silent
from core.sweep.grid import Grid, Index, grid_from_json
from core.sweep.overlap import overlap
from core.sweep.prepare import Prepared, prepare


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What somebody wants to have swept."""

    user_id: UUID
    flow: Flow
    grid: Grid
    settings: BacktestSettings
    source: str
    path: Path | None = None
    strategy_id: UUID | None = None
    version: int | None = None
    priority: int = 0


class Recorder:
    """Looks up strategies, and remembers which: a sweep keeps what it refers to."""

    def __init__(self, find: FindStrategy) -> None:
        self._find = find
        self.found: dict[str, Flow] = {}

    def __call__(self, slug: str) -> Flow:
        if slug not in self.found:
            self.found[slug] = self._find(slug)
        return self.found[slug]


def sweep_of(
    request: SweepRequest,
    source: MarketSource,
    find: FindStrategy,
    *,
    engine_version: str,
    now: datetime,
    progress: Progress = silent,
) -> tuple[Sweep, Prepared]:
    """The sweep a request asks for, not stored yet, and what is needed to run it here.

    Its span is fixed to that of the data there is now. Raises what ``prepare`` raises.
    """
    recorder = Recorder(find)
    ready = prepare(
        request.flow, request.grid, source, request.settings, find=recorder, progress=progress
    )
    span = {"start": ready.sessions[0].item(), "end": ready.sessions[-1].item()}
    settings = request.settings.model_copy(update=span).model_dump(mode="json")
    flow, grid = to_json(request.flow), request.grid.model_dump(mode="json")
    references = {slug: to_json(flow) for slug, flow in sorted(recorder.found.items())}
    total = len(request.grid.points())
    parts = {
        "flow": content_hash(request.flow),
        "references": references,
        "source": request.source,
        "engine": engine_version,
    }
    data = ready.data_digest
    sweep = Sweep(
        user_id=request.user_id,
        key=sweep_key(**parts, settings=settings, grid=grid, data=data),
        # Without variables and bars, which are compared one by one.
        base=sweep_key(**parts, settings={k: v for k, v in settings.items() if k != "variables"}),
        flow_hash=content_hash(request.flow),
        flow_name=request.flow.name,
        flow=flow,
        references=references,
        settings=settings,
        grid=grid,
        source=request.source,
        path=None if request.path is None else str(request.path),
        engine_version=engine_version,
        data_digest=ready.data_digest,
        detail=_detail(ready),
        total=total,
        created_at=now,
        strategy_id=request.strategy_id,
        version=request.version,
        priority=request.priority,
    )
    return sweep, ready


def _detail(ready: Prepared) -> Mapping[str, Any]:
    data = ready.provenance
    return {
        "start": str(ready.sessions[0]),
        "end": str(ready.sessions[-1]),
        "sessions": len(ready.sessions),
        "data": str(data),
        "synthetic": data.synthetic,
        "as_of": data.as_of.isoformat(),
        "digests": dict(ready.digests),
        "notes": list(ready.notes),
        "reasons": list(ready.values.reasons.texts),
        "benchmark": None if ready.benchmark is None else ready.benchmark.label,
    }


def reuse_of(sweep: Sweep, ready: Prepared, others: Iterable[Sweep]) -> tuple[Sweep, Reuse | None]:
    """``sweep`` as it takes over most runs from one of the ``others``, which have the same base.

    Runs that fail are not taken over: the reasons are another sweep's, and it costs nothing to
    find them again.
    """
    best: tuple[int, Sweep, Reuse] | None = None
    for other in others:
        before = other.detail["digests"]
        if any(before.get(symbol, digest) != digest for symbol, digest in ready.digests.items()):
            continue
        old, new = _shared(sweep, ready, {"grid": other.grid, "fixed": _fixed(other)})
        if len(new) and (best is None or len(new) > best[0]):
            best = len(new), other, Reuse(other.number, old, new)
    if best is None:
        return sweep, None
    count, other, reuse = best
    origin = {"grid": other.grid, "fixed": _fixed(other)}
    return replace(sweep, reused=count, done=count, origin=origin), reuse


def points_to_run(sweep: Sweep, ready: Prepared) -> Index:
    """The points a sweep computes itself, ascending: all but the reused ones."""
    points = ready.plan.grid.points()
    if sweep.origin is None:
        return points
    _, reused = _shared(sweep, ready, sweep.origin)
    return np.setdiff1d(points, reused, assume_unique=True)


def _shared(sweep: Sweep, ready: Prepared, origin: Mapping[str, Any]) -> tuple[Index, Index]:
    """Points of an earlier sweep that are also points of this one and do not fail, and these."""
    grid = ready.plan.grid
    new, old = overlap(grid, _fixed(sweep), grid_from_json(origin["grid"]), origin["fixed"])
    sound = ready.values.reasons.of(grid.digits(new)) == 0
    return old[sound], new[sound]


def _fixed(sweep: Sweep) -> dict[str, Any]:
    """Every variable where it is not swept."""
    return {**sweep.flow.get("variables", {}), **sweep.settings["variables"]}


def prepared(sweep: Sweep, source: MarketSource) -> Prepared:
    """A stored sweep, ready to run on the bars it was asked for on.

    Raises BadInput when the source's bars are other ones by now.
    """
    ready = prepare(
        from_json(dict(sweep.flow)),
        grid_from_json(sweep.grid),
        source,
        BacktestSettings.model_validate(sweep.settings),
        find=finder(sweep),
    )
    if ready.data_digest != sweep.data_digest:
        raise BadInput(
            "source",
            f"the bars of {sweep.source} have changed since the sweep was started.",
            "Start it again: it will use the new ones.",
        )
    return ready


def finder(sweep: Sweep) -> FindStrategy:
    """Looks up the strategies a sweep refers to, as they were when it was started."""

    def find(slug: str) -> Flow:
        if slug not in sweep.references:
            raise UnknownName("strategy", "strategy", slug, sweep.references)
        return from_json(dict(sweep.references[slug]), slug)

    return find
