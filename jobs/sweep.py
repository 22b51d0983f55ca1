"""A worker's part of a sweep: block after block of one chain, each committed once."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import BadInput, NeedsOperator, SluiceError, UnknownName
from core.library.sweep_request import points_to_run, prepared
from core.library.sweeps import BLOCK, Sweep
from core.sweep.run import Sweeper

if TYPE_CHECKING:
    from core.bootstrap import Services
    from core.sweep.grid import Index

log = logging.getLogger(__name__)

TURN_SECONDS = 2.0
"""How long a chain works before it queues up again, so that sweeps take turns."""
MOST_KEPT = 3


class Sweepers:
    """The sweeps this process is prepared for; the least recently used one goes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Sweeper, Index]] = OrderedDict()

    def get(self, sweep: Sweep) -> tuple[Sweeper, Index]:
        """The sweeper and the points to run; several threads wait for one preparation."""
        with self._lock:
            if sweep.number not in self._kept:
                path = None if sweep.path is None else Path(sweep.path)
                source = self._services.source(sweep.source, path=path)
                sweeper = Sweeper(prepared(sweep, source))
                self._kept[sweep.number] = sweeper, points_to_run(sweep, sweeper.ready)
            self._kept.move_to_end(sweep.number)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[sweep.number]


def run_chain(services: Services, sweepers: Sweepers, number: int, chain: int) -> None:
    """One turn of a chain: its next blocks, as long as a turn lasts and the sweep runs.

    What may pass (the database is away, its disk is full) is raised: the chain is handed out again
    in a few seconds. Anything else would come again each time, and ends the sweep.
    """
    try:
        sweep = services.sweeps.numbered(number)
    except UnknownName:
        return  # deleted
    if sweep.state != "running":
        return
    try:
        _turn(services, sweepers, sweep, chain)
    except SluiceError:
        raise
    except Exception as err:
        log.exception("a sweep failed", extra={"action": "sweep", "sweep": number})
        said = f"{type(err).__name__}: {err}".removesuffix(": ")
        _fail(services, sweep, f"It ended with an error nobody foresaw ({said}).")


def _turn(services: Services, sweepers: Sweepers, sweep: Sweep, chain: int) -> None:
    number = sweep.number
    try:
        sweeper, points = sweepers.get(sweep)
    except (BadInput, NeedsOperator) as err:
        _fail(services, sweep, str(err))
        return
    begun = time.monotonic()
    for block in services.sweeps.missing_blocks(sweep, chain):
        if time.monotonic() - begun > TURN_SECONDS:
            services.queue.chain(number, chain, sweep.priority)
            return
        found = sweeper.run(np.asarray(points[block * BLOCK : (block + 1) * BLOCK]))
        if services.sweeps.commit_block(number, block, found) != "running":
            services.start_sweeps(sweep.user_id)
            return
    if services.sweeps.finish(number):
        log.info("sweep finished", extra={"action": "sweep", "sweep": number, "runs": sweep.total})
        services.start_sweeps(sweep.user_id)


def _fail(services: Services, sweep: Sweep, reason: str) -> None:
    """End it, and let the user's next one begin."""
    services.sweeps.fail(sweep.number, reason)
    services.start_sweeps(sweep.user_id)


def hand_out(services: Services) -> None:
    """Make sure that every running sweep is worked on, and every user's next one is started.

    Whatever a crash left undone is found here; jobs that are there already are not doubled.
    """
    for sweep in services.sweeps.running():
        services.queue.sweep(sweep)
    for user in services.sweeps.waiting_users():
        services.start_sweeps(user)
