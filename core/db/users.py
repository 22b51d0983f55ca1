"""The users table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from core.accounts.users import User
from core.clock import Clock
from core.db.session import transaction
from core.db.tables import users


class Users:
    """Every method is one transaction."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def ensure(self, user: User) -> User:
        """``user``, who is in the table afterwards."""
        row = insert(users).values(id=user.id, name=user.name, created_at=self._clock())
        with transaction(self._engine) as db:
            db.execute(row.on_conflict_do_nothing())
        return user

    @contextmanager
    def seeding(self, user_id: UUID) -> Iterator[bool]:
        """Whether the user's library still has to get its first strategies; it has after the body.

        A second process that asks waits until the first is done, or has failed.
        """
        mine = users.c.id == user_id
        # No key update: the strategies made in the body refer to this row from other connections.
        query = select(users.c.seeded_at.is_(None)).where(mine).with_for_update(key_share=True)
        with transaction(self._engine) as db:
            wanted = bool(db.execute(query).scalar_one())
            yield wanted
            if wanted:
                db.execute(update(users).where(mine).values(seeded_at=self._clock()))

    def wants_replay(self, user_id: UUID) -> bool:
        """Whether the examples are in the user's library and were never replayed."""
        query = select(users.c.seeded_at.is_not(None) & users.c.replayed_at.is_(None))
        with transaction(self._engine) as db:
            return bool(db.execute(query.where(users.c.id == user_id)).scalar_one_or_none())

    def replayed(self, user_id: UUID) -> None:
        """The demo account was filled: it never is again."""
        with transaction(self._engine) as db:
            db.execute(update(users).where(users.c.id == user_id).values(replayed_at=self._clock()))
