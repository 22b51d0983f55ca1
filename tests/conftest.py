"""What every test may use: the checkout's root and the developers' shared data, where present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of real data; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder, not found at {folder}; set SLUICE_SHARED")
    return folder
