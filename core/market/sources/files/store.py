"""A large folder's bars, dealt once into Parquet files by symbol.

A vendor's flat files hold a day each, so one symbol's history is spread over all of them. They are
read once and dealt into a few dozen files, of which a question then reads those it needs. A store
belongs to one state of its folder: a file changed, added or removed makes another, which replaces
it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from psutil import pid_exists

from core.market.source import Progress, silent
from core.market.sources.files.contents import Contents, fully_adjusted, in_memory
from core.market.sources.files.folder import Folder

BUCKETS = 32
_ROWS_A_GROUP = 100_000
_FORMAT = 1
_INDEX = "index.json"
_MAKING = ".making-"
_DAMAGED = (OSError, ValueError, KeyError, pa.ArrowException)

log = logging.getLogger(__name__)


def stored(folder: Folder, cache: Path, progress: Progress) -> Contents:
    """The bars of ``folder`` through its store in ``cache``, made now if it is not there.

    Raises BadInput naming the file for bars that cannot be read.
    """
    place = cache / sha256(repr((_FORMAT, folder.stamp)).encode()).hexdigest()[:32]
    was_there = place.exists()  # asked first: another process may make it meanwhile
    try:
        return _open(folder, place)
    except _DAMAGED as err:
        if was_there:
            _discard(folder, place, err)
    try:
        _deal(folder, place, progress)
    except OSError as err:
        log.warning("no store of %s can be kept in %s: %s", folder.path, cache, err)
        return in_memory(folder, progress)
    return _open(folder, place)


def _open(folder: Folder, place: Path) -> Contents:
    index = json.loads((place / _INDEX).read_text())
    return _Stored(folder, place, tuple(index["symbols"]), index["fully_adjusted"])


@dataclass(frozen=True, eq=False, slots=True)
class _Stored:
    folder: Folder
    place: Path
    known: tuple[str, ...]
    fully_adjusted: bool

    def symbols(self) -> tuple[str, ...]:
        return self.known

    def select(self, symbols: Iterable[str]) -> pa.Table:
        wanted = set(symbols) & set(self.known)
        buckets: dict[int, list[str]] = {}
        for symbol in sorted(wanted):
            buckets.setdefault(_bucket(symbol), []).append(symbol)
        try:
            return self._read(buckets or {0: [""]})
        except _DAMAGED as err:
            _discard(self.folder, self.place, err)
            _deal(self.folder, self.place, silent)
            return self._read(buckets or {0: [""]})

    def _read(self, buckets: Mapping[int, list[str]]) -> pa.Table:
        return pa.concat_tables(
            pq.read_table(self.place / _name(bucket), filters=[("symbol", "in", names)])
            for bucket, names in buckets.items()
        )


def _discard(folder: Folder, place: Path, err: Exception) -> None:
    log.warning("the store of %s in %s is damaged and made anew: %s", folder.path, place, err)
    shutil.rmtree(place, ignore_errors=True)


def _deal(folder: Folder, place: Path, progress: Progress) -> None:
    """Write the store under another name, then give it its own: nobody sees half of one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _discard_unfinished(place.parent)
    making = Path(mkdtemp(prefix=f"{_MAKING}{os.getpid()}-", dir=place.parent))
    try:
        symbols, fully = _write_buckets(folder, making, progress)
        index = {"folder": str(folder.path), "symbols": symbols, "fully_adjusted": fully}
        (making / _INDEX).write_text(json.dumps(index))
        try:
            making.rename(place)
        except OSError:
            # Another process may have been faster; its store is as good.
            if not (place / _INDEX).is_file():
                raise
        _discard_others(folder, place)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write_buckets(folder: Folder, into: Path, progress: Progress) -> tuple[list[str], bool]:
    symbols: set[str] = set()
    fully = True
    waiting: list[list[pa.Table]] = [[] for _ in range(BUCKETS)]
    writers: dict[int, pq.ParquetWriter] = {}

    def write(bucket: int) -> None:
        table = pa.concat_tables(waiting[bucket])
        waiting[bucket].clear()
        writers[bucket].write_table(table, row_group_size=_ROWS_A_GROUP)

    with ExitStack() as open_files:
        for table in folder.tables(progress):
            if not writers:
                for bucket in range(BUCKETS):
                    writers[bucket] = open_files.enter_context(
                        pq.ParquetWriter(into / _name(bucket), table.schema, compression="zstd")
                    )
            fully = fully and fully_adjusted(table)
            encoded = table.column("symbol").combine_chunks().dictionary_encode()
            names = encoded.dictionary.to_pylist()
            symbols.update(names)
            buckets = np.array([_bucket(name) for name in names])[encoded.indices.to_numpy()]
            for bucket in np.unique(buckets).tolist():
                waiting[bucket].append(table.filter(pa.array(buckets == bucket)))
                if sum(t.num_rows for t in waiting[bucket]) >= _ROWS_A_GROUP:
                    write(bucket)
        for bucket in range(BUCKETS):
            if waiting[bucket]:
                write(bucket)
    return sorted(symbols), fully


def _discard_others(folder: Folder, place: Path) -> None:
    """Remove the stores of earlier states of the same folder."""
    for index in place.parent.glob(f"[!.]*/{_INDEX}"):
        if index.parent != place and json.loads(index.read_text())["folder"] == str(folder.path):
            shutil.rmtree(index.parent, ignore_errors=True)


def _discard_unfinished(cache: Path) -> None:
    """Remove what processes left that were killed while they dealt."""
    for left in cache.glob(f"{_MAKING}*"):
        if not pid_exists(int(left.name.removeprefix(_MAKING).partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)


def _bucket(symbol: str) -> int:
    return crc32(symbol.encode()) % BUCKETS


def _name(bucket: int) -> str:
    return f"{bucket:02d}.parquet"
