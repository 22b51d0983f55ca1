"""``sluice up`` as a user lives with it: it says where to go, mends what dies, ends when asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.db.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow


class Up:
    """A running ``sluice up`` and what it has said."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.port = free_port()
        self.begun = time.monotonic()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        self.environment = kept | {"SLUICE_HOME": str(home)}
        command = [sys.executable, "-m", "app.cli", "up", "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def says(self, words: str, seconds: float = 60) -> str:
        """The first line with these words, waiting for it."""
        return wait_for(
            lambda: next((line for line in self.said if words in line), None), seconds, self.said
        )

    def health(self) -> int:
        """Status of /healthz; 0 where nobody answers."""
        try:
            address = f"http://127.0.0.1:{self.port}/healthz"
            with urllib.request.urlopen(address, timeout=3) as answer:
                return answer.status
        except urllib.error.HTTPError as err:
            err.close()
            return err.code
        except OSError:
            return 0

    def status(self) -> dict[str, dict[str, object]]:
        """Components by name, as ``sluice status`` tells them."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "status", "--json"],
            env=self.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        if done.returncode:
            return {}
        return {c["component"]: c for c in json.loads(done.stdout)["components"]}

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Ask it to end; how long that took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        self._reader.join(5)
        return time.monotonic() - begun


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(find: Callable, seconds: float, story: list[str]):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain; it said:\n" + "".join(story[-40:]))


@pytest.fixture
def home(tmp_path) -> Path:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    return tmp_path


@pytest.fixture
def up(home) -> Iterator[Up]:
    running = Up(home)
    running.says("Ready after")
    yield running
    if running.process.poll() is None:
        running.stop()
    running.process.stdout.close()


def test_it_starts_everything_and_ends_everything(up):
    assert f"http://localhost:{up.port}" in up.says("Open")
    assert up.health() == 200
    wait_for(lambda: set(up.status()) == {"web", "scheduler", "worker"}, 20, up.said)
    assert any("example strategies" in line for line in up.said)
    children = up.children()
    assert len(children) >= 3
    took = up.stop()
    assert up.process.returncode == 0
    assert took < 10
    assert not psutil.wait_procs(children, timeout=5)[1], "something outlived Ctrl-C"
    assert "Stopped" in up.said[-1]


def test_a_second_start_finds_everything_there(up, home):
    up.stop()
    again = Up(home)
    try:
        line = again.says("Ready after")
        assert not any("example strategies" in line for line in again.said)
        sys.stdout.write(line)
    finally:
        again.stop(signal.SIGTERM)
        again.process.stdout.close()


def test_a_service_that_dies_is_started_again_and_it_says_so(up):
    wait_for(lambda: "worker" in up.status(), 20, up.said)
    old = up.status()["worker"]["pid"]
    os.kill(old, signal.SIGKILL)
    assert "killed by signal 9" in up.says("The worker ended")

    def replaced():
        # The killed one's last beat stays until upkeep; the new one beats under its own number.
        done = [p for p in up.children() if "jobs.worker" in " ".join(p.cmdline())]
        return done and done[0].pid != old

    wait_for(replaced, 20, up.said)
    assert up.health() == 200


def test_a_killed_database_is_started_again_and_the_pages_go_on(up, home):
    server = EmbeddedPostgres(home).server()
    server.kill()
    up.says("The database stopped")
    wait_for(lambda: up.health() == 200, 30, up.said)


def test_when_it_is_killed_its_services_end_by_themselves(up):
    children = up.children()
    up.process.kill()
    up.process.wait(10)
    assert not psutil.wait_procs(children, timeout=25)[1], "services outlived their supervisor"


def test_after_a_kill_of_everything_it_starts_again(up, home):
    # The supervisor first: it would otherwise be at work on what died, or end by itself.
    for process in [psutil.Process(up.process.pid), *up.children()]:
        with suppress(psutil.NoSuchProcess):  # children end by themselves once it is gone
            process.kill()
    up.process.wait(10)
    again = Up(home)
    try:
        again.says("Ready after")
        assert again.health() == 200
    finally:
        again.stop()
        again.process.stdout.close()


def test_a_port_that_is_taken_is_bad_input(up):
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "up", "--port", str(up.port)],
        env=up.environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert str(up.port) in done.stderr
