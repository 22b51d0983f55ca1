"""The events table: written with what it tells of, read by the pages' log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, insert, select, tuple_

from core.accounts.events import Event, Kind, Place, Recorded, Severity, from_severity
from core.db.live_tables import accounts, deployments, events
from core.db.session import joined, transaction

_COLUMNS = tuple(Event.__dataclass_fields__)


class Events:
    """Append-only: nobody changes what happened."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, happened: Iterable[Event], *, db: Connection | None = None) -> None:
        """Record events; in the caller's transaction ``db``, so that both happen or neither.

        No channel is touched here: what is sent, and to whom, is found later by another thread.
        """
        rows = [_row(event) for event in happened]
        if not rows:
            return
        with joined(self._engine, db) as here:
            here.execute(insert(events), rows)

    def page(
        self,
        user_id: UUID,
        *,
        account: UUID | None = None,
        deployment: UUID | None = None,
        kinds: Collection[Kind] = (),
        severity: Severity = "info",
        text: str = "",
        before: Place | None = None,
        limit: int = 100,
    ) -> list[Recorded]:
        """The newest of the user's events, at most ``limit``, newest first.

        Of one account or deployment, of these ``kinds`` (empty: of all), of ``severity`` or more
        important, with ``text`` in their sentence or in the name of their account or deployment,
        whatever its case. ``before`` is the last one's ``place`` of the page before.
        """
        table = events.c
        query = (
            select(events, accounts.c.name.label("account"), deployments.c.name.label("deployment"))
            .outerjoin(accounts, accounts.c.id == table.account_id)
            .outerjoin(deployments, deployments.c.id == table.deployment_id)
            .where(table.user_id == user_id)
        )
        if account is not None:
            query = query.where(table.account_id == account)
        if deployment is not None:
            query = query.where(table.deployment_id == deployment)
        if kinds:
            query = query.where(table.kind.in_(list(kinds)))
        if severity != "info":
            query = query.where(table.severity.in_(from_severity(severity)))
        if words := text.strip():
            query = query.where(
                table.text.icontains(words, autoescape=True)
                | accounts.c.name.icontains(words, autoescape=True)
                | deployments.c.name.icontains(words, autoescape=True)
            )
        if before is not None:
            query = query.where(tuple_(table.at, table.id) < tuple_(*before))
        newest = query.order_by(table.at.desc(), table.id.desc()).limit(limit)
        with transaction(self._engine) as db:
            return [as_recorded(row) for row in db.execute(newest).mappings()]

    def critical(self, user_id: UUID, deployment: UUID) -> int:
        """How many critical events a deployment had."""
        table = events.c
        query = select(func.count()).where(
            table.user_id == user_id,
            table.deployment_id == deployment,
            table.severity == "critical",
        )
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    def delete_older(self, than: datetime) -> int:
        """Forget what happened before that instant; returns how many events."""
        with transaction(self._engine) as db:
            return db.execute(delete(events).where(events.c.at < than)).rowcount


def as_recorded(row: Mapping[Any, Any]) -> Recorded:
    """A row of the table with the columns ``account`` and ``deployment``: their names."""
    event = Event(**{name: row[name] for name in _COLUMNS})
    return Recorded(row["id"], event, row["account"], row["deployment"])


def _row(event: Event) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in _COLUMNS}
    return row | {"detail": dict(event.detail)}
