"""Batch tests of the demo market, without their form."""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.backtest.settings import BacktestSettings
from core.bootstrap import version
from core.flow.examples import example_flows
from core.library.sweep_request import SweepRequest, sweep_of
from core.sweep.grid import parse_grid
from tests.browser.conftest import App

LARGE = ("window=5:204", "hot=50:99.75:0.25")
"""200 × 200 values."""


def finished_sweep(app: App, grid: Sequence[str] = LARGE) -> str:
    """Have the app's worker sweep Risk on, risk off, and wait for it; the batch test's id."""
    shared = app.services
    request = SweepRequest(
        user_id=shared.user.id, flow=example_flows()["risk-on-risk-off"], settings=BacktestSettings(),
        grid=parse_grid(grid), source="demo",
    )  # fmt: skip
    sweep, _ = sweep_of(
        request, shared.source("demo"), shared.flows.find, engine_version=version(),
        now=shared.clock(),
    )  # fmt: skip
    sweep = shared.sweeps.add(sweep)
    shared.start_sweeps(sweep.user_id)
    end = time.monotonic() + 120
    while (now := shared.sweeps.numbered(sweep.number)).state != "finished":
        assert time.monotonic() < end, now
        time.sleep(0.2)
    return str(sweep.id)
