"""The database of this process: a server named by a URL, or the embedded one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Engine

from core.db.session import conninfo, make_engine
from core.errors import Unavailable
from core.settings import Settings

if TYPE_CHECKING:
    from core.db.embedded import Lease, Say


@dataclass(frozen=True, eq=False, slots=True)
class Database:
    """A pool of connections and, if it is embedded, the right to keep the server running.

    ``conninfo`` is for libpq and procrastinate; it contains the password.
    """

    kind: Literal["embedded", "server"]
    conninfo: str = field(repr=False)
    engine: Engine
    _lease: Lease | None = None

    def close(self, *, wait_seconds: float = 0) -> None:
        """Close the pool; wait so long for an embedded server to end, if nobody else uses it."""
        self.engine.dispose()
        if self._lease is not None:
            self._lease.release(wait_seconds=wait_seconds)


def open_database(settings: Settings, *, start: bool = True, say: Say | None = None) -> Database:
    """The database the settings name; nothing is sent to a server yet.

    An embedded one is started if it does not run, unless ``start`` is False: then Unavailable is
    raised. ``say`` is told in a sentence what had to be recovered.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return Database("server", conninfo(url), make_engine(url))
    from core.db.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.home, say) if say else EmbeddedPostgres(settings.home)
    lease = postgres.start() if start else postgres.join()
    if lease is None:
        raise Unavailable(
            f"Embedded Postgres in {postgres.folder} is not running. 'sluice up' starts it."
        )
    return Database("embedded", conninfo(lease.url), make_engine(lease.url), lease)


def is_running(settings: Settings) -> bool:
    """Whether an embedded server runs; True for a server of your own, not ours to watch."""
    if settings.database_url is not None:
        return True
    from core.db.embedded import EmbeddedPostgres

    return EmbeddedPostgres(settings.home).server() is not None
