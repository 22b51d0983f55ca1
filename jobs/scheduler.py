"""The scheduler: runs what is due, when it is due."""

from __future__ import annotations

import logging

from apscheduler.schedulers.blocking import BlockingScheduler
from procrastinate.exceptions import AlreadyEnqueued

from core.bootstrap import Services
from core.errors import Unavailable
from core.logs import configure
from core.process import Pulse, end_with_parent, on_stop
from core.settings import load_settings
from jobs.queue import UPKEEP, sender

log = logging.getLogger(__name__)

UPKEEP_HOUR_UTC = 4


def hand_out_upkeep(services: Services) -> None:
    """Put the daily upkeep into the queue; one that still waits is enough."""
    with sender(services).open() as queue:
        try:
            queue.configure_task(UPKEEP, queueing_lock=UPKEEP).defer()
        except AlreadyEnqueued:
            log.info("upkeep already waits", extra={"action": "upkeep"})


def main() -> None:
    settings = load_settings()
    configure(settings)
    end_with_parent()
    with Services(settings) as services:
        pulse = Pulse(services, "scheduler")
        scheduler = BlockingScheduler(timezone="UTC")
        scheduler.add_job(
            hand_out_upkeep,
            "cron",
            args=[services],
            hour=UPKEEP_HOUR_UTC,
            id=UPKEEP,
            coalesce=True,
            misfire_grace_time=None,
        )
        on_stop(lambda: scheduler.shutdown(wait=False))
        pulse.start()
        log.info("scheduling", extra={"action": "start", "jobs": len(scheduler.get_jobs())})
        try:
            hand_out_upkeep(services)
        except Unavailable as err:
            log.warning("no upkeep: %s", err, extra={"action": "upkeep"})
        scheduler.start()
        pulse.stop()


if __name__ == "__main__":
    main()
