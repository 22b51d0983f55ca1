"""The sweeps table and the blocks of their runs. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Result,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from core.clock import Clock
from core.db import runs
from core.db.session import transaction
from core.db.tables import sweep_blocks, sweeps, users
from core.errors import BadInput, UnknownName
from core.library.sweeps import BLOCK, ENDED, Reuse, State, Sweep
from core.sweep.grid import grid_from_json
from core.sweep.run import Measured

_HEAVY = ("flow", "references", "origin")
_FIELDS = [column for column in sweeps.c if column.name not in _HEAVY]

_AFTER: dict[State, tuple[State, ...]] = {
    "queued": ("paused",),
    "running": ("queued",),
    "paused": ("queued", "running"),
    "cancelled": ("queued", "running", "paused"),
    "failed": ("queued", "running", "paused"),
    "finished": ("running",),
}
"""From which states each state can be reached."""


class Sweeps:
    """A library's sweeps; a user never sees another's."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def get(self, user_id: UUID, id: UUID) -> Sweep:  # noqa: A002  its name everywhere
        """One sweep; raises UnknownName."""
        return self._one((sweeps.c.user_id == user_id) & (sweeps.c.id == id), str(id))

    def numbered(self, number: int) -> Sweep:
        """The sweep with that number, whoever's it is: for workers. Raises UnknownName."""
        return self._one(sweeps.c.number == number, str(number))

    def recent(self, user_id: UUID, *, limit: int = 50, offset: int = 0) -> list[Sweep]:
        """Running ones first, then queued and paused, then the ended, newest first.

        Their flows are left out.
        """
        rank = case({"running": 0, "queued": 1, "paused": 2}, value=sweeps.c.state, else_=3)
        query = select(*_FIELDS).where(sweeps.c.user_id == user_id)
        query = query.order_by(rank, sweeps.c.priority.desc(), sweeps.c.created_at.desc())
        with transaction(self._engine) as db:
            return _light(db.execute(query.limit(limit).offset(offset)))

    def count(self, user_id: UUID) -> int:
        query = select(func.count()).where(sweeps.c.user_id == user_id)
        with transaction(self._engine) as db:
            return db.execute(query).scalar_one()

    def equal(self, user_id: UUID, key: str) -> Sweep | None:
        """A sweep that has, or will have, the same results; the newest that did not fail."""
        query = (
            select(sweeps.c.id)
            .where(sweeps.c.user_id == user_id, sweeps.c.key == key)
            .where(sweeps.c.state.not_in(("failed", "cancelled")))
            .order_by(sweeps.c.created_at.desc())
            .limit(1)
        )
        with transaction(self._engine) as db:
            found = db.execute(query).scalar_one_or_none()
        return None if found is None else self.get(user_id, found)

    def extendable(self, user_id: UUID, base: str, *, limit: int = 5) -> list[Sweep]:
        """Finished sweeps whose runs one with the same base may take over, the largest first."""
        query = select(sweeps).where(sweeps.c.user_id == user_id, sweeps.c.base == base)
        query = query.where(sweeps.c.state == "finished").order_by(sweeps.c.total.desc())
        with transaction(self._engine) as db:
            return [Sweep(**row) for row in db.execute(query.limit(limit)).mappings()]

    def running(self) -> list[Sweep]:
        """What workers should be at, whoever's it is; flows are left out."""
        with transaction(self._engine) as db:
            return _light(db.execute(select(*_FIELDS).where(sweeps.c.state == "running")))

    def waiting_users(self) -> list[UUID]:
        """Users with a queued sweep."""
        query = select(sweeps.c.user_id).where(sweeps.c.state == "queued").distinct()
        with transaction(self._engine) as db:
            return list(db.scalars(query))

    def missing_blocks(self, sweep: Sweep, chain: int) -> Iterator[int]:
        """Blocks of one chain that are not done yet, ascending."""
        with transaction(self._engine) as db:
            query = select(sweep_blocks.c.block).where(sweep_blocks.c.sweep == sweep.number)
            done = set(db.scalars(query))
        yield from (b for b in range(chain, sweep.blocks, sweep.chains) if b not in done)

    def runs(self, sweep: Sweep) -> runs.Runs:
        """Questions to a sweep's runs."""
        return runs.Runs(self._engine, sweep.number, grid_from_json(sweep.grid))

    def _one(self, which: ColumnElement[bool], name: str) -> Sweep:
        with transaction(self._engine) as db:
            row = db.execute(select(sweeps).where(which)).mappings().one_or_none()
        if row is None:
            raise UnknownName("sweep", "sweep", name, ())
        return Sweep(**row)

    # -- changing ------------------------------------------------------------------------------

    def add(self, sweep: Sweep, reuse: Reuse | None = None) -> Sweep:
        """Store a new sweep and make the table of its runs; returns it with its number.

        Runs to ``reuse`` are copied in the same transaction; if the sweep they are of was deleted
        meanwhile, all are computed. With nothing left to compute the sweep is finished.
        """
        with transaction(self._engine) as db:
            if reuse is not None and not _stays(db, reuse.number):
                sweep, reuse = replace(sweep, reused=0, done=0, origin=None), None
            row = {c.name: getattr(sweep, c.name) for c in sweeps.c if c.name != "number"}
            number = db.execute(insert(sweeps).values(row).returning(sweeps.c.number)).scalar_one()
            runs.create(db, number)
            if reuse is not None:
                runs.copy_from(db, number, reuse)
                if sweep.reused == sweep.total:
                    runs.index(db, number, grid_from_json(sweep.grid))
                    now = self._clock()
                    ended = {"state": "finished", "started_at": now, "finished_at": now}
                    db.execute(update(sweeps).where(sweeps.c.number == number).values(ended))
        return self.numbered(number)

    def activate(self, user_id: UUID) -> Sweep | None:
        """Start the user's next sweep, unless one is running; so users take turns."""
        mine = sweeps.c.user_id == user_id
        with transaction(self._engine) as db:
            # Two who activate at once: the second waits, and finds one running.
            db.execute(
                select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True)
            )
            if db.execute(select(sweeps.c.id).where(mine, sweeps.c.state == "running")).first():
                return None
            query = select(sweeps.c.number).where(mine, sweeps.c.state == "queued")
            query = query.order_by(sweeps.c.priority.desc(), sweeps.c.created_at).limit(1)
            number = db.execute(query).scalar_one_or_none()
            if number is None:
                return None
            started = func.coalesce(sweeps.c.started_at, self._clock())
            self._move(db, sweeps.c.number == number, "running", started_at=started)
        return self.numbered(number)

    def pause(self, user_id: UUID, id: UUID) -> None:  # noqa: A002
        """Stop after the blocks at work; BadInput if it is not queued or running."""
        self._change(user_id, id, "paused")

    def resume(self, user_id: UUID, id: UUID) -> None:  # noqa: A002
        """Queue a paused sweep again; BadInput if it is not paused."""
        self._change(user_id, id, "queued")

    def cancel(self, user_id: UUID, id: UUID) -> None:  # noqa: A002
        """End it; the runs it has stay. BadInput if it has ended."""
        self._change(user_id, id, "cancelled", finished_at=self._clock())

    def prioritise(self, user_id: UUID, id: UUID, priority: int) -> None:  # noqa: A002
        """A higher priority runs first."""
        query = update(sweeps).where(sweeps.c.user_id == user_id, sweeps.c.id == id)
        with transaction(self._engine) as db:
            db.execute(query.values(priority=priority))

    def fail(self, number: int, error: str) -> None:
        """End it with what went wrong; nothing happens if it has ended."""
        with transaction(self._engine) as db:
            which = sweeps.c.number == number
            self._move(db, which, "failed", error=error, finished_at=self._clock())

    def commit_block(self, number: int, block: int, found: Measured) -> State | None:
        """Write a block's runs and the progress, once; returns the sweep's state, None if it is
        deleted by now.

        Nothing is written if the sweep is not running, or another worker was faster.
        """
        failed = int((found.reason != 0).sum())
        this = sweeps.c.number == number
        with transaction(self._engine) as db:
            # Who deletes it now waits for this block.
            stays = select(sweeps.c.state).where(this).with_for_update(read=True, key_share=True)
            state: State | None = db.execute(stays).scalar_one_or_none()
            if state != "running":
                return state
            row = {"sweep": number, "block": block, "finished_at": self._clock()}
            query = insert(sweep_blocks).values(row).on_conflict_do_nothing()
            if db.execute(query.returning(sweep_blocks.c.block)).first() is not None:
                runs.copy_in(db, number, found)
                # Last, so that other workers' blocks wait for no more than the commit.
                done, bad = sweeps.c.done + len(found.points), sweeps.c.failed + failed
                db.execute(update(sweeps).where(this).values(done=done, failed=bad))
        return state

    def finish(self, number: int) -> bool:
        """Finish a sweep all of whose blocks are there; whether this call did. One that is deleted
        has nothing to finish."""
        with transaction(self._engine) as db:
            own = (sweeps.c.total - sweeps.c.reused).label("own")
            one = select(sweeps.c.state, sweeps.c.grid, own).where(sweeps.c.number == number)
            row = db.execute(one.with_for_update()).one_or_none()
            if row is None or row.state != "running":
                return False
            query = select(func.count()).where(sweep_blocks.c.sweep == number)
            if db.execute(query).scalar_one() < -(-row.own // BLOCK):
                return False
            runs.index(db, number, grid_from_json(row.grid))
            which = sweeps.c.number == number
            self._move(db, which, "finished", finished_at=self._clock())
            return True

    def pin(self, user_id: UUID, id: UUID, *, pinned: bool = True) -> None:  # noqa: A002
        """Keep it whatever its age, or stop keeping it."""
        query = update(sweeps).where(sweeps.c.user_id == user_id, sweeps.c.id == id)
        with transaction(self._engine) as db:
            db.execute(query.values(pinned=pinned))

    def delete(self, user_id: UUID, id: UUID) -> None:  # noqa: A002
        """Remove a sweep with its runs."""
        with transaction(self._engine) as db:
            query = delete(sweeps).where(sweeps.c.user_id == user_id, sweeps.c.id == id)
            for number in db.scalars(query.returning(sweeps.c.number)).all():
                runs.drop(db, number)

    def older(self, user_id: UUID, before: datetime) -> list[Sweep]:
        """The user's of what ``delete_older`` removes, the oldest first."""
        query = select(*_FIELDS).where(_old(before), sweeps.c.user_id == user_id)
        with transaction(self._engine) as db:
            return _light(db.execute(query.order_by(sweeps.c.finished_at)))

    def delete_older(self, before: datetime) -> int:
        """Remove ended sweeps that are not pinned and ended before then; returns how many."""
        with transaction(self._engine) as db:
            query = delete(sweeps).where(_old(before)).returning(sweeps.c.number)
            numbers = db.scalars(query).all()
            for number in numbers:
                runs.drop(db, number)
            return len(numbers)

    def _change(self, user_id: UUID, id: UUID, state: State, **values: Any) -> None:  # noqa: A002
        which = (sweeps.c.user_id == user_id) & (sweeps.c.id == id)
        with transaction(self._engine) as db:
            if not self._move(db, which, state, **values):
                now = db.execute(select(sweeps.c.state).where(which)).scalar_one_or_none()
                if now is None:
                    raise UnknownName("sweep", "sweep", str(id), ())
                raise BadInput("sweep", f"it is {now}, so it cannot be {state} now.", "")

    @staticmethod
    def _move(db: Connection, which: ColumnElement[bool], state: State, **values: Any) -> bool:
        """To ``state``, if it can be reached from the present one."""
        query = update(sweeps).where(which, sweeps.c.state.in_(_AFTER[state]))
        return bool(db.execute(query.values({"state": state, **values})).rowcount)


def _light(rows: Result[Any]) -> list[Sweep]:
    """Sweeps without what ``_FIELDS`` leaves out."""
    return [Sweep(**row, flow={}, references={}) for row in rows.mappings()]


def _stays(db: Connection, number: int) -> bool:
    """Whether a sweep is there, and will be until this transaction ends."""
    query = select(sweeps.c.number).where(sweeps.c.number == number)
    return db.execute(query.with_for_update(read=True)).first() is not None


def _old(before: datetime) -> ColumnElement[bool]:
    ended = sweeps.c.state.in_(ENDED) & (sweeps.c.finished_at < before)
    return ended & ~sweeps.c.pinned
