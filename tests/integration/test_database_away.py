"""A database that is away is Unavailable, whichever way it was asked."""

from __future__ import annotations

import psycopg
import pytest

from core.db.queue import Queue
from core.db.session import reachable
from core.errors import NeedsOperator, Unavailable


def test_the_queue_says_so(caplog):
    queue = Queue("postgresql://nobody@127.0.0.1:1/none", wait_seconds=0.3)
    for _ in range(2):
        with pytest.raises(Unavailable, match="The database cannot be reached"):
            queue.upkeep()
    queue.close()


@pytest.mark.parametrize(
    ("err", "meant"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), Unavailable),
        (psycopg.errors.AdminShutdown("terminating connection"), Unavailable),
        (psycopg.errors.DiskFull("could not extend file"), NeedsOperator),
        (psycopg.errors.UndefinedTable("no such table"), psycopg.errors.UndefinedTable),
    ],
)
def test_the_driver_asked_without_sqlalchemy(err: psycopg.Error, meant: type[Exception]):
    """As runs are copied in."""
    with pytest.raises(meant), reachable():
        raise err
