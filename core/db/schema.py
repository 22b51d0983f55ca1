"""Which schema a database has, and how it gets the newest one.

Migrations are the files ``migrations/versions/NNNN_subject.py``, run by Alembic, forward only. To
change the schema, change ``tables.py`` and write the next file; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from core.db.session import reachable, transaction
from core.errors import NeedsOperator, Unavailable

_FOLDER = Path(__file__).with_name("migrations")
KNOWN = tuple(sorted(f.name[:4] for f in (_FOLDER / "versions").glob("[0-9]*.py")))
"""Every revision this Sluice knows, oldest first."""
HEAD = KNOWN[-1]

_LOCK = 0x51_01CE  # any number all Sluices agree on
_LOCK_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database has: ``revision`` is None where nothing was ever migrated."""

    revision: str | None

    @property
    def state(self) -> Literal["empty", "behind", "current", "unknown"]:
        if self.revision is None:
            return "empty"
        if self.revision not in KNOWN:
            return "unknown"
        return "current" if self.revision == HEAD else "behind"


def read_schema(engine: Engine) -> Schema:
    with transaction(engine) as db:
        return _read(db)


def require_current(engine: Engine) -> None:
    """Raises NeedsOperator unless the database has exactly the schema this Sluice works with."""
    schema = read_schema(engine)
    _refuse_unknown(schema)
    if schema.state != "current":
        has = "no tables yet" if schema.revision is None else f"schema {schema.revision}"
        raise NeedsOperator(
            f"The database has {has}, this Sluice needs {HEAD}. Run: sluice migrate"
        )


def migrate(engine: Engine) -> tuple[Schema, Schema]:
    """Bring the database to the newest schema; returns what it had and what it has.

    One transaction: it happens wholly or not at all, and a second process that migrates at the
    same time waits and then finds nothing to do. Raises NeedsOperator for a schema made by a newer
    Sluice, or if a migration fails.
    """
    with reachable(), engine.connect() as db, db.begin():
        db.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        _wait_for_others(db)
        before = _read(db)
        _refuse_unknown(before)
        if before.state != "current":
            _upgrade(db, before)
        return before, _read(db)


def _wait_for_others(db: Connection) -> None:
    try:
        db.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    except DBAPIError as err:
        if getattr(err.orig, "sqlstate", None) != "55P03":
            raise
        raise Unavailable(
            f"Another process has been migrating for {_LOCK_SECONDS} s. Try again later."
        ) from err


def _upgrade(db: Connection, before: Schema) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = db
    try:
        command.upgrade(config, "head")
    except DBAPIError as err:
        if err.connection_invalidated:
            raise
        raise NeedsOperator(_failed(before, str(err.orig))) from err
    except Exception as err:  # psycopg's, from procrastinate's SQL
        if getattr(err, "sqlstate", None) is None:
            raise
        raise NeedsOperator(_failed(before, str(err))) from err


def _failed(before: Schema, reason: str) -> str:
    kept = "empty" if before.revision is None else f"at schema {before.revision}"
    return (
        f"The migration to {HEAD} failed and was rolled back; the database is still {kept}. "
        f"Postgres said: {' '.join(reason.split())}"
    )


def _read(db: Connection) -> Schema:
    if not db.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar_one():
        return Schema(None)
    return Schema(db.execute(text("SELECT version_num FROM alembic_version")).scalar())


def _refuse_unknown(schema: Schema) -> None:
    if schema.state == "unknown":
        raise NeedsOperator(
            f"The database has schema {schema.revision}, made by a newer Sluice; this one knows "
            f"{KNOWN[0]} to {HEAD}. Start the newer Sluice, or restore a backup from before."
        )
