"""A file, or a folder of files that belong together, read as one set of bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from core.errors import BadInput
from core.market.adjustment import CorporateAction
from core.market.source import Progress
from core.market.sources.files.actions import read_actions
from core.market.sources.files.layout import ACTIONS, Layout, layout_of, read_bars
from core.market.sources.files.table import TableFile, bad_file, open_table

ENDINGS = (".csv", ".csv.gz", ".parquet")
"""Of the files read in a folder; a single file may have any name."""
MOST_FILES = 20_000
_READERS = 4
_AT_A_TIME = 32

Stamp = tuple[tuple[str, int, int], ...]
"""Path, size and time of last change in nanoseconds of every file: equal stamps, equal files."""


@dataclass(frozen=True, eq=False, slots=True)
class Folder:
    """Files that belong together, their headers read.

    ``path``     what the user named
    ``bars``     the files of bars, all of one ``layout``
    ``actions``  corporate actions by symbol; None where no file has any
    """

    path: Path
    stamp: Stamp
    layout: Layout
    bars: tuple[TableFile, ...]
    actions: Mapping[str, tuple[CorporateAction, ...]] | None

    @property
    def as_of(self) -> datetime:
        """When the newest file was written."""
        return datetime.fromtimestamp(max(changed for *_, changed in self.stamp) / 1e9, UTC)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size, _ in self.stamp)

    @property
    def has_adjusted_closes(self) -> bool:
        return "adj_close" in self.bars[0].columns

    def tables(self, progress: Progress) -> Iterator[pa.Table]:
        """Each file's bars, see ``layout.read_bars``, with the file's number as ``file``.

        A few are read at a time, so that neither a cancellation nor the memory waits for all.
        """
        done = 0
        with ThreadPoolExecutor(_READERS) as readers:
            for i in range(0, len(self.bars), _AT_A_TIME):
                some = self.bars[i : i + _AT_A_TIME]
                for table in readers.map(lambda file: read_bars(file, self.layout), some):
                    number = pa.repeat(pa.scalar(done, pa.int32()), table.num_rows)
                    yield table.append_column("file", number)
                    done += 1
                    progress(done / len(self.bars), f"Read {self.bars[done - 1].name}")


def list_files(path: Path, actions: Path | None) -> list[Path]:
    """The file, or those of a folder and the folders in it by name, and the actions' file.

    Raises BadInput for a path that is not there and for a folder without data.
    """
    files = _inside(path) if path.is_dir() else [path]
    if actions is not None and actions not in files:
        files.append(actions)
    for file in files:
        if not file.is_file():
            raise BadInput("data", f"{file} does not exist.", "Check the path.")
    return files


def stamp_of(files: Sequence[Path]) -> Stamp:
    stats = ((file, file.stat()) for file in files)
    return tuple((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats)


def open_folder(path: Path, files: Sequence[Path]) -> Folder:
    """The headers of ``files`` and their corporate actions; ``path`` is what the user named.

    Raises BadInput naming the file for one that cannot be read or does not belong to the others.
    """
    stamp = stamp_of(files)
    tables = [open_table(file, _shown(path, file)) for file in files]
    layouts = [layout_of(table) for table in tables]
    actions = [t for t, layout in zip(tables, layouts, strict=True) if layout is ACTIONS]
    bars = [t for t, layout in zip(tables, layouts, strict=True) if layout is not ACTIONS]
    kinds = [layout for layout in layouts if layout is not ACTIONS]
    if not bars:
        raise bad_file(actions[0].name, "holds corporate actions and no bars.", "Add the bars.")
    for file, kind in zip(bars, kinds, strict=True):
        _check_alike(bars[0], kinds[0], file, kind)
    if len(actions) > 1:
        raise bad_file(
            actions[1].name, f"and {actions[0].name} both hold corporate actions.", "Keep one."
        )
    return Folder(
        path.resolve(), stamp, kinds[0], tuple(bars), read_actions(actions[0]) if actions else None
    )


def _inside(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(ENDINGS)
        and path.is_file()
        and not any(step.startswith(".") for step in path.relative_to(folder).parts)
    )
    if not files:
        raise BadInput(
            "data",
            f"the folder {folder.name} holds no file ending in {', '.join(ENDINGS)}.",
            "Give a file or a folder of daily bars.",
        )
    if len(files) > MOST_FILES:
        raise BadInput(
            "data",
            f"the folder {folder.name} holds {len(files):,} files; {MOST_FILES:,} can be read.",
            "Give the folder of the bars only.",
        )
    return files


def _check_alike(first: TableFile, layout: Layout, file: TableFile, other: Layout) -> None:
    """BadInput unless both files have one layout, and both or none an adjusted close."""
    if other is not layout:
        raise bad_file(
            file.name,
            f"has the layout '{other.name}' and {first.name} '{layout.name}'.",
            "Files of one folder must have one layout: separate them.",
        )
    if ("adj_close" in file.columns) != ("adj_close" in first.columns):
        having, lacking = (file, first) if "adj_close" in file.columns else (first, file)
        raise bad_file(
            having.name,
            f"has a column adj_close and {lacking.name} has none.",
            "Files of one folder must be adjusted alike: separate them.",
        )


def _shown(path: Path, file: Path) -> str:
    """A file's name as shown: from the folder's own name on, never the whole path."""
    return str(file.relative_to(path.parent)) if path in file.parents else file.name
