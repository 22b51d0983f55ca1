"""Connections and transactions: the pool, and what its failures mean to the caller."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import NeedsOperator, Unavailable

CONNECT_SECONDS = 5
"""Longest wait for a server to accept a connection."""

POOL_SECONDS = 10.0
"""Longest wait for a connection that another thread has."""

_FULL = ("53100",)  # disk_full
# The server is shutting down, starting up, or has no connection left.
_BUSY = ("57P01", "57P02", "57P03", "53300")


def conninfo(url: str) -> str:
    """``url`` as libpq and procrastinate read it.

    Raises NeedsOperator if it is none of Postgres; the message does not show it, for its password.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        raise _bad_url("it is not a URL") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise _bad_url(f"it is a URL of {parsed.get_backend_name()!r}")
    return parsed.set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """A pool of connections that outlives a restart of the server; connects at first use."""
    return create_engine(
        make_url(conninfo(url)).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        pool_pre_ping=True,
        pool_timeout=POOL_SECONDS,
        # NaN is no JSON: writing it would fail in Postgres, with a worse message.
        json_serializer=partial(json.dumps, allow_nan=False, ensure_ascii=False),
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "sluice",
            # A server that vanished behind a network is noticed within a minute.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back if the body raises.

    Raises Unavailable when the server cannot be reached or goes away, NeedsOperator when its disk
    is full.
    """
    with reachable(), engine.begin() as connection:
        yield connection


@contextmanager
def joined(engine: Engine, db: Connection | None) -> Iterator[Connection]:
    """The caller's transaction ``db``, where it has one; else one of its own."""
    if db is not None:
        yield db
        return
    with transaction(engine) as own:
        yield own


@contextmanager
def reachable() -> Iterator[None]:
    """Translates the driver's connection errors, SQLAlchemy's or its own; what is wrong with a
    statement stays as it is."""
    try:
        yield
    except PoolTimeout as err:
        raise Unavailable(
            f"All connections to the database are busy (waited {POOL_SECONDS:.0f} s). Try again."
        ) from err
    except (DBAPIError, psycopg.Error) as err:
        said = err.orig if isinstance(err, DBAPIError) else err
        state = getattr(said, "sqlstate", None)
        if state in _FULL:
            raise NeedsOperator(
                "The database's disk is full: nothing was saved. Free some space and try again."
            ) from err
        invalidated = isinstance(err, DBAPIError) and err.connection_invalidated
        if invalidated or state in _BUSY or _lost(said, state):
            raise Unavailable(f"The database cannot be reached: {_reason(said)}") from err
        raise


def ping(engine: Engine, *, seconds: float = 2.0) -> float:
    """How long the database takes to answer, in milliseconds; raises Unavailable if it does not."""
    begun = time.perf_counter()
    with transaction(engine) as db:
        db.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
        db.execute(text("SELECT 1"))
    return (time.perf_counter() - begun) * 1000


def _lost(said: object, state: Any) -> bool:
    """A connection that could not be made has no SQL state; class 08 is the connection's."""
    if isinstance(state, str):
        return state.startswith("08")
    return isinstance(said, psycopg.OperationalError | psycopg.InterfaceError)


def _reason(said: object) -> str:
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__


def _bad_url(why: str) -> NeedsOperator:
    return NeedsOperator(
        f"SLUICE_DATABASE_URL: {why}. Write it as postgresql://user:password@host:5432/database."
    )
