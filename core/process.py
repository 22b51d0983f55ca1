"""What every long-running process does: end in good order, and not outlive its parent."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from core.errors import SluiceError
from core.heartbeat import EVERY_SECONDS

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

PARENT = "SLUICE_SUPERVISOR_PID"
"""Set by the supervisor for its children; they end when it does, even when it is killed."""
_LOOK_SECONDS = 1.0


def on_stop(stop: Callable[[], None]) -> None:
    """Call ``stop`` at SIGTERM and SIGINT, on the main thread."""

    def handle(number: int, _frame: FrameType | None) -> None:
        log.info("stopping", extra={"action": "stop", "signal": signal.Signals(number).name})
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def end_with_parent() -> None:
    """Ask this process to stop when the supervisor that started it is gone."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(_LOOK_SECONDS)
        log.warning("the supervisor is gone", extra={"action": "stop"})
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class Pulse:
    """Beats for one process, from a thread of its own: long work is not death.

    ``detail`` is asked at each beat for what the process says of itself.
    """

    def __init__(
        self,
        services: Services,
        component: str,
        detail: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._detail = detail
        self._services = services
        self._component = component
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._started: datetime = services.clock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """End, and take the heartbeat away: this process ends in good order."""
        self._ended.set()
        try:
            self._services.heartbeats.forget(self._component, host=self._host, pid=self._pid)
        except SluiceError as err:
            log.warning("heartbeat not taken away: %s", err, extra={"action": "heartbeat"})

    def beat(self) -> None:
        """One sign of life; a database that is away is waited for, not died of."""
        try:
            self._services.heartbeats.beat(
                self._component,
                host=self._host,
                pid=self._pid,
                started_at=self._started,
                detail=self._detail(),
            )
        except SluiceError as err:
            log.warning("no heartbeat: %s", err, extra={"action": "heartbeat"})

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.beat()
