"""The open_tabs table: a user's open strategies. Every method is one transaction."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from core.db.session import transaction
from core.db.tables import open_tabs, strategies
from core.errors import UnknownName


class Tabs:
    """They belong to the user, not to a browser: a reload or another window finds them again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def titles(self, user_id: UUID) -> dict[str, str]:
        """Names of the open strategies by short name, in the order they were opened."""
        query = (
            select(strategies.c.slug, strategies.c.name)
            .join(open_tabs, open_tabs.c.strategy_id == strategies.c.id)
            .where(open_tabs.c.user_id == user_id)
            .order_by(open_tabs.c.position)
        )
        with transaction(self._engine) as db:
            return dict(db.execute(query).all())

    def open(self, user_id: UUID, slug: str) -> None:
        """Add a tab at the end, unless the strategy has one; raises UnknownName."""
        mine = select(strategies.c.user_id, strategies.c.id).where(
            strategies.c.user_id == user_id, strategies.c.slug == slug
        )
        add = insert(open_tabs).from_select(["user_id", "strategy_id"], mine)
        with transaction(self._engine) as db:
            if db.execute(mine).one_or_none() is None:
                raise UnknownName("strategy", "strategy", slug, ())
            db.execute(add.on_conflict_do_nothing())

    def close(self, user_id: UUID, slug: str | None = None) -> None:
        """Take the strategy's tab away, or all of them; one that is not open is no error."""
        query = delete(open_tabs).where(open_tabs.c.user_id == user_id)
        if slug is not None:
            named = select(strategies.c.id).where(
                strategies.c.user_id == user_id, strategies.c.slug == slug
            )
            query = query.where(open_tabs.c.strategy_id.in_(named))
        with transaction(self._engine) as db:
            db.execute(query)
