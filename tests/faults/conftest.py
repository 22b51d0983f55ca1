"""One Postgres for all fault tests; each test has a fake Alpaca and an account of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.bootstrap import Services
from core.settings import Settings
from tests.faults.children import Nursery
from tests.faults.stand import CASH, Stand


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Iterator[Path]:
    """A SLUICE_HOME with a running, migrated database."""
    folder: Path = tmp_path_factory.mktemp("home")
    # Root's Postgres runs as another user, who has to pass these folders.
    for one in (folder, folder.parent, folder.parent.parent):
        one.chmod(0o755)
    services = Services(Settings(home=folder))
    services.migrate()
    yield folder
    services.close(wait_seconds=10)


@pytest.fixture(scope="session")
def nursery(tmp_path_factory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("children"))
    yield nursery
    nursery.close()


@pytest.fixture
def processes(stand, nursery) -> Stand:
    """The stand of a test that starts processes."""
    stand.nursery = nursery
    return stand


@pytest.fixture
def make_stand(home, tmp_path) -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(*, cash=CASH, **fake: object) -> Stand:
        stand = Stand(home, tmp_path, cash=cash, **fake)
        made.append(stand)
        stand.data.__enter__()
        stand.fake.__enter__()
        return stand

    yield make
    for stand in made:
        stand.close()
        stand.fake.__exit__()
        stand.data.__exit__()


@pytest.fixture
def stand(make_stand) -> Stand:
    return make_stand()
