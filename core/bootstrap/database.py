"""The database: opened at first use, with the schema this Sluice needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.bootstrap.foundation import Foundation
from core.bootstrap.once import once

if TYPE_CHECKING:
    from core.db.database import Database
    from core.db.schema import Schema


class DatabaseServices(Foundation):
    """Embedded or by URL: who uses it does not see which."""

    @once
    def raw_database(self) -> Database:
        """The database whatever its schema: for those who check or migrate it."""
        from core.db.database import open_database

        return open_database(self.settings, start=self._start, say=self._say)

    @once
    def database(self) -> Database:
        """The database with this Sluice's schema.

        Raises Unavailable (not running, not reachable) or NeedsOperator (another schema).
        """
        from core.db import schema

        database = self.raw_database
        if database.kind == "embedded" and self._migrate:
            schema.migrate(database.engine)
        else:
            schema.require_current(database.engine)
        return database

    def migrate(self) -> tuple[Schema, Schema]:
        """Bring the database to the newest schema; what it had and what it has."""
        from core.db import schema

        return schema.migrate(self.raw_database.engine)

    def schema(self) -> Schema:
        from core.db import schema

        return schema.read_schema(self.raw_database.engine)

    def ping(self) -> float:
        """Milliseconds the database takes to answer; raises Unavailable."""
        from core.db.session import ping

        return ping(self.raw_database.engine)

    def database_runs(self) -> bool:
        """Whether the embedded server's process is there; True for a server by URL."""
        from core.db.database import is_running

        return is_running(self.settings)

    def recover_database(self) -> None:
        """Start embedded Postgres again after it died; its users' pools reconnect by themselves."""
        from core.db.database import open_database

        open_database(self.settings, say=self._say).close()

    def close(self, *, wait_seconds: float = 0) -> None:
        if "raw_database" in vars(self):
            self.raw_database.close(wait_seconds=wait_seconds)
        super().close(wait_seconds=wait_seconds)
