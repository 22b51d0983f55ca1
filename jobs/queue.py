"""The queue in Postgres, and the tasks workers take from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from jobs import upkeep

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

UPKEEP = "upkeep"


def queue(services: Services) -> App:
    """The queue as a worker needs it."""
    return _with_tasks(App(connector=PsycopgConnector(conninfo=_conninfo(services))), services)


def sender(services: Services) -> App:
    """The queue as someone who only hands out tasks needs it."""
    return _with_tasks(App(connector=SyncPsycopgConnector(conninfo=_conninfo(services))), services)


def _conninfo(services: Services) -> str:
    return services.database.conninfo


def _with_tasks(app: App, services: Services) -> App:
    # A lock in the queue: at most one waits, however many schedulers ask for it.
    @app.task(name=UPKEEP, queueing_lock=UPKEEP)
    def _upkeep() -> None:
        upkeep.run(services)

    return app
