"""The strategies table and its versions. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.clock import Clock
from core.db.session import transaction
from core.db.tables import strategies, strategy_versions
from core.errors import BadInput, UnknownName
from core.flow.formats.native import content_hash, to_json
from core.flow.nodes import Flow
from core.flow.variables import free_variables
from core.library.strategies import (
    MAX_LABEL,
    Strategy,
    StrategyVersion,
    VersionConflict,
    refuse_unstorable,
    slug_of,
)


class Strategies:
    """A library's strategies; a user never sees another's."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def names(self, user_id: UUID) -> dict[str, str]:
        """Names by short name, in alphabetical order; archived strategies left out."""
        query = select(strategies.c.slug, strategies.c.name).where(
            strategies.c.user_id == user_id, strategies.c.archived_at.is_(None)
        )
        order = (func.lower(strategies.c.name), strategies.c.slug)
        with transaction(self._engine) as db:
            return dict(db.execute(query.order_by(*order)).all())

    def get(self, user_id: UUID, slug: str) -> Strategy:
        """The strategy with that short name, archived or not; raises UnknownName."""
        with transaction(self._engine) as db:
            return _find(db, user_id, slug)

    def versions(
        self, user_id: UUID, slug: str, *, limit: int | None = None, offset: int = 0
    ) -> list[StrategyVersion]:
        """Versions with their flows, newest first."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            table = strategy_versions
            query = select(table).where(table.c.strategy_id == strategy.id)
            query = query.order_by(table.c.number.desc()).limit(limit).offset(offset)
            return [StrategyVersion(**row) for row in db.execute(query).mappings()]

    def labels(self, user_id: UUID, slug: str) -> dict[int, str]:
        """The label of every version by number, newest first; '' where it has none."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            table = strategy_versions
            query = select(table.c.number, table.c.label).where(table.c.strategy_id == strategy.id)
            rows = db.execute(query.order_by(table.c.number.desc()))
            return dict(rows.all())

    def version(self, user_id: UUID, slug: str, number: int | None = None) -> StrategyVersion:
        """One version, the head if ``number`` is None; raises UnknownName."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            table = strategy_versions
            wanted = strategy.head if number is None else number
            query = select(table).where(table.c.strategy_id == strategy.id)
            row = db.execute(query.where(table.c.number == wanted)).mappings().one_or_none()
            if row is None:
                known = db.scalars(select(table.c.number).where(table.c.strategy_id == strategy.id))
                raise UnknownName(slug, "version", str(wanted), map(str, known))
            return StrategyVersion(**row)

    def heads(
        self, user_id: UUID, slugs: Iterable[str] | None = None
    ) -> dict[str, StrategyVersion]:
        """The head of each strategy by short name; of those named in ``slugs`` that exist."""
        table = strategy_versions
        query = (
            select(strategies.c.slug, table)
            .join(table, table.c.strategy_id == strategies.c.id)
            .where(strategies.c.user_id == user_id, table.c.number == strategies.c.head)
        )
        if slugs is not None:
            query = query.where(strategies.c.slug.in_(list(slugs)))
        with transaction(self._engine) as db:
            rows = [dict(row) for row in db.execute(query).mappings()]
        return {row.pop("slug"): StrategyVersion(**row) for row in rows}

    def slug(self, user_id: UUID, id: UUID) -> str | None:  # noqa: A002  its name everywhere
        """The short name of the strategy with that id; None if it is gone."""
        query = select(strategies.c.slug).where(
            strategies.c.user_id == user_id, strategies.c.id == id
        )
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one_or_none()

    def count(self, user_id: UUID) -> int:
        """How many are not archived."""
        query = select(func.count()).where(
            strategies.c.user_id == user_id, strategies.c.archived_at.is_(None)
        )
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    def with_head(self, user_id: UUID, content: str) -> Strategy | None:
        """A strategy whose head has this content hash, if there is one; the oldest of several."""
        table = strategy_versions
        query = (
            _of(user_id)
            .join(table, (table.c.strategy_id == strategies.c.id) & (table.c.hash == content))
            .where(table.c.number == strategies.c.head)
            .order_by(strategies.c.created_at, strategies.c.slug)
            .limit(1)
        )
        with transaction(self._engine) as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else as_strategy(row)

    # -- writing -------------------------------------------------------------------------------

    def create(
        self,
        user_id: UUID,
        flow: Flow,
        *,
        label: str = "",
        slug: str | None = None,
        folder: str = "",
        tags: tuple[str, ...] = (),
    ) -> Strategy:
        """A new strategy whose first version is ``flow``.

        Its short name is made of the flow's name, with a number behind it if that is taken. A
        ``slug`` given must be free: BadInput otherwise.
        """
        _refuse_unstorable(flow)
        refuse_unstorable("label", label)
        now, first, document = self._clock(), slug or slug_of(flow.name), to_json(flow)
        row: dict[str, Any] = {
            "id": uuid4(),
            "user_id": user_id,
            "name": flow.name,
            "head": 1,
            "created_at": now,
            "updated_at": now,
            "folder": folder,
            "tags": list(tags),
            **_names(flow),
        }
        version = StrategyVersion(
            strategy_id=row["id"],
            number=1,
            hash=content_hash(flow),
            flow=document,
            label=label,
            created_at=now,
        )
        with transaction(self._engine) as db:
            number, wanted = 1, first
            while not _inserted(db, {**row, "slug": wanted}):
                if slug is not None:
                    raise BadInput("slug", f"'{slug}' is taken.", "Choose another short name.")
                number += 1
                wanted = f"{first}-{number}"
            _insert_version(db, version)
            return as_strategy({**row, "slug": wanted})

    def save(
        self, user_id: UUID, slug: str, flow: Flow, *, expected: int, label: str = ""
    ) -> StrategyVersion | VersionConflict:
        """Make ``flow`` the head, if the head is still version ``expected``.

        A flow equal to an earlier version makes that version the head again; otherwise it becomes
        the next version. The strategy takes the flow's name and keeps its short name.
        """
        _refuse_unstorable(flow)
        refuse_unstorable("label", label)
        with transaction(self._engine) as db:
            # Locks the strategy: two who save at once come one after the other.
            strategy = _find(db, user_id, slug, lock=True)
            if strategy.head != expected:
                return VersionConflict(strategy.name, expected, strategy.head)
            return write_head(db, strategy, flow, label, self._clock())

    def label(self, user_id: UUID, slug: str, number: int, label: str) -> None:
        """Call a version something; raises UnknownName for one there is not."""
        refuse_unstorable("label", label)
        if len(label) > MAX_LABEL:
            raise BadInput("label", f"it has {len(label)} characters.", f"At most {MAX_LABEL}.")
        table = strategy_versions
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            here = (table.c.strategy_id == strategy.id) & (table.c.number == number)
            if not db.execute(update(table).where(here).values(label=label)).rowcount:
                raise UnknownName(slug, "version", str(number), ())

    def delete(self, user_id: UUID, slug: str) -> None:
        """Delete the strategy with all its versions; its backtests stay."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            db.execute(delete(strategies).where(strategies.c.id == strategy.id))


