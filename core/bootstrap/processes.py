"""Where processes meet."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from core.bootstrap.database import DatabaseServices
from core.bootstrap.once import once

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from core.db.heartbeats import Heartbeats
    from core.db.leases import Holder, Lease
    from core.db.queue import Queue


class ProcessServices(DatabaseServices):
    """Jobs handed out, signs of life, and what only one process may hold."""

    @once
    def queue(self) -> Queue:
        """Where jobs for workers are handed out."""
        from core.db.queue import Queue

        return Queue(self.database.conninfo)

    @once
    def heartbeats(self) -> Heartbeats:
        from core.db.heartbeats import Heartbeats

        return Heartbeats(self.database.engine)

    def lease(self, name: str) -> Lease:
        """What only one process at a time may hold; not taken yet."""
        from core.db.leases import Lease

        return Lease(self._lease_engine, self.clock, name, holder())

    @once
    def _lease_engine(self) -> Engine:
        """Connections that leases keep: without a limit, so that they leave none too few to work
        with when many accounts trade at once."""
        from core.db.session import make_engine

        return make_engine(self.database.conninfo, pool_size=0)

    def lease_holders(self) -> dict[str, Holder]:
        """Who took each lease last, by its name."""
        from core.db.leases import holders

        return holders(self.database.engine)

    def close(self, *, wait_seconds: float = 0) -> None:
        if "queue" in vars(self):
            self.queue.close()
        if "_lease_engine" in vars(self):
            self._lease_engine.dispose()
        super().close(wait_seconds=wait_seconds)


def holder() -> str:
    """This process among all on all hosts: two containers may share a host's name."""
    return f"{socket.gethostname()}/{os.getpid()}"
