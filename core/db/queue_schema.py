"""The job queue's tables and functions: procrastinate's own migrations, run inside ours.

procrastinate numbers its SQL files and never changes one it has released, so a range of them is as
fixed as a migration of our own. A test fails when the installed version brings files that no
migration has run yet: write the next migration with ``first`` and ``last`` of the new ones.
"""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection


def queue_migrations() -> dict[str, str]:
    """SQL by number (``03.04.00_50``), in the order it has to run."""
    folder = resources.files("procrastinate.sql") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return {f.name[:11]: f.read_text(encoding="utf-8") for f in files}


def apply_queue_migrations(connection: Connection, *, first: str, last: str) -> None:
    """Run those from ``first`` to ``last``, both included, in the connection's transaction."""
    driver = connection.connection.driver_connection
    assert driver is not None
    for number, sql in queue_migrations().items():
        if first <= number <= last:
            # By the driver: a file holds many statements, and colons and percent signs of PL/pgSQL.
            driver.execute(sql)
