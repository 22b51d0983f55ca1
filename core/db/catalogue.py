"""The library's list: found, sorted and paged by the database. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Engine,
    Select,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.clock import Clock
from core.db.session import transaction
from core.db.strategies import as_strategy
from core.db.tables import backtests, strategies, strategy_versions
from core.errors import UnknownName
from core.library.catalogue import SORTS, Entry, Query
from core.library.strategies import folder_of, tag_of
from core.metrics.definitions import BY_NAME

_COLUMNS = {"updated": strategies.c.updated_at, "created": strategies.c.created_at}


class Catalogue:
    """A user's strategies as a list, and what is done to many of them at once."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def count(self, user_id: UUID, query: Query) -> int:
        """How many strategies the query finds."""
        found = select(func.count()).select_from(strategies).where(_found(user_id, query))
        with transaction(self._engine) as db:
            return db.execute(found).scalar_one()

    def page(self, user_id: UUID, query: Query, *, limit: int, offset: int = 0) -> list[Entry]:
        """The strategies found, from ``offset`` on; raises UnknownName for an unknown order."""
        found = _sorted(select(strategies).where(_found(user_id, query)), query)
        page = found.limit(limit).offset(offset).subquery()
        versions = strategy_versions
        described = select(
            page, versions.c.flow["description"].as_string().label("description")
        ).join(
            versions, and_(versions.c.strategy_id == page.c.id, versions.c.number == page.c.head)
        )
        with transaction(self._engine) as db:
            rows = db.execute(described.order_by(page.c.place)).mappings()
            return [Entry(as_strategy(row), row["description"] or "") for row in rows]

    def slugs(self, user_id: UUID, query: Query) -> list[str]:
        """Short names of all the query finds."""
        found = select(strategies.c.slug).where(_found(user_id, query)).order_by(strategies.c.slug)
        with transaction(self._engine) as db:
            return list(db.scalars(found))

    def folders(self, user_id: UUID) -> dict[str, int]:
        """How many strategies lie in each folder that has one, by path; archived ones left out."""
        query = (
            select(strategies.c.folder, func.count())
            .where(strategies.c.user_id == user_id, strategies.c.archived_at.is_(None))
            .group_by(strategies.c.folder)
            .order_by(strategies.c.folder)
        )
        with transaction(self._engine) as db:
            return dict(db.execute(query).all())

    def tags(self, user_id: UUID) -> dict[str, int]:
        """How many strategies have each tag, in alphabetical order; archived ones left out."""
        each = (
            select(func.unnest(strategies.c.tags).label("tag"))
            .where(strategies.c.user_id == user_id, strategies.c.archived_at.is_(None))
            .subquery()
        )
        query = select(each.c.tag, func.count()).group_by(each.c.tag).order_by(each.c.tag)
        with transaction(self._engine) as db:
            return dict(db.execute(query).all())

    # -- many at once --------------------------------------------------------------------------

    def archive(self, user_id: UUID, slugs: Iterable[str], *, archived: bool = True) -> int:
        """Take strategies out of the list, or back in; nothing is lost. Returns how many."""
        return self._change(user_id, slugs, archived_at=self._clock() if archived else None)

    def move(self, user_id: UUID, slugs: Iterable[str], folder: str) -> int:
        """Put strategies into a folder, '' for none; returns how many."""
        return self._change(user_id, slugs, folder=folder_of(folder))

    def tag(
        self,
        user_id: UUID,
        slugs: Iterable[str],
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> int:
        """Give strategies tags and take others away; returns how many strategies."""
        new, gone = ([tag_of(tag) for tag in tags] for tags in (add, remove))
        tag = func.unnest(strategies.c.tags.op("||")(cast(new, ARRAY(Text)))).column_valued("tag")
        kept = select(tag).where(tag.not_in(gone)).distinct().order_by(tag)
        return self._change(user_id, slugs, tags=func.array(kept.scalar_subquery()))

    def _change(self, user_id: UUID, slugs: Iterable[str], **values: object) -> int:
        mine = (strategies.c.user_id == user_id) & strategies.c.slug.in_(list(slugs))
        with transaction(self._engine) as db:
            return db.execute(update(strategies).where(mine).values(values)).rowcount


def _found(user_id: UUID, query: Query) -> ColumnElement[bool]:
    table = strategies.c
    archived = table.archived_at.is_not(None) if query.archived else table.archived_at.is_(None)
    wanted = [table.user_id == user_id, archived]
    if search := query.search.replace("\x00", "").strip():
        texts = (table.name, table.slug, table.folder, func.array_to_string(table.tags, " "))
        wanted.append(or_(*(text.icontains(search, autoescape=True) for text in texts)))
    if query.folder is not None:
        inside = table.folder.startswith(f"{query.folder}/", autoescape=True)
        wanted.append((table.folder == query.folder) | inside)
    if query.tags:
        wanted.append(table.tags.contains(list(query.tags)))
    return and_(*wanted)


def _sorted(found: Select[tuple[object, ...]], query: Query) -> Select[tuple[object, ...]]:
    """The strategies in their order, with their place in it."""
    by_name: tuple[ColumnElement[object], ...] = (func.lower(strategies.c.name), strategies.c.slug)
    if query.sort == "name":
        first, *rest = by_name
        order = (first.desc() if query.descending else first, *rest)
    elif query.sort in _COLUMNS:
        column = _COLUMNS[query.sort]
        order = (column.desc() if query.descending else column.asc(), *by_name)
    elif query.sort in BY_NAME:
        last = (
            select(backtests.c.metrics[query.sort].astext.cast(Double).label("metric"))
            .where(backtests.c.strategy_id == strategies.c.id)
            .order_by(backtests.c.finished_at.desc())
            .limit(1)
            .lateral("last")
        )
        found = found.join(last, true(), isouter=True)
        metric = last.c.metric.desc() if query.descending else last.c.metric.asc()
        order = (metric.nulls_last(), *by_name)
    else:
        raise UnknownName("sort", "order", query.sort, (*SORTS, *BY_NAME))
    place = func.row_number().over(order_by=order).label("place")
    return found.add_columns(place).order_by(place)
