"""Columns and links that many tables have, each said once; the tables are beside this file.

Each call makes a new column: SQLAlchemy gives it to one table.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CHAR,
    JSON,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Text,
    Uuid,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

INSTANT = DateTime(timezone=True)
EXACT = Numeric(asdecimal=True)
"""Without a scale: however many decimals a broker has."""

EMPTY = text("''")
ZERO = text("0")
FALSE = text("false")
NONE_OF_THEM = text("'{}'")
"""An array without elements."""
EMPTY_LIST = text("'[]'")
EMPTY_OBJECT = text("'{}'")


def identity() -> Column[Any]:
    return Column("id", Uuid, primary_key=True)


def part_of(
    table: str,
    column: str,
    kind: TypeEngine[Any] | type[TypeEngine[Any]] = Uuid,
    *,
    to: str = "id",
    nullable: bool = False,
    primary_key: bool = False,
) -> Column[Any]:
    """A link to the row that this one belongs to, and goes with."""
    link = ForeignKey(f"{table}.{to}", ondelete="CASCADE")
    return Column(column, kind, link, nullable=nullable, primary_key=primary_key)


def user() -> Column[Any]:
    return part_of("users", "user_id")


def strategy() -> Column[Any]:
    return part_of("strategies", "strategy_id")


def account(*, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return part_of("accounts", "account_id", nullable=nullable, primary_key=primary_key)


def deployment(*, nullable: bool = False) -> Column[Any]:
    return part_of("deployments", "deployment_id", nullable=nullable)


def window(*, nullable: bool = False) -> Column[Any]:
    return part_of("windows", "window_id", nullable=nullable)


def flow_hash() -> Column[Any]:
    """SHA-256 of the flow in its canonical form."""
    return Column("flow_hash", CHAR(64), nullable=False)


def measured_flow() -> tuple[SchemaItem, ...]:
    """What was measured: the strategy's version, if it has one, and the flow itself, which may
    never have been saved as a strategy, or be deleted by now.

    A deleted strategy leaves its results behind, without the link. Its results are found by it.
    """
    return (
        Column("strategy_id", Uuid),
        Column("version", Integer),
        flow_hash(),
        Column("flow_name", Text, nullable=False),
        # json, not jsonb: it keeps the author's order of variables, which forms show.
        Column("flow", JSON, nullable=False),
        ForeignKeyConstraint(
            ["strategy_id", "version"],
            ["strategy_versions.strategy_id", "strategy_versions.number"],
            ondelete="SET NULL",
        ),
        Index(None, "strategy_id", "version"),
    )


def one_of(column: str, *words: str) -> CheckConstraint:
    """``column`` says one of these words."""
    quoted = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({quoted})", name=column)


def severity() -> CheckConstraint:
    """How much an event matters, and from what on a channel is told."""
    return one_of("severity", "info", "warning", "critical")
