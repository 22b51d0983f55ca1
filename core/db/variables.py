"""The variables table: a user's global variables. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Text,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from core.clock import Clock
from core.db.session import transaction
from core.db.strategies import as_strategy, write_head
from core.db.tables import strategies, strategy_versions, variables
from core.errors import BadInput, UnknownName
from core.flow.formats.native import from_json
from core.flow.nodes import VariableValue
from core.flow.variables import rename_variable
from core.library.variables import Draft, GlobalVariable, Use

_SAID = 5
"""Strategies that a message names before it counts the rest."""


class Variables:
    """A library's global variables; a user never sees another's."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    # -- reading -------------------------------------------------------------------------------

    def all(self, user_id: UUID) -> list[GlobalVariable]:
        """The user's variables by name."""
        query = select(variables).where(variables.c.user_id == user_id)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(func.lower(variables.c.name), variables.c.name))
            return [GlobalVariable(**row) for row in rows.mappings()]

    def values(self, user_id: UUID) -> dict[str, VariableValue]:
        """Every variable's default by name."""
        return {variable.name: variable.default for variable in self.all(user_id)}

    def sweeps(self, user_id: UUID, *, besides: Container[str] = ()) -> dict[str, str]:
        """The values to try of every variable that has some, but for names in ``besides``."""
        return {v.name: v.sweep for v in self.all(user_id) if v.sweep and v.name not in besides}

    def uses(self, user_id: UUID) -> dict[str, list[Use]]:
        """Where each variable's name stands, by name; archived strategies included.

        Heads only: an older version is not changed when a variable is.
        """
        found: dict[str, list[Use]] = {name: [] for name in self.values(user_id)}
        table, known = strategies.c, cast(list(found), ARRAY(Text))
        query = select(table.slug, table.name, table.archived_at, table.uses, table.declares)
        mentioned = or_(table.uses.overlap(known), table.declares.overlap(known))
        query = query.where(table.user_id == user_id, mentioned)
        with transaction(self._engine) as db:
            for row in db.execute(query.order_by(func.lower(table.name), table.slug)):
                for shadows, names in ((False, row.uses), (True, row.declares)):
                    for name in found.keys() & names:
                        use = Use(row.slug, row.name, shadows, row.archived_at is not None)
                        found[name].append(use)
        return found

    # -- writing -------------------------------------------------------------------------------

    def add(self, user_id: UUID, draft: Draft) -> GlobalVariable:
        """A new variable; raises BadInput for a name that is taken."""
        now = self._clock()
        row = {**_row(draft), "id": uuid4(), "user_id": user_id}
        row |= {"created_at": now, "updated_at": now}
        query = insert(variables).values(row).on_conflict_do_nothing().returning(variables.c.id)
        with transaction(self._engine) as db:
            if db.execute(query).one_or_none() is None:
                raise _taken(draft.name)
        return GlobalVariable(**row)

    def change(self, user_id: UUID, name: str, draft: Draft) -> int:
        """Make the variable ``name`` what ``draft`` says; returns how many strategies changed.

        Another name is written into every strategy that uses the variable, each getting a new
        version, all in this one transaction. Raises UnknownName, or BadInput for a name that is
        taken, or that a strategy using the variable declares itself.
        """
        with transaction(self._engine) as db:
            self._find(db, user_id, name)
            changed = 0
            if draft.name != name:
                if db.execute(select(variables.c.id).where(_one(user_id, draft.name))).all():
                    raise _taken(draft.name)
                changed = self._rename_uses(db, user_id, name, draft.name)
            values = {**_row(draft), "updated_at": self._clock()}
            db.execute(update(variables).where(_one(user_id, name)).values(values))
            return changed

    def delete(self, user_id: UUID, name: str) -> None:
        """Delete a variable; raises BadInput, saying where, while strategies use it."""
        with transaction(self._engine) as db:
            self._find(db, user_id, name)
            query = select(strategies.c.name).where(_using(user_id, name))
            used = db.scalars(query.order_by(func.lower(strategies.c.name))).all()
            if used:
                raise BadInput(
                    f"${name}",
                    f"it is used by {_said(used)}.",
                    "Take it out of them, or let them declare a variable of that name.",
                )
            db.execute(delete(variables).where(_one(user_id, name)))

    def _find(self, db: Connection, user_id: UUID, name: str) -> None:
        """Lock the variable; raises UnknownName."""
        query = select(variables.c.id).where(_one(user_id, name)).with_for_update()
        if db.execute(query).one_or_none() is None:
            known = db.scalars(select(variables.c.name).where(variables.c.user_id == user_id))
            raise UnknownName("name", "variable", name, known)

    def _rename_uses(self, db: Connection, user_id: UUID, old: str, new: str) -> int:
        # Always in the same order: two renames at once wait for each other, neither for ever.
        query = select(strategies).where(_using(user_id, old)).order_by(strategies.c.id)
        using = [as_strategy(row) for row in db.execute(query.with_for_update()).mappings()]
        shadowing = [strategy.name for strategy in using if new in strategy.declares]
        if shadowing:
            raise BadInput(
                "name",
                f"{_said(shadowing)} has a variable '{new}' of its own, which would be meant.",
                "Choose another name.",
            )
        for strategy in using:
            table = strategy_versions.c
            head = (table.strategy_id == strategy.id) & (table.number == strategy.head)
            document = db.execute(select(table.flow).where(head)).scalar_one()
            flow = from_json(rename_variable(document, old, new), strategy.slug)
            write_head(db, strategy, flow, f"Renamed ${old} to ${new}", self._clock())
        return len(using)


def _one(user_id: UUID, name: str) -> ColumnElement[bool]:
    return (variables.c.user_id == user_id) & (variables.c.name == name)


def _using(user_id: UUID, name: str) -> ColumnElement[bool]:
    return (strategies.c.user_id == user_id) & strategies.c.uses.contains([name])


def _row(draft: Draft) -> Mapping[str, Any]:
    return {name: getattr(draft, name) for name in ("name", "kind", "default", "sweep", "note")}


def _taken(name: str) -> BadInput:
    return BadInput("name", f"there is a variable '{name}' already.", "Choose another name.")


def _said(names: Any) -> str:
    first = ", ".join(f"'{name}'" for name in names[:_SAID])
    return first if len(names) <= _SAID else f"{first} and {len(names) - _SAID} more"
