"""The scheduler: runs what is due, when it is due."""

from __future__ import annotations

import logging

from apscheduler.schedulers.blocking import BlockingScheduler

from core.bootstrap import Services
from core.errors import Unavailable
from core.library.tasks import UPKEEP
from core.logs import configure
from core.process import Pulse, end_with_parent, on_stop
from core.settings import load_settings

log = logging.getLogger(__name__)

UPKEEP_HOUR_UTC = 4


def hand_out_upkeep(services: Services) -> None:
    """Put the daily upkeep into the queue."""
    services.queue.upkeep()


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
