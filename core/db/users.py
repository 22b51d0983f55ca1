"""The users table."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

from core.accounts.users import User
from core.clock import Clock
from core.db.session import transaction
from core.db.tables import users


class Users:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def ensure(self, user: User) -> User:
        """``user``, who is in the table afterwards."""
        row = insert(users).values(id=user.id, name=user.name, created_at=self._clock())
        with transaction(self._engine) as db:
            db.execute(row.on_conflict_do_nothing())
        return user
