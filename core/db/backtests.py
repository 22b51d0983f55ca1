"""The backtests table: saved results. Every method is one transaction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.db.session import transaction
from core.db.tables import backtests
from core.errors import UnknownName
from core.library.backtests import BacktestSummary, SavedBacktest
from core.library.series import FORMAT, decode, encode

_HEAVY = ("flow", "detail", "series_format", "series")
_LIGHT = [column for column in backtests.c if column.name not in _HEAVY]


class Backtests:
    """A library's saved results; a user never sees another's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, backtest: SavedBacktest) -> None:
        summary = backtest.summary
        row = {column.name: getattr(summary, column.name) for column in _LIGHT}
        row["metrics"] = {name: _known(value) for name, value in summary.metrics.items()}
        row |= {
            "flow": backtest.flow,
            "detail": backtest.detail,
            "series_format": FORMAT,
            "series": encode(backtest.series),
        }
        with transaction(self._engine) as db:
            db.execute(insert(backtests).values(row))

    def get(self, user_id: UUID, id: UUID) -> SavedBacktest:  # noqa: A002  its name everywhere
        """One result with its series; raises UnknownName."""
        query = select(backtests).where(_one(user_id, id))
        with transaction(self._engine) as db:
            row = db.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownName("backtest", "saved backtest", str(id), ())
        return SavedBacktest(
            summary=_summary(row),
            flow=row["flow"],
            detail=row["detail"],
            series=decode(row["series_format"], row["series"]),
        )

    def recent(
        self,
        user_id: UUID,
        *,
        strategy_id: UUID | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[BacktestSummary]:
        """Summaries, newest first; of one strategy if it is given."""
        query = select(*_LIGHT).where(backtests.c.user_id == user_id)
        if strategy_id is not None:
            query = query.where(backtests.c.strategy_id == strategy_id)
        query = query.order_by(backtests.c.finished_at.desc(), backtests.c.id)
        with transaction(self._engine) as db:
            rows = db.execute(query.limit(limit).offset(offset)).mappings()
            return [_summary(row) for row in rows]

    def latest(self, user_id: UUID, strategy_ids: Sequence[UUID]) -> dict[UUID, BacktestSummary]:
        """The newest result of each of these strategies that has one."""
        query = (
            select(*_LIGHT)
            .distinct(backtests.c.strategy_id)
            .where(backtests.c.user_id == user_id, backtests.c.strategy_id.in_(strategy_ids))
            .order_by(backtests.c.strategy_id, backtests.c.finished_at.desc())
        )
        with transaction(self._engine) as db:
            found = [_summary(row) for row in db.execute(query).mappings()]
        return {row.strategy_id: row for row in found if row.strategy_id is not None}

    def count(self, user_id: UUID) -> int:
        query = select(func.count()).where(backtests.c.user_id == user_id)
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    def pin(self, user_id: UUID, id: UUID, *, pinned: bool = True) -> None:  # noqa: A002
        """Keep the result whatever its age, or stop keeping it; raises UnknownName."""
        query = update(backtests).where(_one(user_id, id)).values(pinned=pinned)
        with transaction(self._engine) as db:
            if not db.execute(query).rowcount:
                raise UnknownName("backtest", "saved backtest", str(id), ())

    def delete(self, user_id: UUID, id: UUID) -> None:  # noqa: A002
        with transaction(self._engine) as db:
            db.execute(delete(backtests).where(_one(user_id, id)))

    def delete_older(self, than: datetime) -> int:
        """Delete every user's unpinned results finished before ``than``; returns how many."""
        old = backtests.c.finished_at < than
        with transaction(self._engine) as db:
            query = delete(backtests).where(old, backtests.c.pinned.is_(False))
            return db.execute(query).rowcount


def _one(user_id: UUID, id: UUID) -> ColumnElement[bool]:  # noqa: A002
    return (backtests.c.user_id == user_id) & (backtests.c.id == id)


def _summary(row: Mapping[Any, Any]) -> BacktestSummary:
    values = {column.name: row[column.name] for column in _LIGHT}
    values["metrics"] = {
        name: math.nan if value is None else value for name, value in values["metrics"].items()
    }
    return BacktestSummary(**values)


def _known(value: float) -> float | None:
    """JSON has neither NaN nor infinity: null, which reads as NaN again."""
    return value if math.isfinite(value) else None
