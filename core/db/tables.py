"""The schema, as it stands after the newest migration; a test compares the two.

Conventions: a table's primary key is ``id`` unless said otherwise; every row of a user's carries
``user_id``; instants are ``timestamptz``; "once" is a UNIQUE constraint.
"""

from __future__ import annotations

from sqlalchemy import (
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.db import columns
from core.db.columns import FALSE, INSTANT, NONE_OF_THEM

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

_Names = ARRAY(Text)

users = Table(
    "users",
    metadata,
    columns.identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", INSTANT, nullable=False),
    # When the example strategies were put into the library; once, whatever becomes of them.
    Column("seeded_at", INSTANT),
    # When the demo account was filled by a replay; once, too.
    Column("replayed_at", INSTANT),
)

strategies = Table(
    "strategies",
    metadata,
    columns.identity(),
    columns.user(),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    # The number of the version that counts; not a foreign key, as each row would need the other.
    Column("head", Integer, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    Column("archived_at", INSTANT),
    # A path such as Momentum/US; '' is the top.
    Column("folder", Text, nullable=False, server_default=""),
    Column("tags", _Names, nullable=False, server_default=NONE_OF_THEM),
    # Of the head, so that a variable's uses are found without reading flows: the variables it
    # uses and does not declare, and those it declares.
    Column("uses", _Names, nullable=False, server_default=NONE_OF_THEM),
    Column("declares", _Names, nullable=False, server_default=NONE_OF_THEM),
    UniqueConstraint("user_id", "slug"),
)

# The tabs a user has open, in the order they were opened.
open_tabs = Table(
    "open_tabs",
    metadata,
    columns.user(),
    columns.strategy(),
    Column("position", BigInteger, Identity(), nullable=False),
    PrimaryKeyConstraint("user_id", "strategy_id"),
)

variables = Table(
    "variables",
    metadata,
    columns.identity(),
    columns.user(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # A number or a string.
    Column("default", JSONB, nullable=False),
    # As written: 5:50:5 or TLT,GLD; '' where it is not swept.
    Column("sweep", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    UniqueConstraint("user_id", "name"),
    columns.one_of("kind", "number", "symbol", "indicator"),
)

strategy_versions = Table(
    "strategy_versions",
    metadata,
    columns.strategy(),
    Column("number", Integer, nullable=False),
    Column("hash", CHAR(64), nullable=False),
    # json, not jsonb: it keeps the author's order of variables, which forms show.
    Column("flow", JSON, nullable=False),
    Column("label", Text, nullable=False, server_default=""),
    Column("created_at", INSTANT, nullable=False),
    # The version that was the head when this one was saved.
    Column("parent", Integer),
    PrimaryKeyConstraint("strategy_id", "number"),
    UniqueConstraint("strategy_id", "hash"),
    CheckConstraint("number > 0", name="number"),
    # Whether an equal flow is in the library, asked for each of thousands of files.
    Index(None, "hash"),
)

# What a user changed in the editor and did not save.
drafts = Table(
    "drafts",
    metadata,
    columns.user(),
    Column("strategy_id", Uuid, nullable=False),
    # The version it began from.
    Column("base", Integer, nullable=False),
    # Text, not json: a draft may hold what no JSON of Postgres does, and one that another Sluice
    # wrote is handed out as it is.
    Column("flow", Text, nullable=False),
    Column("kept_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("user_id", "strategy_id"),
    ForeignKeyConstraint(
        ["strategy_id", "base"],
        ["strategy_versions.strategy_id", "strategy_versions.number"],
        ondelete="CASCADE",
    ),
    # For a strategy that is deleted with its drafts.
    Index(None, "strategy_id", "base"),
)

backtests = Table(
    "backtests",
    metadata,
    columns.identity(),
    columns.user(),
    *columns.measured_flow(),
    Column("settings", JSONB, nullable=False),
    Column("provenance", JSONB, nullable=False),
    Column("engine_version", Text, nullable=False),
    Column("data_digest", Text, nullable=False),
    Column("metrics", JSONB, nullable=False),
    # What else the result's page shows: symbols, warnings, the benchmark.
    Column("detail", JSONB, nullable=False),
    Column("series_format", SmallInteger, nullable=False),
    Column("series", LargeBinary, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("finished_at", INSTANT, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=FALSE),
    CheckConstraint("(strategy_id IS NULL) = (version IS NULL)", name="version"),
    Index(None, "user_id", "finished_at"),
    # The newest result of each strategy, which the library's list shows and sorts by.
    Index(None, "strategy_id", "finished_at"),
)

sweeps = Table(
    "sweeps",
    metadata,
    columns.identity(),
    # Names the table of its runs, in the schema ``runs``: see core/db/runs.py.
    Column("number", BigInteger, Identity(), nullable=False, unique=True),
    columns.user(),
    Column("key", CHAR(64), nullable=False),
    Column("base", CHAR(64), nullable=False),
    *columns.measured_flow(),
    Column("references", JSON, nullable=False),
    Column("settings", JSONB, nullable=False),
    # json, not jsonb: axes show in the order they were given.
    Column("grid", JSON, nullable=False),
    Column("source", Text, nullable=False),
    Column("path", Text),
    Column("engine_version", Text, nullable=False),
    Column("data_digest", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("reused", BigInteger, nullable=False),
    Column("origin", JSON),
    Column("error", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("started_at", INSTANT),
    Column("finished_at", INSTANT),
    Column("pinned", Boolean, nullable=False),
    Index(None, "user_id", "created_at"),
)

# A block's row is written in the transaction that writes its runs: once, whoever computes it.
sweep_blocks = Table(
    "sweep_blocks",
    metadata,
    columns.part_of("sweeps", "sweep", BigInteger, to="number"),
    Column("block", Integer, nullable=False),
    Column("finished_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("sweep", "block"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("component", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("beat_at", INSTANT, nullable=False),
    Column("detail", JSONB, nullable=False),
    PrimaryKeyConstraint("component", "host", "pid"),
)
