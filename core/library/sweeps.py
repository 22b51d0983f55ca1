"""Durable sweeps: what is asked for, how far it is, and how it is addressed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from core.sweep.grid import Index

State = Literal["queued", "running", "paused", "finished", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")
BLOCK = 16_384
"""Points that are computed and committed together."""
CHAINS = 8
"""Parts of a sweep that can be worked on at the same time, by any workers on any hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One sweep.

    ``number``      names its table of results
    ``key``         SHA-256 of everything its results depend on: an equal sweep has an equal key
    ``base``        the same without grid, variables and bars: with an equal one runs can be shared
    ``flow``, ``references``, ``settings``, ``grid``  JSON of what is run: the flow, the flows it
                    refers to, BacktestSettings, Grid
    ``detail``      JSON of what its page shows: span, provenance, reasons, notes; bars' digests
    ``total``, ``done``, ``failed``  runs
    ``reused``      runs that were taken over from an earlier sweep, and ``origin``, JSON of its
                    grid and its fixed variables, which tell which runs these are
    """

    user_id: UUID
    key: str
    base: str
    flow_hash: str
    flow_name: str
    flow: Mapping[str, Any]
    references: Mapping[str, Any]
    settings: Mapping[str, Any]
    grid: Mapping[str, Any]
    source: str
    path: str | None
    engine_version: str
    data_digest: str
    detail: Mapping[str, Any]
    total: int
    created_at: datetime
    strategy_id: UUID | None = None
    version: int | None = None
    priority: int = 0
    state: State = "queued"
    done: int = 0
    failed: int = 0
    reused: int = 0
    origin: Mapping[str, Any] | None = None
    error: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    pinned: bool = False
    number: int = 0
    id: UUID = field(default_factory=uuid4)

    @property
    def blocks(self) -> int:
        """Blocks of the runs that are computed: all but the reused ones."""
        return -(-(self.total - self.reused) // BLOCK)

    @property
    def chains(self) -> int:
        return min(CHAINS, self.blocks)


@dataclass(frozen=True, eq=False)
class Reuse:
    """Runs to take over from sweep ``number``: at its points ``old``, which are ours ``new``."""

    number: int
    old: Index
    new: Index


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep runs whose metric lies between two bounds, both included; None is no bound."""

    metric: str
    low: float | None = None
    high: float | None = None


def sweep_key(**parts: object) -> str:
    """The address of a sweep's results: equal parts, equal key."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
