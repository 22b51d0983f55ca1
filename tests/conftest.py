"""What every test may use: the checkout's root, the developers' shared data where present, and one
real embedded Postgres."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.bootstrap import Services
from core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of real data; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder, not found at {folder}; set SLUICE_SHARED")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Services]:
    """Services on a fresh SLUICE_HOME, its database migrated."""
    home = tmp_path_factory.mktemp("home")
    # Root's Postgres runs as another user, who has to pass these folders.
    for folder in (home, home.parent, home.parent.parent):
        folder.chmod(0o755)
    services = Services(Settings(home=home))
    services.migrate()
    yield services
    services.close(wait_seconds=10)
