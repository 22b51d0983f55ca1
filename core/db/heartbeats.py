"""The heartbeats table: one row for each living process, overwritten at each beat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, extract, func, select
from sqlalchemy.dialects.postgresql import insert

from core.db.session import transaction
from core.db.tables import heartbeats
from core.heartbeat import Heartbeat

_NOW = func.clock_timestamp()


class Heartbeats:
    """``beat_at`` is the database's clock, so that ages compare between hosts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(
        self,
        component: str,
        *,
        host: str,
        pid: int,
        started_at: datetime,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        row = insert(heartbeats).values(
            component=component,
            host=host,
            pid=pid,
            started_at=started_at,
            beat_at=_NOW,
            detail=dict(detail or {}),
        )
        fresh = {name: row.excluded[name] for name in ("started_at", "beat_at", "detail")}
        with transaction(self._engine) as db:
            db.execute(row.on_conflict_do_update(index_elements=heartbeats.primary_key, set_=fresh))

    def all(self) -> list[Heartbeat]:
        """By component, the youngest beat of each first."""
        age = extract("epoch", _NOW - heartbeats.c.beat_at).label("age_seconds")
        order = (heartbeats.c.component, heartbeats.c.beat_at.desc())
        with transaction(self._engine) as db:
            rows = db.execute(select(heartbeats, age).order_by(*order)).mappings()
            return [Heartbeat(**{**row, "age_seconds": float(row["age_seconds"])}) for row in rows]

    def forget_older(self, than: timedelta) -> int:
        """Remove processes that have been silent for so long; returns how many."""
        query = delete(heartbeats).where(heartbeats.c.beat_at < _NOW - than)
        with transaction(self._engine) as db:
            return db.execute(query).rowcount

    def forget(self, component: str, *, host: str, pid: int) -> None:
        """Remove a process that ends in good order, or is known to be dead."""
        table = heartbeats.c
        mine = (table.component == component) & (table.host == host) & (table.pid == pid)
        with transaction(self._engine) as db:
            db.execute(delete(heartbeats).where(mine))
