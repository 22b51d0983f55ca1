"""``sluice up``: starts the database and the services, restarts what dies, ends all of it.

Services are processes of their own: one that crashes takes nothing with it. Their lines go to this
terminal with their name in front.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import IO

from core.bootstrap import Services, version
from core.errors import BadInput, SluiceError
from core.process import PARENT
from core.settings import Settings

MODULES = {"web": "app.server", "scheduler": "jobs.scheduler", "worker": "jobs.worker"}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a dead service is started again: doubled at each death, up to the longest."""
STEADY_SECONDS = 60.0
"""A service that ran so long starts again at once, as if it had never died."""
GRACE_SECONDS = 7.0
"""Services that do not end by themselves in this time are killed; all within 10 s."""
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Service:
    """One child process and the pause before its next start."""

    name: str
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Everything on one host, until Ctrl-C or SIGTERM."""

    def __init__(self, settings: Settings, *, demo: bool = True) -> None:
        self._settings = settings
        self._demo = demo and not settings.no_demo
        self._services = Services(settings, say=self._say)
        self._children = [Service(name) for name in MODULES]
        self._stopping = threading.Event()
        self._printing = threading.Lock()

    def run(self) -> int:
        """Start, watch, end; 0 when it was asked to end."""
        self._refuse_taken_port()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stopping.set())
        begun = time.monotonic()
        try:
            self._prepare()
            for child in self._children:
                self._start(child)
            threading.Thread(target=self._announce, args=(begun,), daemon=True).start()
            while not self._stopping.wait(_LOOK_SECONDS):
                self._keep_database()
                for child in self._children:
                    self._keep(child)
        finally:
            self._end()
        return 0

    # -- start ---------------------------------------------------------------------------------

    def _refuse_taken_port(self) -> None:
        host, port = self._settings.host, self._settings.port
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as err:
                raise BadInput(
                    "--port",
                    f"{host}:{port} cannot be used ({(err.strerror or str(err)).lower()}).",
                    "Does Sluice already run? Otherwise choose another: sluice up --port 8502.",
                ) from err

    def _prepare(self) -> None:
        """The database up to date, and a new library not empty."""
        self._say(f"Sluice {version()}: starting the database")
        before, after = self._services.migrate()
        if before != after:
            self._say(f"Database at schema {after.revision}")
        if self._demo:
            count = self._services.seed()
            if count:
                self._say(f"Put {count} example strategies into the library")

    def _start(self, child: Service) -> None:
        settings = {"SLUICE_PORT": str(self._settings.port), PARENT: str(os.getpid())}
        if not self._demo:
            settings["SLUICE_NO_DEMO"] = "true"
        child.process = subprocess.Popen(
            [sys.executable, "-m", MODULES[child.name]],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for us: we end them in order
        )
        child.started = time.monotonic()
        assert child.process.stdout is not None
        reader = threading.Thread(
            target=self._relay, args=(child.name, child.process.stdout), daemon=True
        )
        child.readers = [reader]
        reader.start()

    def _announce(self, begun: float) -> None:
        """Say where the pages are, once they answer."""
        host = (
            "localhost" if self._settings.host in ("127.0.0.1", "0.0.0.0") else self._settings.host
        )
        address = f"http://{host}:{self._settings.port}"
        while not self._stopping.wait(0.1):
            try:
                with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                continue
        else:
            return
        seconds = time.monotonic() - begun
        self._say(
            f"Ready after {seconds:.1f} s\n\n"
            f"  Open  {address}\n"
            "  Then  open a strategy in the library and press Run backtest\n"
            "  Stop  with Ctrl-C; 'sluice doctor' checks every part\n"
        )

    # -- watch ---------------------------------------------------------------------------------

    def _keep_database(self) -> None:
        if not self._services.database_runs():
            self._say("The database stopped: starting it again")
            try:
                self._services.recover_database()
            except SluiceError as err:
                self._say(f"{err} Trying again.")
                self._stopping.wait(FIRST_PAUSE)

    def _keep(self, child: Service) -> None:
        """Start a dead service again, after a pause that grows while it keeps dying."""
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            if now - child.started > STEADY_SECONDS:
                child.pause = FIRST_PAUSE
            code = child.process.returncode
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            self._say(f"The {child.name} ended ({how}): starting it again in {child.pause:.0f} s")
            child.process = None
            child.due = now + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)
        elif child.process is None and now >= child.due:
            self._start(child)

    # -- end -----------------------------------------------------------------------------------

    def _end(self) -> None:
        """Ask every service to end, kill those that do not, then let the database go."""
        self._stopping.set()
        running = [c for c in self._children if c.process is not None]
        for child in running:
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"The {child.name} did not end in time: killing it")
                _signal(child, signal.SIGKILL)
                child.process.wait()
        self._services.close(wait_seconds=2.0)
        self._say("Stopped")

    # -- words ---------------------------------------------------------------------------------

    def _relay(self, name: str, lines: IO[str]) -> None:
        for line in lines:
            self._write(f"{name:9} | {line.rstrip()}")

    def _say(self, text: str) -> None:
        self._write(f"sluice    | {text}")

    def _write(self, text: str) -> None:
        with self._printing:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def _signal(child: Service, number: signal.Signals) -> None:
    """To the service and what it started; it may have ended by now."""
    assert child.process is not None
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return
