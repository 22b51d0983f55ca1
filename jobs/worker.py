"""A worker: takes jobs from the queue in Postgres. Any number may run, on any number of hosts."""

from __future__ import annotations

import logging
import os

from core.bootstrap import Services
from core.logs import configure
from core.process import Pulse, end_with_parent
from core.settings import load_settings
from jobs.queue import STALLED_SECONDS, queue

log = logging.getLogger(__name__)

LET_FINISH_SECONDS = 5.0
"""How long a job may go on after the worker was asked to end; then it is taken up by another."""

HEARTBEAT_SECONDS = 3.0


def main() -> None:
    settings = load_settings()
    configure(settings)
    end_with_parent()
    with Services(settings) as services:
        pulse = Pulse(services, "worker")
        pulse.start()
        log.info("working", extra={"action": "start"})
        queue(services).run_worker(
            concurrency=settings.worker_threads or os.cpu_count() or 1,
            shutdown_graceful_timeout=LET_FINISH_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            delete_jobs="always",  # what failed is in the log, and is handed out again
        )
        pulse.stop()


if __name__ == "__main__":
    main()
