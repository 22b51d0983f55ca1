"""Leases: one holder at a time, and a number that grows with each.

A lease is an advisory lock of its own connection: given back, it is free at once; it is gone as
well when the holder's process or connection is, as soon as the server notices. What a holder
writes carries its fence; ``held`` is checked in the transaction that writes, so that one who lost
the lock without noticing (its connection died, the process lives on) is refused.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s

from sqlalchemy import Connection, Engine, Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from core.db.live_tables import leases
from core.db.session import reachable, transaction

log = logging.getLogger(__name__)


class Lease:
    """Held from ``take`` until ``give_back``, or until its connection dies."""

    def __init__(self, engine: Engine, clock: Clock, name: str, holder: str) -> None:
        self._engine, self._clock = engine, clock
        self.name, self._holder = name, holder
        self._connection: Connection | None = None
        self.fence = 0

    def take(self) -> bool:
        """Try to become the holder; True also for one who is."""
        if self.alive():
            return True
        self.give_back()
        with reachable():
            # A connection of its own, never handed back to the pool while the lease is held.
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                if not connection.execute(_TRY, {"key": _key(self.name)}).scalar_one():
                    connection.close()
                    return False
                row = {
                    "name": self.name,
                    "fence": 1,
                    "holder": self._holder,
                    "taken_at": self._clock(),
                }
                made = insert(leases).values(row)
                self.fence = connection.execute(
                    made.on_conflict_do_update(
                        index_elements=["name"],
                        set_={
                            "fence": leases.c.fence + 1,
                            "holder": made.excluded.holder,
                            "taken_at": made.excluded.taken_at,
                        },
                    ).returning(leases.c.fence)
                ).scalar_one()
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
        self._connection = connection
        return True

    def alive(self) -> bool:
        """Whether this still is the holder, asked on the connection that holds the lock."""
        if self._connection is None:
            return False
        try:
            row = self._connection.execute(_MINE, {"name": self.name}).scalar_one_or_none()
        except SQLAlchemyError:  # it died now, or had died the last time it was asked
            return False
        return row == self.fence

    def give_back(self) -> None:
        """Let another have it: whoever asks after this returns finds it free."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        try:
            # The server sees a closed connection a moment later; this it does at once.
            connection.execute(_FREE, {"key": _key(self.name)})
        except SQLAlchemyError as err:
            log.info("%s went with its connection: %s", self.name, type(err).__name__)
        finally:
            # Its session ends, and the lock with it, whatever state it is in.
            connection.invalidate()
            connection.close()


_TRY = text("SELECT pg_try_advisory_lock(:key)")
_FREE = text("SELECT pg_advisory_unlock(:key)")
_MINE = text("SELECT fence FROM leases WHERE name = :name")


def held(name: str, fence: int) -> Select[tuple[int]]:
    """A row if ``fence`` is the newest of that lease; locks it, so that none newer is given out
    before the transaction ends."""
    return (
        select(leases.c.fence)
        .where(leases.c.name == name, leases.c.fence == fence)
        .with_for_update(read=True)
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """Who took a lease last, and whether the lock is held at this moment."""

    name: str
    fence: int
    holder: str
    taken_at: datetime
    held: bool


def holders(engine: Engine) -> dict[str, Holder]:
    """Every lease that was ever taken, by name."""
    with transaction(engine) as db:
        locked = set(db.execute(_LOCKED).scalars())
        rows = db.execute(select(leases)).mappings().all()
    return {row["name"]: Holder(**row, held=_key(row["name"]) in locked) for row in rows}


# An advisory lock's number is shown in two halves.
_LOCKED = text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _key(name: str) -> int:
    return int.from_bytes(blake2s(name.encode(), digest_size=8).digest(), "big", signed=True)
