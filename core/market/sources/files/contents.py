"""What a folder holds, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.calendar import Sessions
from core.market.bars import Float
from core.market.source import Progress
from core.market.sources.files.folder import Folder
from core.market.sources.files.table import bad_file


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """One symbol's bars over all files, in file order.

    ``days``    datetime64[D]; ``fields`` float64 by name, all of equal length
    """

    days: Sessions
    fields: Mapping[str, Float]


class Contents(Protocol):
    """All bars of a folder."""

    @property
    def folder(self) -> Folder: ...

    @property
    def fully_adjusted(self) -> bool:
        """Does every bar have an ``adj_close`` equal to its close?"""
        ...

    def symbols(self) -> tuple[str, ...]:
        """All symbols, sorted."""
        ...

    def select(self, symbols: Iterable[str]) -> pa.Table:
        """The bars of ``symbols``, in file order; see ``Folder.tables``."""
        ...


def in_memory(folder: Folder, progress: Progress) -> Contents:
    """The bars of ``folder``, all of them read.

    Raises BadInput naming the file for bars that cannot be read.
    """
    table = pa.concat_tables(folder.tables(progress))
    return _InMemory(folder, table, fully_adjusted(table))


def rows_of(contents: Contents, symbols: Iterable[str]) -> dict[str, Rows]:
    """Each symbol's bars, if there are any.

    Raises BadInput when two files have one on the same date.
    """
    table = contents.select(symbols)
    encoded = table.column("symbol").combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    columns = {
        name: table.column(name).to_numpy()[order]
        for name in table.column_names
        if name != "symbol"
    }
    names = encoded.dictionary.to_pylist()
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
    found: dict[str, Rows] = {}
    for name, start, end in zip(names, edges, edges[1:], strict=False):
        own = {column: values[start:end] for column, values in columns.items()}
        days, files = own.pop("day").astype("datetime64[D]"), own.pop("file")
        _check_apart(contents.folder, name, days, files)
        found[name] = Rows(days, own)
    return found


def _check_apart(folder: Folder, symbol: str, days: Sessions, files: npt.NDArray[np.int32]) -> None:
    order = np.lexsort((files, days))
    same = (days[order][1:] == days[order][:-1]) & (files[order][1:] != files[order][:-1])
    if same.any():
        at = int(np.flatnonzero(same)[0])
        one, two = (folder.bars[int(files[order[k]])].name for k in (at, at + 1))
        raise bad_file(
            two,
            f"and {one} both have {symbol} on {days[order[at]]}.",
            "Files of one folder must not overlap: remove one of them.",
        )


@dataclass(frozen=True, eq=False, slots=True)
class _InMemory:
    folder: Folder
    table: pa.Table
    fully_adjusted: bool

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(pc.unique(self.table.column("symbol")).to_pylist()))

    def select(self, symbols: Iterable[str]) -> pa.Table:
        wanted = pa.array(list(symbols), pa.string())
        return self.table.filter(pc.is_in(self.table.column("symbol"), wanted))


def fully_adjusted(table: pa.Table) -> bool:
    """Does every bar have an adjusted close, equal to its close?"""
    if "adj_close" not in table.column_names:
        return False
    return bool(pc.all(pc.equal(table.column("adj_close"), table.column("close"))).as_py())
