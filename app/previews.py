"""Light backtests of what is being edited: run beside the page, fetched by the browser itself.

The browser asks for a result over HTTP and draws it. A result that comes in therefore never runs
a page's script again: nothing races with what somebody types or clicks meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.backtest_run import BacktestRun
from app.fetched import Fetched
from core.backtest.result import Backtest, Result
from core.clock import Clock
from core.errors import Cancelled
from core.market.source import Progress
from core.metrics.definitions import BY_NAME, shown

QUIET_SECONDS = 0.15
"""A run begins when nothing was changed for so long."""
LONGEST_WAIT_SECONDS = 20.0
"""A request is answered by then, with or without a result; the browser asks again."""
LOOK_AGAIN_SECONDS = 0.03
FIGURES = ("cagr", "sharpe", "max_drawdown", "volatility")
MOST_POINTS = 160
"""What a curve this small can show."""

Work = Callable[[Progress], Backtest]


@dataclass(slots=True, eq=False)
class Preview(Fetched):
    """The newest light run of one draft, and the last result there was.

    ``number`` counts what was asked for.
    """

    clock: Clock
    of: object = None
    number: int = 0
    run: BacktestRun | None = None
    _result: Result | None = None

    def want(self, of: object, work: Work | None) -> None:
        """Let it be of this from now on; the run before is dropped. Without work nothing runs."""
        if of == self.of:
            return
        if self.run is not None:
            self._keep_result()
            self.run.cancel()
        self.of = of
        self.number += 1
        begun = None if work is None else _after(self.run, work)
        self.run = None if begun is None else BacktestRun(begun, _keep_nothing, self.clock)

    @property
    def pending(self) -> bool:
        return self.run is not None and not self.run.done

    def answer(self) -> dict[str, Any]:
        """What the browser draws, as JSON: the newest result and whether it is of this draft."""
        self._keep_result()
        run, error = self.run, None
        if run is not None and run.error is not None and not isinstance(run.error, Cancelled):
            error = str(run.error)
        return {
            "number": self.number,
            "pending": self.pending,
            "current": run is not None and run.done and run.backtest is not None,
            "error": error,
            "result": None if self._result is None else drawn(self._result),
        }

    async def respond(self, _request: Request) -> Response:
        """The newest result, as soon as its run is done."""
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        number = self.number
        while self.pending and self.number == number and time.monotonic() < end:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return JSONResponse(self.answer(), headers={"Cache-Control": "no-store"})

    def _keep_result(self) -> None:
        if self.run is not None and self.run.done and self.run.backtest is not None:
            self._result = self.run.backtest.result


def _after(before: BacktestRun | None, work: Work) -> Work:
    """The work when nothing was changed for a while; one run at a time, however fast one edits."""

    def begun(progress: Progress) -> Backtest:
        time.sleep(QUIET_SECONDS)
        if before is not None:
            before.wait(LONGEST_WAIT_SECONDS)
        progress(0.0, "Starting")  # raises if it was dropped meanwhile
        return work(progress)

    return begun


def _keep_nothing(backtest: Backtest, started: object) -> None:
    """A light run is looked at and forgotten."""


def drawn(result: Result) -> dict[str, Any]:
    """A result's curve of at most MOST_POINTS, its first and last session's among them."""
    count = len(result.sessions)
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int))
    return {
        "start": str(result.start),
        "end": str(result.end),
        "curve": np.round(result.equity[rows], 4).tolist(),
        "figures": [
            {
                "label": BY_NAME[name].label,
                "shown": shown(name, result.metrics[name]),
                "meaning": BY_NAME[name].meaning,
            }
            for name in FIGURES
        ],
    }
