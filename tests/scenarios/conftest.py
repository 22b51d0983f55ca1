"""A real database for the scenarios of live trading, under a clock that stands where it is put."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from core.bootstrap import Services
from core.replay import PastClock
from core.settings import Settings


@pytest.fixture(scope="session")
def live_server(tmp_path_factory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("home")
    for folder in (home, home.parent, home.parent.parent):
        folder.chmod(0o755)  # root's Postgres runs as another user, who has to pass these
    services = Services(Settings(home=home))
    services.migrate()
    yield services
    services.close(wait_seconds=10)


@pytest.fixture
def clock() -> PastClock:
    return PastClock(datetime(2026, 9, 1, 12, tzinfo=UTC))


@pytest.fixture
def services(live_server, clock) -> Iterator[Services]:
    """Services under ``clock``, with nothing stored."""
    with live_server.database.engine.begin() as db:
        db.execute(text("TRUNCATE users, strategies, strategy_versions CASCADE"))
    with Services(live_server.settings, clock=clock, migrate=False) as services:
        assert services.user
        yield services
