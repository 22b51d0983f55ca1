"""The drafts table: unsaved changes, one row for a user and a strategy.

Every method is one transaction.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, exists, literal, select
from sqlalchemy.dialects.postgresql import insert

from core.clock import Clock
from core.db.session import transaction
from core.db.tables import drafts, strategies, strategy_versions
from core.library.drafts import KeptDraft


class Drafts:
    """Of two windows of a user the one that wrote last is kept; saved versions are never touched.

    A draft goes with its strategy.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def find(self, user_id: UUID, strategy_id: UUID) -> KeptDraft | None:
        """What the user changed there and did not save; None if nothing."""
        query = select(drafts.c.base, drafts.c.flow, drafts.c.kept_at)
        with transaction(self._engine) as db:
            row = db.execute(query.where(_at(user_id, strategy_id))).one_or_none()
        return None if row is None else KeptDraft(*row)

    def has(self, user_id: UUID, strategy_id: UUID) -> bool:
        """Whether there is one, without reading it."""
        with transaction(self._engine) as db:
            return bool(db.scalar(select(exists().where(_at(user_id, strategy_id)))))

    def keep(self, user_id: UUID, strategy_id: UUID, base: int, text: str) -> bool:
        """Keep this, begun from version ``base``, in place of what was kept before.

        False if the user has no such strategy any more, or it no such version.
        """
        values = {
            "user_id": literal(user_id),
            "strategy_id": strategies.c.id,
            "base": strategy_versions.c.number,
            "flow": literal(text),
            "kept_at": literal(self._clock(), drafts.c.kept_at.type),
        }
        begun = strategy_versions.c.strategy_id == strategies.c.id
        mine = (
            select(*values.values())
            .join_from(strategies, strategy_versions, begun)
            .where(strategies.c.user_id == user_id, strategies.c.id == strategy_id)
            .where(strategy_versions.c.number == base)
            # Somebody who deletes the strategy meanwhile comes before or after, not between.
            .with_for_update(read=True, key_share=True)
        )
        new = insert(drafts).from_select(list(values), mine)
        changed = {name: new.excluded[name] for name in ("base", "flow", "kept_at")}
        with transaction(self._engine) as db:
            row = new.on_conflict_do_update(constraint=drafts.primary_key, set_=changed)
            return db.execute(row.returning(drafts.c.base)).one_or_none() is not None

    def forget(self, user_id: UUID, strategy_id: UUID, text: str) -> None:
        """Take the draft away if it still says ``text``: another window's stays."""
        with transaction(self._engine) as db:
            db.execute(delete(drafts).where(_at(user_id, strategy_id), drafts.c.flow == text))


def _at(user_id: UUID, strategy_id: UUID) -> ColumnElement[bool]:
    return (drafts.c.user_id == user_id) & (drafts.c.strategy_id == strategy_id)
