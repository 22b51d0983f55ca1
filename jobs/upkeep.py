"""Upkeep: what has to go after a while, so that nothing grows without end."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

UNREAD_DAYS = 60
"""Cached bars nobody has read for so long are removed; they can be fetched again."""
TOLD_DAYS = 30
"""So long it is kept which channel was told of what; the events themselves stay."""
POINTS_DAYS = 30
"""Equity every few minutes is kept so long; the daily snapshots stay."""
EVENTS_DAYS = 400


def run(services: Services) -> None:
    """Delete old unpinned backtests and sweeps, unread cached bars, heartbeats of the dead, and of
    live trading what only the last weeks need: the ledger, orders and decisions stay."""
    now, settings = services.clock(), services.settings
    kept = timedelta(days=settings.backtest_retention_days)
    backtests = services.backtests.delete_older(now - kept)
    sweeps = services.sweeps.delete_older(now - timedelta(days=settings.sweep_retention_days))
    series = services.purge_bars(timedelta(days=UNREAD_DAYS))
    points = services.equity.thin_points(timedelta(days=POINTS_DAYS))
    events = services.events.delete_older(now - timedelta(days=EVENTS_DAYS))
    told = services.deliveries.forget_older(now - timedelta(days=TOLD_DAYS))
    dead = services.heartbeats.forget_older(timedelta(days=1))
    log.info(
        "upkeep done",
        extra={
            "action": "upkeep",
            "backtests": backtests,
            "sweeps": sweeps,
            "series": series,
            "deliveries": told,
            "heartbeats": dead,
            "equity_points": points,
            "events": events,
        },
    )
