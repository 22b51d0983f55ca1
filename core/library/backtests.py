"""Saved backtests: enough to show a result again, and to compute it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from core.library.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSummary:
    """What a list shows of a saved backtest.

    ``strategy_id`` and ``version`` say which saved version ran, both None for a flow that was
    never saved or is deleted. ``settings`` and ``provenance`` are JSON. ``metrics`` by name, NaN
    where undefined. ``pinned`` ones are never deleted for their age.
    """

    user_id: UUID
    flow_hash: str
    flow_name: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    engine_version: str
    data_digest: str
    metrics: Mapping[str, float]
    started_at: datetime
    finished_at: datetime
    strategy_id: UUID | None = None
    version: int | None = None
    pinned: bool = False
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, eq=False, slots=True)
class SavedBacktest:
    """A saved backtest with everything in it.

    ``flow``    the JSON of what ran
    ``detail``  JSON of what else its page shows: symbols, warnings, the benchmark's label
    ``series``  arrays by name: sessions, equity, weights …
    """

    summary: BacktestSummary
    flow: Mapping[str, Any]
    detail: Mapping[str, Any]
    series: Series
