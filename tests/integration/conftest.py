"""One real embedded Postgres for the tests that need a database; each gets it empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from core.bootstrap import Services


@pytest.fixture
def services(server) -> Services:
    """The same, with nothing stored."""
    with server.database.engine.begin() as db:
        db.execute(
            text(
                "TRUNCATE users, strategies, strategy_versions, backtests, sweeps, heartbeats CASCADE"
            )
        )
    server.users.ensure(server.user)
    return server


@pytest.fixture
def environment(server) -> dict[str, str]:
    """What a command needs to work on the same home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return kept | {"SLUICE_HOME": str(server.settings.home)}


@pytest.fixture
def bars(tmp_path) -> Path:
    """A small tidy table: SPY and TLT over a year and a half."""
    import numpy as np

    from core.calendar import calendar

    path = tmp_path / "bars.csv"
    sessions = calendar("XNYS").between(np.datetime64("2023-01-03"), np.datetime64("2024-06-28"))
    lines = ["date,symbol,open,high,low,close,volume"]
    for symbol, phase in (("SPY", 0.0), ("TLT", 2.0)):
        for i, day in enumerate(sessions):
            close = 100 + 10 * np.sin(i / 9 + phase) + i / 50
            row = (close - 0.5, close + 1, close - 1, close)
            lines.append(f"{day},{symbol}," + ",".join(f"{v:.4f}" for v in row) + ",1000000")
    path.write_text("\n".join(lines) + "\n")
    return path
