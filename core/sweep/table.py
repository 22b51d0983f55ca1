"""Results of a sweep as Arrow tables: a row a run, its variables beside its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from core.sweep.grid import Grid
from core.sweep.kernel import METRICS
from core.sweep.run import Measured


def table_of(grid: Grid, found: Measured, reasons: tuple[str, ...]) -> pa.Table:
    """``run``, the variables, the metrics (null where undefined) and why a run failed."""
    columns: dict[str, pa.Array] = {"run": pa.array(found.points)}
    for name in grid.axis_of:
        columns[name] = pa.array(grid.column(name, found.points).tolist())
    for i, name in enumerate(METRICS):
        columns[_free(name, columns)] = pa.array(found.metrics[:, i], from_pandas=True)
    texts = np.array(["", *reasons], dtype=object)[found.reason]
    columns["reason"] = pa.array([text or None for text in texts], pa.string())
    return pa.table(columns)


def _free(name: str, taken: dict[str, pa.Array]) -> str:
    """A metric's name, told apart from a variable that is called the same."""
    return f"metric_{name}" if name in taken else name


class ParquetFile:
    """A Parquet file that results are written to as they come."""

    def __init__(self, path: Path, grid: Grid, reasons: tuple[str, ...]) -> None:
        self._path, self._grid, self._reasons = path, grid, reasons
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> ParquetFile:
        return self

    def add(self, found: Measured) -> None:
        table = table_of(self._grid, found, self._reasons)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if error is not None:
            self._path.unlink(missing_ok=True)


class _Pipe:
    """A file that forgets what was taken out of it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def csv_chunks(grid: Grid, parts: Iterable[Measured], reasons: tuple[str, ...]) -> Iterator[bytes]:
    """The parts as CSV, piece by piece."""
    head = True
    for part in parts:
        pipe = pa.BufferOutputStream()
        csv.write_csv(table_of(grid, part, reasons), pipe, csv.WriteOptions(include_header=head))
        yield pipe.getvalue().to_pybytes()
        head = False


def parquet_chunks(
    grid: Grid, parts: Iterable[Measured], reasons: tuple[str, ...]
) -> Iterator[bytes]:
    """The parts as one Parquet file, piece by piece: a row group for each part."""
    pipe, writer = _Pipe(), None
    for part in parts:
        table = table_of(grid, part, reasons)
        if writer is None:
            writer = pq.ParquetWriter(pa.PythonFile(pipe, "w"), table.schema, compression="zstd")
        writer.write_table(table)
        yield pipe.take()
    if writer is not None:
        writer.close()
    yield pipe.take()


Chunks = Callable[[Grid, Iterable[Measured], tuple[str, ...]], Iterator[bytes]]
FORMATS: dict[str, tuple[str, Chunks]] = {
    "csv": ("text/csv", csv_chunks),
    "parquet": ("application/vnd.apache.parquet", parquet_chunks),
}
"""File formats of a sweep's runs: media type, and what makes it."""
