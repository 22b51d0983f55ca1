"""Settled bars wherever they are kept: on this host's disk, and in Redis where there is one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock
from core.market.bar_folder import BarFolder, FolderSize
from core.market.settled import SeriesKey, Settled

if TYPE_CHECKING:
    from redis import Redis

    from core.market.shared_bars import SharedBars

log = logging.getLogger(__name__)


class KeptBars:
    """Keeping is a convenience: what cannot be read is not there, what cannot be written is
    fetched again, and the log says so."""

    def __init__(self, folder: Path, clock: Clock, redis: Redis | None) -> None:
        self._folder = BarFolder(folder)
        self._clock = clock
        self._shared: SharedBars | None = None
        if redis is not None:
            from core.market.shared_bars import SharedBars  # loads the client library

            self._shared = SharedBars(redis, clock)

    def read(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, Settled]:
        """What the disk has, or else Redis; what only Redis had is on disk afterwards."""
        now = self._clock()
        kept: dict[SeriesKey, Settled] = {}
        lacking: list[SeriesKey] = []
        for key in keys:
            settled = self._folder.read(key, now)
            if settled is None:
                lacking.append(key)
            else:
                kept[key] = settled
        if self._shared is not None:
            for key, (settled, data) in self._shared.read(lacking).items():
                self._write(settled, data)
                kept[key] = settled
        return kept

    def write(self, settled: Settled) -> None:
        data = settled.to_bytes()
        self._write(settled, data)
        if self._shared is not None:
            self._shared.write(settled.key, data)

    def locked(
        self, keys: Iterable[SeriesKey], waiting: Iterator[None]
    ) -> AbstractContextManager[None]:
        """See BarFolder.locked."""
        return self._folder.locked(keys, waiting)

    def purge(self, older_than: timedelta) -> FolderSize:
        """Remove from disk what nobody has read for so long; Redis forgets by itself."""
        return self._folder.purge(self._clock() - older_than)

    def size(self) -> FolderSize:
        return self._folder.size()

    def _write(self, settled: Settled, data: bytes) -> None:
        try:
            self._folder.write(settled, data)
        except OSError as err:
            log.warning("bars of %s cannot be kept: %s", settled.key.symbol, err)
