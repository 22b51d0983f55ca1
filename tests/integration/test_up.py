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

    def worker(self) -> int | None:
        """The process of its worker."""
        found = (p.pid for p in self.children() if "jobs.worker" in " ".join(p.cmdline()))
        return next(found, None)

    def runs(self) -> bool:
        return self.process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Ask it to end; how long that took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        self._reader.join(5)
        return time.monotonic() - begun

    def close(self) -> None:
        """Nothing of it is left, whatever a test did to it."""
        if self.runs():
            self.stop()
        self.process.stdout.close()


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


class House:
    """A home and all that was started on it: a first start takes much longer than those after."""

    def __init__(self, home: Path) -> None:
        # Root's Postgres runs as another user, who has to pass these folders.
        for folder in (home, home.parent, home.parent.parent):
            folder.chmod(0o755)
        self.home = home
        self.started: list[Up] = []

    def up(self) -> Up:
        """What runs there and is ready, started if nothing is."""
        if not self.started or not self.started[-1].runs():
            self.started.append(Up(self.home))
            self.started[-1].says("Ready after")
        return self.started[-1]

    def close(self) -> None:
        for one in reversed(self.started):
            one.close()


@pytest.fixture
def new_house(tmp_path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    """One for all tests that do not care whether a start is the first."""
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


@pytest.fixture
def up(house) -> Up:
    return house.up()


def test_it_starts_everything_and_ends_everything(new_house):
    up = new_house.up()
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


def test_a_second_start_finds_everything_there(up, house):
    up.stop(signal.SIGTERM)
    again = house.up()
    assert again is not up
    assert not any("example strategies" in line for line in again.said)


def test_a_service_that_dies_is_started_again_and_it_says_so(up):
    old = wait_for(up.worker, 20, up.said)
    os.kill(old, signal.SIGKILL)
    assert "killed by signal 9" in up.says("The worker ended")
    wait_for(lambda: up.worker() not in (None, old), 20, up.said)
    assert up.health() == 200


def test_a_killed_database_is_started_again_and_the_pages_go_on(up):
    server = EmbeddedPostgres(up.home).server()
    server.kill()
    up.says("The database stopped")
    wait_for(lambda: up.health() == 200, 30, up.said)


def test_when_it_is_killed_its_services_end_by_themselves(up):
    children = up.children()
    up.process.kill()
    up.process.wait(10)
    assert not psutil.wait_procs(children, timeout=25)[1], "services outlived their supervisor"


def test_after_a_kill_of_everything_it_starts_again(up, house):
    # The supervisor first: it would otherwise be at work on what died, or end by itself.
    for process in [psutil.Process(up.process.pid), *up.children()]:
        with suppress(psutil.NoSuchProcess):  # children end by themselves once it is gone
            process.kill()
    up.process.wait(10)
    again = house.up()
    assert again is not up
    assert again.health() == 200


def test_a_port_that_is_taken_is_bad_input(up):
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "up", "--port", str(up.port)],
        env=up.environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert str(up.port) in done.stderr
