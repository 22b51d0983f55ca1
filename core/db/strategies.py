"""The strategies table and its versions. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
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
from core.library.strategies import Strategy, StrategyVersion, VersionConflict, slug_of


class Strategies:
    """A library's strategies; a user never sees another's."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def all(self, user_id: UUID, *, search: str = "", archived: bool = False) -> list[Strategy]:
        """The user's strategies by name; ``search`` finds a part of the name, in any case."""
        query = _of(user_id).order_by(func.lower(strategies.c.name), strategies.c.slug)
        query = query.where(
            strategies.c.archived_at.is_not(None)
            if archived
            else strategies.c.archived_at.is_(None)
        )
        if search.strip():
            query = query.where(strategies.c.name.icontains(search.strip(), autoescape=True))
        with transaction(self._engine) as db:
            return [Strategy(**row) for row in db.execute(query).mappings()]

    def get(self, user_id: UUID, slug: str) -> Strategy:
        """The strategy with that short name, archived or not; raises UnknownName."""
        with transaction(self._engine) as db:
            return _find(db, user_id, slug)

    def versions(self, user_id: UUID, slug: str) -> list[StrategyVersion]:
        """Every version, newest first."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            table = strategy_versions
            query = select(table).where(table.c.strategy_id == strategy.id)
            rows = db.execute(query.order_by(table.c.number.desc())).mappings()
            return [StrategyVersion(**row) for row in rows]

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

    def count(self, user_id: UUID) -> int:
        """How many are not archived."""
        query = select(func.count()).where(
            strategies.c.user_id == user_id, strategies.c.archived_at.is_(None)
        )
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    # -- writing -------------------------------------------------------------------------------

    def create(
        self, user_id: UUID, flow: Flow, *, label: str = "", slug: str | None = None
    ) -> Strategy:
        """A new strategy whose first version is ``flow``.

        Its short name is made of the flow's name, with a number behind it if that is taken. A
        ``slug`` given must be free: BadInput otherwise.
        """
        _refuse_unstorable(flow, label)
        now, first = self._clock(), slug or slug_of(flow.name)
        row: dict[str, Any] = {
            "id": uuid4(),
            "user_id": user_id,
            "name": flow.name,
            "head": 1,
            "created_at": now,
            "updated_at": now,
        }
        with transaction(self._engine) as db:
            number, wanted = 1, first
            while not _inserted(db, {**row, "slug": wanted}):
                if slug is not None:
                    raise BadInput("slug", f"'{slug}' is taken.", "Choose another short name.")
                number += 1
                wanted = f"{first}-{number}"
            strategy = Strategy(**row, slug=wanted)
            self._add_version(db, strategy, 1, flow, label)
            return strategy

    def save(
        self, user_id: UUID, slug: str, flow: Flow, *, expected: int, label: str = ""
    ) -> StrategyVersion | VersionConflict:
        """Make ``flow`` the head, if the head is still version ``expected``.

        A flow equal to an earlier version makes that version the head again; otherwise it becomes
        the next version. The strategy takes the flow's name and keeps its short name.
        """
        _refuse_unstorable(flow, label)
        table = strategy_versions
        with transaction(self._engine) as db:
            # Locks the strategy: two who save at once come one after the other.
            strategy = _find(db, user_id, slug, lock=True)
            if strategy.head != expected:
                return VersionConflict(strategy.name, expected, strategy.head)
            mine = select(table).where(table.c.strategy_id == strategy.id)
            same = mine.where(table.c.hash == content_hash(flow))
            row = db.execute(same).mappings().one_or_none()
            if row is not None:
                version = StrategyVersion(**row)
            else:
                last = select(func.max(table.c.number)).where(table.c.strategy_id == strategy.id)
                number = db.execute(last).scalar_one() + 1
                version = self._add_version(db, strategy, number, flow, label)
            db.execute(
                update(strategies)
                .where(strategies.c.id == strategy.id)
                .values(head=version.number, name=flow.name, updated_at=self._clock())
            )
            return version

    def archive(self, user_id: UUID, slug: str, *, archived: bool = True) -> None:
        """Take the strategy out of the lists, or back in; nothing is lost."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            db.execute(
                update(strategies)
                .where(strategies.c.id == strategy.id)
                .values(archived_at=self._clock() if archived else None)
            )

    def delete(self, user_id: UUID, slug: str) -> None:
        """Delete the strategy with all its versions; its backtests stay."""
        with transaction(self._engine) as db:
            strategy = _find(db, user_id, slug)
            db.execute(delete(strategies).where(strategies.c.id == strategy.id))

    def _add_version(
        self, db: Connection, strategy: Strategy, number: int, flow: Flow, label: str
    ) -> StrategyVersion:
        version = StrategyVersion(
            strategy_id=strategy.id,
            number=number,
            hash=content_hash(flow),
            flow=to_json(flow),
            label=label,
            created_at=self._clock(),
        )
        db.execute(
            insert(strategy_versions).values(
                strategy_id=version.strategy_id,
                number=version.number,
                hash=version.hash,
                flow=version.flow,
                label=version.label,
                created_at=version.created_at,
            )
        )
        return version


def _of(user_id: UUID) -> Select[tuple[object, ...]]:
    return select(strategies).where(strategies.c.user_id == user_id)


def _find(db: Connection, user_id: UUID, slug: str, *, lock: bool = False) -> Strategy:
    query = _of(user_id).where(strategies.c.slug == slug)
    row = db.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        known = db.scalars(select(strategies.c.slug).where(strategies.c.user_id == user_id))
        raise UnknownName("strategy", "strategy", slug, known)
    return Strategy(**row)


def _inserted(db: Connection, row: dict[str, object]) -> bool:
    """Whether ``row`` could be inserted: its short name was free."""
    query = insert(strategies).values(row).on_conflict_do_nothing().returning(strategies.c.id)
    return db.execute(query).one_or_none() is not None


def _refuse_unstorable(flow: Flow, label: str) -> None:
    """Postgres holds any text but the character NUL and halves of surrogate pairs."""
    for field, value in (("name", flow.name), ("label", label)):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise BadInput(field, "it has characters that cannot be saved.", "Type it again.")
