"""Starting processes from the nursery, and waiting for how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Nursery:
    """One for a test session; see nursery.py."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def start(
        self, module: str, arguments: tuple[str, ...], environment: Mapping[str, str]
    ) -> Child:
        self._made += 1
        out, err = (self._folder / f"{self._made}.{name}" for name in ("out", "err"))
        for file in (out, err):
            file.touch()  # there to be read before the child has got so far
        told = self.ask(
            module=module,
            arguments=list(arguments),
            environment=dict(environment),
            out=str(out),
            err=str(err),
        )
        return Child(self, told["pid"], out, err)

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate("")


@dataclass
class Child:
    nursery: Nursery
    pid: int
    out: Path
    err: Path
    code: int | None = field(default=None)

    def poll(self) -> int | None:
        """How it ended: minus the signal that killed it; None while it runs."""
        if self.code is None:
            self.code = self.nursery.ask(poll=self.pid)["code"]
        return self.code

    def wait(self, seconds: float = 60.0) -> int:
        end = time.monotonic() + seconds
        while (code := self.poll()) is None:
            assert time.monotonic() < end, f"it did not end within {seconds:.0f} s"
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def end(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    @property
    def stdout(self) -> str:
        return self.out.read_text()

    @property
    def stderr(self) -> str:
        return self.err.read_text()
