"""A backtest that runs beside the page: progress, cancelling, its result or its error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from core.backtest.result import Backtest
from core.clock import Clock
from core.errors import Cancelled, SluiceError
from core.market.source import Progress

log = logging.getLogger(__name__)


@dataclass(slots=True)
class BacktestRun:
    """One run, started at once in a thread of its own.

    ``work`` is called with where to report progress; what it raises on purpose becomes ``error``.
    ``keep`` saves the backtest afterwards, given the instant it began; what it raises on purpose
    becomes ``unsaved``.
    """

    work: Callable[[Progress], Backtest]
    keep: Callable[[Backtest, datetime], None]
    clock: Clock
    share: float = 0.0
    doing: str = "Starting"
    seconds: float = 0.0
    backtest: Backtest | None = None
    error: SluiceError | None = None
    unsaved: SluiceError | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread(target=self._run, name="backtest", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it is done, after waiting at most so long."""
        return self._done.wait(seconds)

    def cancel(self) -> None:
        """Ask it to stop at its next step."""
        self._cancelled.set()

    def _progress(self, share: float, doing: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The backtest was cancelled.")
        self.share, self.doing = share, doing

    def _run(self) -> None:
        begun, started = time.perf_counter(), self.clock()
        try:
            self.backtest = self.work(self._progress)
        except SluiceError as err:
            self.error = err
        except Exception:
            # The page must not wait for ever; the log has the story, the page says where it is.
            log.exception("backtest failed", extra={"action": "backtest"})
            self.error = SluiceError(
                "The backtest failed for a reason nobody foresaw. The log of the web service has "
                "the details; nothing was changed."
            )
        finally:
            self.seconds = time.perf_counter() - begun
            self._done.set()
        if self.backtest is not None:
            self._save(self.backtest, started)

    def _save(self, backtest: Backtest, started: datetime) -> None:
        try:
            self.keep(backtest, started)
        except SluiceError as err:
            log.warning("result not saved: %s", err, extra={"action": "backtest"})
            self.unsaved = err
