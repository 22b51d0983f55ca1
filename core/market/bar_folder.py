"""Settled bars on disk: one file a series, whole or not there, for any number of processes.

    folder/SOURCE/FEED/ADJUSTMENT/SYMBOL.parquet

A file is written under another name and renamed, so a reader sees the old one or the new one,
never half of one, and a process killed while it writes leaves the old one. Locks only keep two
processes from asking a vendor for the same history; no reader waits for one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zlib import crc32

from psutil import pid_exists

from core.market.settled import Damaged, SeriesKey, Settled, from_bytes

log = logging.getLogger(__name__)

_LOCKS = 256
_LOCK_POLL_SECONDS = 0.05
_UNFINISHED = ".tmp"


@dataclass(frozen=True, slots=True)
class FolderSize:
    """How much is kept."""

    files: int
    bytes: int


class BarFolder:
    """Settled bars below ``folder``, which is made when first written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: SeriesKey) -> Path:
        *folders, symbol = key.parts
        return self._folder.joinpath(*folders, f"{symbol}.parquet")

    def read(self, key: SeriesKey, now: datetime) -> Settled | None:
        """The bars of ``key``; None if there are none or the file is damaged, which is logged.

        Notes ``now`` as when the file was last read, see ``purge``.
        """
        path = self.path(key)
        try:
            settled = from_bytes(path.read_bytes(), key)
        except FileNotFoundError:
            return None
        except (Damaged, OSError) as err:
            log.warning("cached bars in %s are damaged and are fetched anew: %s", path, err)
            return None
        with suppress(OSError):  # removed meanwhile, or read-only: the bars are good all the same
            os.utime(path, ns=(int(now.timestamp() * 1e9), path.stat().st_mtime_ns))
        return settled

    def write(self, settled: Settled, data: bytes) -> None:
        """Put ``data``, the bytes of ``settled``, in the place of what was there."""
        path = self.path(settled.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not the process alone: two threads of one may write the same series.
        writer = f"{os.getpid()}-{time.monotonic_ns()}"
        unfinished = path.with_name(f".{path.name}.{writer}{_UNFINISHED}")
        try:
            with unfinished.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def locked(self, keys: Iterable[SeriesKey], waiting: Iterator[None]) -> Iterator[None]:
        """Hold the locks of all ``keys``, in one order for everybody so that nobody waits in a
        circle. ``waiting`` is advanced while others hold one, and may raise.

        A lock is one of a fixed number of files that are never removed; it ends with its process.
        Where they cannot be written nothing is locked, as nothing can be kept either.
        """
        places = sorted({crc32("/".join(key.parts).encode()) % _LOCKS for key in keys})
        folder = self._folder / ".locks"
        with ExitStack() as held:
            for place in places:
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    file = held.enter_context((folder / f"{place:03d}").open("wb"))
                except OSError as err:
                    log.warning("cached bars cannot be locked: %s", err)
                    break
                while not _try_lock(file):
                    next(waiting)
                    time.sleep(_LOCK_POLL_SECONDS)
            yield

    def purge(self, before: datetime) -> FolderSize:
        """Remove series nobody has read since ``before``, and what killed writers left behind."""
        files = freed = 0
        for path in self._kept():
            with suppress(FileNotFoundError):  # somebody else purges too
                stat = path.stat()
                if stat.st_atime < before.timestamp():
                    path.unlink()
                    files, freed = files + 1, freed + stat.st_size
        for path in self._folder.rglob(f".*{_UNFINISHED}"):
            process = path.name.removesuffix(_UNFINISHED).rpartition(".")[2].partition("-")[0]
            if not pid_exists(int(process)):
                path.unlink(missing_ok=True)
        return FolderSize(files, freed)

    def size(self) -> FolderSize:
        sizes = [path.stat().st_size for path in self._kept()]
        return FolderSize(len(sizes), sum(sizes))

    def _kept(self) -> Iterator[Path]:
        return self._folder.glob("*/*/*/[!.]*.parquet")


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
