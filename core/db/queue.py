"""Handing out jobs: rows in procrastinate's tables, for workers to take."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import JobDeferrer

from core.db.session import POOL_SECONDS, reachable
from core.library.sweeps import Sweep
from core.library.tasks import SWEEP, UPKEEP


class Queue:
    """Hands out jobs; ``jobs/queue.py`` has what workers do with them.

    Its methods raise Unavailable where the database cannot be reached within ``wait_seconds``.
    """

    def __init__(self, conninfo: str, *, wait_seconds: float = POOL_SECONDS) -> None:
        # One connection, opened at first use and kept: workers hand out their next turn with it.
        connector = SyncPsycopgConnector(
            conninfo=conninfo, min_size=0, max_size=1, timeout=wait_seconds
        )
        self._app = App(connector=connector)
        self._lock = threading.Lock()
        self._open = False

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._app.close()
                self._open = False

    def upkeep(self) -> None:
        """The daily upkeep; one that still waits is enough."""
        self._defer(UPKEEP, queueing_lock=UPKEEP)

    def sweep(self, sweep: Sweep) -> None:
        """A job for each chain of a sweep; one that still waits is enough."""
        for chain in range(sweep.chains):
            self.chain(sweep.number, chain, sweep.priority)

    def chain(self, number: int, chain: int, priority: int) -> None:
        """The next turn of one chain. It is worked on by one worker at a time."""
        name = f"sweep {number} chain {chain}"
        self._defer(SWEEP, name, name, priority, number=number, chain=chain)

    def _defer(
        self,
        task: str,
        queueing_lock: str,
        lock: str | None = None,
        priority: int = 0,
        **arguments: int,
    ) -> None:
        with self._lock:
            if not self._open:
                self._app.open()
                self._open = True
        deferrer = self._app.configure_task(
            task, queueing_lock=queueing_lock, lock=lock, priority=priority
        )
        try:
            with reachable():
                _defer(deferrer, arguments)
        except AlreadyEnqueued:
            return


def _defer(deferrer: JobDeferrer, arguments: Mapping[str, int]) -> None:
    """Raises the driver's own errors: procrastinate has one for all of them."""
    try:
        deferrer.defer(**arguments)
    except ConnectorException as err:
        raise err.__cause__ or err from None