def write_head(
    db: Connection, strategy: Strategy, flow: Flow, label: str, now: datetime
) -> StrategyVersion:
    """Make ``flow`` the head of a strategy whose row this transaction has locked."""
    table = strategy_versions
    mine = table.c.strategy_id == strategy.id
    content, document = content_hash(flow), to_json(flow)
    row = db.execute(select(table).where(mine, table.c.hash == content)).mappings().one_or_none()
    if row is not None:
        version = StrategyVersion(**row)
    else:
        version = StrategyVersion(
            strategy_id=strategy.id,
            number=db.execute(select(func.max(table.c.number)).where(mine)).scalar_one() + 1,
            hash=content,
            flow=document,
            label=label,
            created_at=now,
            parent=strategy.head,
        )
        _insert_version(db, version)
    db.execute(
        update(strategies)
        .where(strategies.c.id == strategy.id)
        .values(head=version.number, name=flow.name, updated_at=now, **_names(flow))
    )
    return version


def as_strategy(row: Mapping[Any, Any]) -> Strategy:
    """A row of the strategies table as a value."""
    values = {column.name: row[column.name] for column in strategies.c if column.name in row}
    for name in ("tags", "uses", "declares"):
        values[name] = tuple(values[name])
    return Strategy(**values)


def _insert_version(db: Connection, version: StrategyVersion) -> None:
    db.execute(insert(strategy_versions).values(asdict(version)))


def _names(flow: Flow) -> dict[str, list[str]]:
    """What the strategies table keeps of a head's variables."""
    return {"uses": sorted(free_variables(flow)), "declares": sorted(flow.variables)}


def _of(user_id: UUID) -> Select[tuple[object, ...]]:
    return select(strategies).where(strategies.c.user_id == user_id)


def _find(db: Connection, user_id: UUID, slug: str, *, lock: bool = False) -> Strategy:
    query = _of(user_id).where(strategies.c.slug == slug)
    row = db.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        known = db.scalars(select(strategies.c.slug).where(strategies.c.user_id == user_id))
        raise UnknownName("strategy", "strategy", slug, known)
    return as_strategy(row)


def _inserted(db: Connection, row: dict[str, object]) -> bool:
    """Whether ``row`` could be inserted: its short name was free."""
    query = insert(strategies).values(row).on_conflict_do_nothing().returning(strategies.c.id)
    return db.execute(query).one_or_none() is not None


def _refuse_unstorable(flow: Flow) -> None:
    # Notes may hold such characters: they are only ever read as part of the JSON.
    refuse_unstorable("name", flow.name)
    refuse_unstorable("description", flow.description)
