"""The deployments table. Every method is one transaction, unless it is given one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from core.clock import Clock
from core.db.live_tables import accounts, deployments
from core.db.session import joined, transaction
from core.errors import BadInput, UnknownName
from core.portfolio.deployment import Deployment, State

_Changes = Mapping[str, Any]


class Deployments:
    """Strategies that trade, by account."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def of(
        self, account_id: UUID, states: Sequence[State] = ("active", "paused", "liquidating")
    ) -> tuple[Deployment, ...]:
        """Those of an account in these states, by name."""
        query = select(deployments).where(
            deployments.c.account_id == account_id, deployments.c.state.in_(states)
        )
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(deployments.c.name, deployments.c.id)).mappings()
            return tuple(Deployment(**row) for row in rows)

    def standing(self, account_id: UUID, db: Connection) -> dict[UUID, tuple[State, str]]:
        """State and version of each that is not stopped; they stay so until the transaction ends.

        Who posts to the account locks its ledger before.
        """
        query = (
            select(deployments.c.id, deployments.c.state, deployments.c.flow_hash)
            .where(deployments.c.account_id == account_id, deployments.c.state != "stopped")
            .order_by(deployments.c.id)
            .with_for_update(read=True)
        )
        return {row.id: (row.state, row.flow_hash) for row in db.execute(query)}

    def of_user(self, user_id: UUID) -> tuple[Deployment, ...]:
        """All of a user's, stopped ones included, by name."""
        query = (
            select(deployments)
            .join(accounts, accounts.c.id == deployments.c.account_id)
            .where(accounts.c.user_id == user_id)
        )
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(deployments.c.name, deployments.c.id)).mappings()
            return tuple(Deployment(**row) for row in rows)

    def get(self, account_id: UUID, name: str) -> Deployment:
        """The one of that name that is not stopped; raises UnknownName."""
        running = self.of(account_id)
        for one in running:
            if one.name == name:
                return one
        raise UnknownName("strategy", "live strategy", name, [one.name for one in running])

    def by_id(self, id: UUID) -> Deployment:  # noqa: A002  its name everywhere
        with transaction(self._engine) as db:
            row = db.execute(select(deployments).where(deployments.c.id == id)).mappings().one()
            return Deployment(**row)

    def add(
        self,
        account_id: UUID,
        name: str,
        *,
        strategy_id: UUID | None,
        version: int | None,
        flow_hash: str,
        flow: _Changes,
        references: _Changes,
        capital: Decimal,
        db: Connection,
    ) -> Deployment:
        """A new one, active, in the caller's transaction; BadInput for a name that is taken."""
        now = self._clock()
        row = {
            "id": uuid4(),
            "account_id": account_id,
            "name": name,
            "strategy_id": strategy_id,
            "version": version,
            "flow_hash": flow_hash,
            "flow": dict(flow),
            "references": dict(references),
            "capital": capital,
            "state": "active",
            "state_at": now,
            "created_at": now,
        }
        query = insert(deployments).values(row).on_conflict_do_nothing().returning(deployments)
        made = db.execute(query).mappings().one_or_none()
        if made is None:
            raise BadInput(
                "name",
                f"'{name}' runs in this account already.",
                "Give another --name, or stop it.",
            )
        return Deployment(**made)

    def turn(
        self,
        id: UUID,  # noqa: A002
        state: State,
        *,
        reason: str,
        by: str,
        expected: Iterable[State],
        shadow: _Changes | None = None,
        db: Connection | None = None,
    ) -> bool:
        """Change the state, if it is one of ``expected``; whether it was."""
        values: dict[str, Any] = {
            "state": state,
            "state_reason": reason,
            "state_by": by,
            "state_at": self._clock(),
            "shadow": None if shadow is None else dict(shadow),
        }
        if state == "stopped":
            values["stopped_at"] = self._clock()
        query = (
            update(deployments)
            .where(deployments.c.id == id, deployments.c.state.in_(list(expected)))
            .values(values)
        )
        with joined(self._engine, db) as here:
            return bool(here.execute(query).rowcount)

    def remember_shadow(self, id: UUID, shadow: _Changes) -> None:  # noqa: A002
        with transaction(self._engine) as db:
            db.execute(
                update(deployments).where(deployments.c.id == id).values(shadow=dict(shadow))
            )

    def swap(
        self,
        id: UUID,  # noqa: A002
        *,
        version: int | None,
        flow_hash: str,
        flow: _Changes,
        references: _Changes,
        db: Connection,
    ) -> None:
        """Let another version run from the next window on."""
        values = {
            "version": version,
            "flow_hash": flow_hash,
            "flow": dict(flow),
            "references": dict(references),
        }
        db.execute(update(deployments).where(deployments.c.id == id).values(values))

    def set_capital(self, id: UUID, capital: Decimal, db: Connection) -> None:  # noqa: A002
        db.execute(update(deployments).where(deployments.c.id == id).values(capital=capital))
