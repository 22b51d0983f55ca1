"""The tasks workers take from the queue in Postgres."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from core.library.tasks import RESCUE, SWEEP, UPKEEP
from jobs import sweep, upkeep

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

STALLED_SECONDS = 15.0
"""A worker without a heartbeat for so long is dead; another takes over its jobs."""


def queue(services: Services) -> App:
    """The queue with all tasks, as a worker needs it."""
    app = App(connector=PsycopgConnector(conninfo=services.database.conninfo))
    sweepers = sweep.Sweepers(services)

    # A lock in the queue: at most one waits, however many schedulers ask for it.
    @app.task(name=UPKEEP, queueing_lock=UPKEEP)
    def _upkeep() -> None:
        upkeep.run(services)

    @app.task(name=SWEEP)
    def _sweep(number: int, chain: int) -> None:
        sweep.run_chain(services, sweepers, number, chain)

    @app.periodic(cron="* * * * * */10")
    @app.task(name=RESCUE, queueing_lock=RESCUE)
    async def _rescue(timestamp: int) -> None:  # noqa: ARG001  procrastinate gives it
        # A dead worker's jobs are dropped and handed out anew: to retry one fails where its
        # successor is in the queue already.
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            log.warning("a worker died at job %s", job.id, extra={"action": "rescue"})
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            if job.task_name == UPKEEP:
                await asyncio.to_thread(services.queue.upkeep)
        await asyncio.to_thread(sweep.hand_out, services)

    return app
