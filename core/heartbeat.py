"""Heartbeats: how the parts of Sluice show that they live, and how their age is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EVERY_SECONDS = 30.0
SILENT_SECONDS = 3 * EVERY_SECONDS
"""A component that did not beat for this long is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The last sign of life of one process.

    ``age_seconds`` is by the database's clock, which all hosts share.
    """

    component: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    age_seconds: float
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        return self.age_seconds > SILENT_SECONDS
