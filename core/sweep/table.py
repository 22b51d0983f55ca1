"""Results of a sweep as Arrow tables: a row a run, its variables beside its metrics."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
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
