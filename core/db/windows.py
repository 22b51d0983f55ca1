"""The windows and decisions tables: a window is claimed once, by account, session and slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from core.clock import Clock
from core.db.live_tables import decisions, parity, windows
from core.db.session import joined, transaction
from core.portfolio.records import UNFINISHED, DecisionRecord, Window, WindowState


class Windows:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def get(self, account_id: UUID, session: date, slot: int) -> Window | None:
        query = select(windows).where(
            windows.c.account_id == account_id,
            windows.c.session == session,
            windows.c.slot == slot,
        )
        with transaction(self._engine) as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else _window(row)

    def by_id(self, id: UUID) -> Window:  # noqa: A002  its name everywhere
        with transaction(self._engine) as db:
            return _window(db.execute(select(windows).where(windows.c.id == id)).mappings().one())

    def of(
        self,
        account_id: UUID,
        *,
        session: date | None = None,
        states: Sequence[WindowState] | None = None,
        readings: bool = False,
        limit: int | None = None,
    ) -> tuple[Window, ...]:
        """Newest first; what each had read only when asked for, it is big."""
        columns = [c for c in windows.c if readings or c.name != "reading"]
        query = select(*columns).where(windows.c.account_id == account_id)
        if session is not None:
            query = query.where(windows.c.session == session)
        if states is not None:
            query = query.where(windows.c.state.in_(states))
        query = query.order_by(windows.c.due_at.desc(), windows.c.slot).limit(limit)
        with transaction(self._engine) as db:
            return tuple(_window(row) for row in db.execute(query).mappings())

    def ended(self, account_id: UUID, since: date) -> set[tuple[date, int]]:
        """Session and slot of each window from that session on that no process has to go on with.

        Asked every few seconds: nothing else is read.
        """
        query = select(windows.c.session, windows.c.slot).where(
            windows.c.account_id == account_id,
            windows.c.session >= since,
            windows.c.state.not_in(UNFINISHED),
        )
        with transaction(self._engine) as db:
            return {(row.session, row.slot) for row in db.execute(query)}

    def decisions(self, window_id: UUID, *, traces: bool = False) -> tuple[DecisionRecord, ...]:
        """What each deployment decided in a window; traces only when asked for, they are big."""
        columns = [c for c in decisions.c if traces or c.name != "trace"]
        query = select(*columns).where(decisions.c.window_id == window_id)
        with transaction(self._engine) as db:
            return tuple(DecisionRecord(**row) for row in db.execute(query).mappings())

    def decision(self, window_id: UUID, deployment_id: UUID) -> DecisionRecord | None:
        query = select(decisions).where(
            decisions.c.window_id == window_id, decisions.c.deployment_id == deployment_id
        )
        with transaction(self._engine) as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else DecisionRecord(**row)

    def last_decided(self, account_id: UUID) -> dict[UUID, tuple[date, Mapping[str, float]]]:
        """For each deployment the session it last decided in, and the weights it decided."""
        query = (
            select(decisions.c.deployment_id, windows.c.session, decisions.c.weights)
            .ext(distinct_on(decisions.c.deployment_id))
            .join(windows, windows.c.id == decisions.c.window_id)
            .where(
                windows.c.account_id == account_id,
                windows.c.state.in_(("planned", "done")),
                decisions.c.state == "decided",
            )
            .order_by(
                decisions.c.deployment_id, windows.c.session.desc(), windows.c.claimed_at.desc()
            )
        )
        with transaction(self._engine) as db:
            return {row[0]: (row[1], row[2] or {}) for row in db.execute(query)}

    # -- writing -------------------------------------------------------------------------------

    def claim(
        self,
        account_id: UUID,
        session: date,
        slot: int,
        *,
        due_at: datetime,
        closes_at: datetime,
        fence: int,
        host: str,
    ) -> Window | None:
        """The window, claimed for this fence: new, or left unfinished by an earlier one.

        None when it was done, missed or failed already.
        """
        now = self._clock()
        row = {
            "id": uuid4(),
            "account_id": account_id,
            "session": session,
            "slot": slot,
            "state": "claimed",
            "due_at": due_at,
            "closes_at": closes_at,
            "claimed_at": now,
            "fence": fence,
            "host": host,
        }
        query = insert(windows).values(row).on_conflict_do_nothing().returning(windows)
        with transaction(self._engine) as db:
            made = db.execute(query).mappings().one_or_none()
            if made is not None:
                return _window(made)
            again = (
                update(windows)
                .where(
                    windows.c.account_id == account_id,
                    windows.c.session == session,
                    windows.c.slot == slot,
                    windows.c.state.in_((*UNFINISHED, "requested")),
                    func.coalesce(windows.c.fence, 0) <= fence,
                )
                .values(
                    fence=fence,
                    host=host,
                    claimed_at=func.coalesce(windows.c.claimed_at, now),
                    state=func.coalesce(func.nullif(windows.c.state, "requested"), "claimed"),
                )
                .returning(windows)
            )
            found = db.execute(again).mappings().one_or_none()
            return None if found is None else _window(found)

    def request(
        self, account_id: UUID, session: date, *, due_at: datetime, closes_at: datetime, limit: int
    ) -> Window | None:
        """Ask for a window now; None while one asked for is not finished, or there were too many.

        Slots of such windows count down from 0.
        """
        with transaction(self._engine) as db:
            rows = db.execute(
                select(windows.c.slot, windows.c.state)
                .where(windows.c.account_id == account_id, windows.c.session == session)
                .with_for_update()
            ).all()
            asked = [row for row in rows if row.slot <= 0]
            waiting = {"requested", *UNFINISHED}
            if len(asked) >= limit or any(row.state in waiting for row in rows):
                return None
            row = {
                "id": uuid4(),
                "account_id": account_id,
                "session": session,
                "slot": -len(asked),
                "state": "requested",
                "due_at": due_at,
                "closes_at": closes_at,
            }
            # Two who ask at once want the same slot: one of them is too late.
            query = insert(windows).values(row).on_conflict_do_nothing().returning(windows)
            made = db.execute(query).mappings().one_or_none()
        return None if made is None else _window(made)

    def miss(
        self,
        account_id: UUID,
        session: date,
        slot: int,
        *,
        due_at: datetime,
        closes_at: datetime,
        db: Connection | None = None,
    ) -> bool:
        """Record that a window was missed; False if it was claimed, or recorded already."""
        row = {
            "id": uuid4(),
            "account_id": account_id,
            "session": session,
            "slot": slot,
            "state": "missed",
            "due_at": due_at,
            "closes_at": closes_at,
            "finished_at": self._clock(),
        }
        query = insert(windows).values(row).on_conflict_do_nothing().returning(windows.c.id)
        with joined(self._engine, db) as here:
            return here.execute(query).one_or_none() is not None

    def plan(
        self,
        db: Connection,
        window: Window,
        made: Iterable[DecisionRecord],
        reading: Mapping[str, Any],
    ) -> None:
        """Record what was read and decided, in the transaction that records the orders."""
        rows = [asdict(one) for one in made]
        if rows:
            db.execute(insert(decisions), rows)
        db.execute(
            update(windows)
            .where(windows.c.id == window.id)
            .values(state="planned", planned_at=self._clock(), reading=dict(reading))
        )

    def step(self, id: UUID, what: str, detail: str = "") -> None:  # noqa: A002
        """Note a step of the window with its instant."""
        entry = {"at": self._clock().isoformat(), "step": what, "detail": detail}
        with transaction(self._engine) as db:
            db.execute(
                update(windows)
                .where(windows.c.id == id)
                .values(timeline=windows.c.timeline.concat([entry]))
            )

    def finish(
        self,
        id: UUID,  # noqa: A002
        state: WindowState,
        *,
        error: str = "",
        db: Connection | None = None,
    ) -> bool:
        """End a window that is not ended; whether it was not."""
        query = (
            update(windows)
            .where(windows.c.id == id, windows.c.state.in_((*UNFINISHED, "requested")))
            .values(state=state, error=error, finished_at=self._clock())
        )
        with joined(self._engine, db) as here:
            return bool(here.execute(query).rowcount)

    # -- parity --------------------------------------------------------------------------------

    def put_parity(self, found: Iterable[Mapping[str, Any]]) -> None:
        """One for each decision; a second one is an update."""
        rows = [dict(one) for one in found]
        if not rows:
            return
        query = insert(parity).values(rows)
        names = [c.name for c in parity.c if not c.primary_key]
        fresh = {name: query.excluded[name] for name in names}
        with transaction(self._engine) as db:
            db.execute(query.on_conflict_do_update(index_elements=parity.primary_key, set_=fresh))

    def unchecked(self, account_id: UUID, session: date) -> bool:
        """Whether a decision of that session was not yet compared with settled data."""
        query = (
            select(decisions.c.window_id)
            .join(windows, windows.c.id == decisions.c.window_id)
            .outerjoin(
                parity,
                (parity.c.window_id == decisions.c.window_id)
                & (parity.c.deployment_id == decisions.c.deployment_id),
            )
            .where(
                windows.c.account_id == account_id,
                windows.c.session == session,
                windows.c.state.in_(("done", "expired")),
                decisions.c.state == "decided",
                decisions.c.trace.is_not(None),
                parity.c.window_id.is_(None),
            )
            .limit(1)
        )
        with transaction(self._engine) as db:
            return db.execute(query).one_or_none() is not None

    def parity(
        self, deployment_ids: Sequence[UUID], *, since: date | None = None
    ) -> tuple[Mapping[str, Any], ...]:
        """Newest first."""
        query = select(parity).where(parity.c.deployment_id.in_(list(deployment_ids)))
        if since is not None:
            query = query.where(parity.c.session >= since)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(parity.c.session.desc())).mappings()
            return tuple(dict(row) for row in rows)


def _window(row: Mapping[Any, Any]) -> Window:
    values = dict(row)
    values["timeline"] = tuple(values["timeline"])
    return Window(**values)
