"""The accounts table. Every method is one transaction, unless it is given one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from core.accounts.account import BREAKER, Account, BrokerName, TradingState, masked
from core.brokers.base import Mode
from core.clock import Clock
from core.db.live_tables import (
    accounts,
    deployments,
    equity_points,
    ledger_entries,
    snapshots,
)
from core.db.orders import call_off
from core.db.session import joined, transaction
from core.errors import BadInput, UnknownName
from core.portfolio.equity import TOTAL
from core.risk.limits import Limits


class Accounts:
    """Broker accounts; a user never sees another's."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def all(self, user_id: UUID | None = None) -> tuple[Account, ...]:
        """By name; of every user where none is given (the scheduler's view)."""
        query = select(accounts).order_by(accounts.c.name)
        if user_id is not None:
            query = query.where(accounts.c.user_id == user_id)
        with transaction(self._engine) as db:
            return tuple(as_account(row) for row in db.execute(query).mappings())

    def get(self, user_id: UUID, name: str) -> Account:
        """Raises UnknownName."""
        mine = self.all(user_id)
        for account in mine:
            if account.name == name:
                return account
        fix = "" if mine else "Add one: sluice account add NAME --broker paper"
        raise UnknownName("--account", "account", name, [one.name for one in mine], fix=fix)

    def chosen(self, user_id: UUID, name: str | None) -> tuple[Account, ...]:
        """The one of that name, every one where none is named; raises UnknownName."""
        return (self.get(user_id, name),) if name else self.all(user_id)

    def by_id(self, id: UUID) -> Account:  # noqa: A002  its name everywhere
        """Raises UnknownName for one that was removed."""
        with transaction(self._engine) as db:
            query = select(accounts).where(accounts.c.id == id)
            row = db.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownName("account", "account", str(id), fix="It was removed meanwhile.")
        return as_account(row)

    def revision(self, id: UUID) -> tuple[Any, ...]:  # noqa: A002
        """Another value whenever a strategy, its money or its worth has changed: who polls reads
        the rest only then."""
        point, snapshot, entry, one = equity_points.c, snapshots.c, ledger_entries.c, deployments.c
        what = func.concat(one.id, one.state, one.state_at, one.capital, one.flow_hash)
        query = select(
            select(func.max(point.at)).where(point.account_id == id, point.book == TOTAL)
            .scalar_subquery(),
            select(func.max(snapshot.at)).where(snapshot.account_id == id, snapshot.book == TOTAL)
            .scalar_subquery(),
            select(func.max(entry.id)).where(entry.account_id == id).scalar_subquery(),
            select(func.sum(func.hashtext(what))).where(one.account_id == id).scalar_subquery(),
        )  # fmt: skip
        with transaction(self._engine) as db:
            return tuple(db.execute(query).one())

    def add(
        self,
        user_id: UUID,
        name: str,
        *,
        broker: BrokerName,
        mode: Mode,
        source: str,
        path: str | None = None,
        slots: Sequence[int],
        limits: Limits,
        options: Mapping[str, Any] | None = None,
        sealed: bytes | None = None,
        number: str | None = None,
    ) -> Account:
        """A new account, active; BadInput for a name that is taken, or a broker's account that is
        another one's already."""
        row = {
            "id": uuid4(),
            "user_id": user_id,
            "name": name,
            "broker": broker,
            "mode": mode,
            "source": source,
            "path": path,
            "slots": list(slots),
            "limits": limits.model_dump(),
            "options": dict(options or {}),
            "keys": sealed,
            "number": number,
            "created_at": self._clock(),
        }
        query = insert(accounts).values(row).on_conflict_do_nothing().returning(accounts)
        with transaction(self._engine) as db:
            made = db.execute(query).mappings().one_or_none()
        if made is None:
            self.refuse_taken(user_id, broker, number)
            raise BadInput("name", f"there is an account called '{name}'.", "Choose another name.")
        return as_account(made)

    def change(
        self,
        id: UUID,  # noqa: A002
        *,
        limits: Limits | None = None,
        slots: Sequence[int] | None = None,
        options: Mapping[str, Any] | None = None,
        sealed: bytes | None = None,
        db: Connection | None = None,
    ) -> None:
        """Change what is given, leave the rest; in the caller's transaction if it gives ``db``."""
        values: dict[str, Any] = {}
        if limits is not None:
            values["limits"] = limits.model_dump()
        if slots is not None:
            values["slots"] = list(slots)
        if options is not None:
            values["options"] = dict(options)
        if sealed is not None:
            values["keys"] = sealed
        query = update(accounts).where(accounts.c.id == id).values(values)
        with joined(self._engine, db) as here:
            here.execute(query)

    def refuse_taken(
        self,
        user_id: UUID,
        broker: BrokerName,
        number: str | None,
        *,
        but: UUID | None = None,
    ) -> None:
        """BadInput where an account other than ``but`` is the broker's account of that number."""
        for one in self.all():
            if one.broker == broker and one.number == number and number and one.id != but:
                whose = f"'{one.name}'" if one.user_id == user_id else "an account of another user"
                raise BadInput(
                    "keys",
                    f"they open the broker's account {masked(number)}, which is {whose} already. "
                    "Two would each take all of it for their own.",
                    "Deploy strategies to that one, or use the keys of another broker account.",
                )

    def identify(self, account: Account, number: str) -> None:
        """Remember the broker's own number; BadInput where another account has it."""
        query = update(accounts).where(accounts.c.id == account.id).values(number=number)
        try:
            with transaction(self._engine) as db:
                db.execute(query)
        except IntegrityError:
            self.refuse_taken(account.user_id, account.broker, number, but=account.id)
            raise

    def switch(
        self,
        id: UUID,  # noqa: A002
        state: TradingState,
        *,
        reason: str,
        by: str,
        expected: Collection[TradingState] | None = None,
        db: Connection | None = None,
    ) -> bool:
        """Turn the kill switch; False where it stood so already, or is none of ``expected`` by now.

        From the commit on no order is recorded and none is sent that the state forbids, and what of
        them is at the broker is to be canceled: see ``call_off``. What turns it by itself says what
        it expects, as a person may have turned it further meanwhile. What a breaker stopped and a
        person stops the same way is the person's from then on: no breaker lets it go.
        """
        now, account = self._clock(), accounts.c
        another = account.state != state
        if by != BREAKER and state != "active":
            another = or_(another, account.state_by == BREAKER)
        query = (
            update(accounts)
            .where(account.id == id, another)
            .values(state=state, state_reason=reason, state_by=by, state_at=now)
        )
        if expected is not None:
            query = query.where(account.state.in_(expected))
        if by == BREAKER and state == "active":
            query = query.where(account.state_by == BREAKER)
        with joined(self._engine, db) as here:
            turned = bool(here.execute(query).rowcount)
            if turned or expected is None:  # a person who presses again means it again
                call_off(here, id, state, reason, now)
        return turned

    def reconciled(
        self,
        id: UUID,  # noqa: A002
        differences: Sequence[Mapping[str, Any]],
    ) -> None:
        """What the last comparison with the broker found; nothing is good."""
        values = {
            "differences": [dict(one) for one in differences],
            "reconciled_at": self._clock(),
        }
        with transaction(self._engine) as db:
            db.execute(update(accounts).where(accounts.c.id == id).values(values))

    def heard_until(self, id: UUID, at: datetime) -> None:  # noqa: A002
        """Activities up to that instant are booked."""
        with transaction(self._engine) as db:
            db.execute(update(accounts).where(accounts.c.id == id).values(activities_until=at))

    def delete(self, id: UUID, *, db: Connection | None = None) -> bool:  # noqa: A002
        """Delete an account with everything of it; False where it was gone already.

        In the caller's transaction ``db`` if there is one. BadInput while a strategy runs in it.
        """
        standing = select(func.count()).where(
            deployments.c.account_id == id, deployments.c.state != "stopped"
        )
        with joined(self._engine, db) as here:
            running = here.execute(standing).scalar_one()
            if running:
                what = "1 strategy runs" if running == 1 else f"{running} strategies run"
                raise BadInput("account", f"{what} in it.", "Stop what runs first.")
            return bool(here.execute(delete(accounts).where(accounts.c.id == id)).rowcount)


def as_account(row: Mapping[Any, Any]) -> Account:
    """A row of the accounts table as a value."""
    values = dict(row)
    values["sealed"] = values.pop("keys")
    values["slots"] = tuple(values["slots"])
    values["limits"] = Limits(**values["limits"])
    values["differences"] = tuple(values["differences"])
    return Account(**values)
