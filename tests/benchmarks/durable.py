"""A durable sweep from the row that asks for it to the last run in Postgres, by real workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import text
from sweep_flows import FLOW_A, ROOT, SPAN, Place, grid_of

from core.bootstrap import version
from core.errors import UnknownName
from core.library.sweep_request import SweepRequest, sweep_of
from core.library.sweeps import Sweep
from core.process import PARENT
from core.sweep.grid import Grid

WARMING = 60_000
"""Runs that workers do first, so that it is not their start that is measured: four blocks, each a
chain, so that up to four threads or processes have their kernels and their memory."""

LOOK_SECONDS = 0.02
LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class Finished:
    """A sweep that is stored, and what it took.

    ``asking``   seconds to read the data, lay out the sweep and store it, before workers know
    ``seconds``  from there to the state finished, every run committed
    ``memory``   highest resident memory of each worker seen, in bytes
    """

    sweep: Sweep
    asking: float
    seconds: float
    memory: list[int]


def finish_sweep(at: Place, grid: Grid, workers: list[psutil.Process]) -> Finished:
    """Store flow A over ``grid`` and wait for it; RuntimeError where it does not finish."""
    services = at.services
    services.users.ensure(services.user)
    begun = time.perf_counter()
    request = SweepRequest(user_id=services.user.id, flow=FLOW_A, grid=grid, settings=SPAN,
                           source=at.name, path=at.path)  # fmt: skip
    sweep, _ = sweep_of(request, at.source, _none, engine_version=version(), now=services.clock())
    asked = time.perf_counter()
    sweep = services.sweeps.add(sweep)
    services.start_sweeps(sweep.user_id)
    memory = [0] * len(workers)
    while (now := services.sweeps.numbered(sweep.number)).state in ("queued", "running"):
        memory = [max(m, w.memory_info().rss) for m, w in zip(memory, workers, strict=True)]
        if time.perf_counter() - asked > LONGEST_SECONDS:
            raise RuntimeError(f"after {LONGEST_SECONDS:.0f} s {now.done:,} of {now.total:,} runs")
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - asked
    if now.state != "finished":
        raise RuntimeError(f"the sweep is {now.state}: {now.error}")
    return Finished(now, asked - begun, seconds, memory)


@contextmanager
def warm_workers(at: Place, count: int = 1, threads: int = 0) -> Iterator[list[psutil.Process]]:
    """Worker processes that have done a small sweep; 0 threads is one for each core."""
    # Connected to, and so started and migrated, before a worker looks for it.
    at.services.user  # noqa: B018
    environment = at.environment | {
        "SLUICE_WORKER_THREADS": str(threads),
        "SLUICE_LOG_LEVEL": "WARNING",
        PARENT: str(os.getpid()),
    }
    with ExitStack() as stack:
        found = [stack.enter_context(_worker(environment)) for _ in range(count)]
        finish_sweep(at, grid_of(WARMING), found)
        yield found


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-m", "jobs.worker"], env=environment, cwd=ROOT)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def stored_bytes(at: Place, sweep: Sweep) -> int:
    """Room the runs of a sweep take in the database, their index included."""
    query = text(f"SELECT pg_total_relation_size('runs.sweep_{sweep.number}')")
    with at.services.database.engine.begin() as db:
        return int(db.execute(query).scalar_one())


def _none(slug: str) -> Any:
    raise UnknownName("strategy", "strategy", slug, ())
