"""The running app and a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core.bootstrap import Services
from core.settings import Settings

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-quic", "--no-first-run",
)  # fmt: skip
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class App:
    """A running ``sluice up``; ``services`` are another process's on the same database."""

    url: str
    home: Path
    log: Path
    services: Services


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> Iterator[App]:
    """Everything, as 'sluice up' starts it for a newcomer, but for the demo account."""
    with running(tmp_path_factory.mktemp("home")) as app:
        yield app


@contextmanager
def running(home: Path, *, demo_account: bool = False, **settings: str) -> Iterator[App]:
    """``sluice up`` on a home of its own, with these SLUICE_ settings.

    A first start trades sixty past sessions in a demo account, half a minute of a processor beside
    whatever the tests do: who does not look at that account goes without.
    """
    for folder in (home, home.parent, home.parent.parent):
        folder.chmod(0o755)
    if not demo_account:
        services = Services(Settings(home=home))
        services.users.replayed(services.users.ensure(services.user).id)
        services.close(wait_seconds=10)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    log = home / "up.log"
    with log.open("w") as file:
        up = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up", "--port", str(port)],
            env=kept | {"SLUICE_HOME": str(home)} | settings, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        # The pages are warm once the first backtests have run beside the start.
        _wait(lambda: "warm action" in log.read_text(), 120, log)
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        with Services(Settings(home=home), start=False) as services:
            yield App(f"http://127.0.0.1:{port}", home, log, services)
    finally:
        up.terminate()
        up.wait(20)


def _wait(done, seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"sluice up did not get ready:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium where it is installed, or Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request) -> str:
    return request.param


@pytest.fixture
def page(app, browser) -> Iterator[Page]:
    """A page of a user without open tabs; what Python or the browser complained of fails the test."""
    with visit(app, browser) as page:
        yield page


@contextmanager
def visit(app: App, browser: Browser) -> Iterator[Page]:
    """The same for as long as a module's tests share it."""
    app.services.tabs.close(app.services.user.id)
    before = len(app.log.read_text())
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    yield page
    context.close()
    said = app.log.read_text()[before:]
    # Streamlit itself complains of visitors who leave while it greets them; we look for our files.
    assert not re.search(rf'File "{re.escape(str(ROOT))}/(app|core|jobs|pages)/', said), said
    assert not re.search(r"\b(ERROR|CRITICAL)\b", said), said
