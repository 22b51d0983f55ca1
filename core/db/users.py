"""The users table."""

from __future__ import annotations

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

    def is_seeded(self, user_id: UUID) -> bool:
        """Whether the user's library got its first strategies, whatever became of them."""
        query = select(users.c.seeded_at.is_not(None)).where(users.c.id == user_id)
        with transaction(self._engine) as db:
            return bool(db.execute(query).scalar_one())

    def mark_seeded(self, user_id: UUID) -> None:
        query = update(users).where(users.c.id == user_id).values(seeded_at=self._clock())
        with transaction(self._engine) as db:
            db.execute(query)
