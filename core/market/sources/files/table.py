"""One file as a table: its container told by its first bytes, its columns by their names.

CSV, gzipped CSV and Parquet. What cannot be read is a BadInput that names the file, and the line
where there is one; lines are counted as an editor counts them, the header being line 1.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from core.errors import BadInput
from core.market.bars import Float

Container = Literal["parquet", "gzip", "csv"]
_UNREADABLE = (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error)
_LONGEST_HEADER = 1 << 16  # bytes


def bad_file(name: str, message: str, fix: str = "") -> BadInput:
    """The error for a file that cannot be used as it is."""
    return BadInput("data", f"{name} {message}", fix)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file whose header is read, and nothing else.

    ``name``     as shown to the user
    ``columns``  tidied names (lower case, underscores) to the names in the file
    """

    path: Path
    name: str
    container: Container
    columns: Mapping[str, str]

    def read(self, numbers: Iterable[str], texts: Iterable[str], others: Iterable[str]) -> pa.Table:
        """The columns asked for, under their tidied names, in file order.

        ``numbers`` become float64 with null where empty, ``texts`` strings; ``others`` keep the
        type they have or look like.
        """
        numbers, texts = list(numbers), list(texts)
        wanted = [*numbers, *texts, *others]
        try:
            if self.container == "parquet":
                table = pq.read_table(self.path, columns=[self.columns[c] for c in wanted])
            else:
                table = self._read_csv(wanted, numbers, texts)
        except _UNREADABLE as err:
            raise self._explain(numbers, err) from err
        table = table.select([self.columns[c] for c in wanted]).rename_columns(wanted)
        for column in (*numbers, *texts):
            kind = pa.float64() if column in numbers else pa.string()
            table = self._cast(table, column, kind)
        return table

    def line(self, row: int) -> str:
        """How to find row number ``row`` (from 0): ``line 2``, or ``row 1`` in Parquet."""
        return f"row {row + 1}" if self.container == "parquet" else f"line {row + 2}"

    def _read_csv(self, wanted: list[str], numbers: list[str], texts: list[str]) -> pa.Table:
        kinds = {self.columns[c]: pa.float64() for c in numbers}
        kinds |= {self.columns[c]: pa.string() for c in texts}
        with self._open() as stream:
            return pacsv.read_csv(
                stream,
                convert_options=pacsv.ConvertOptions(
                    include_columns=[self.columns[c] for c in wanted],
                    column_types=kinds,
                    strings_can_be_null=False,
                ),
            )

    def _open(self) -> IO[bytes]:
        compression = "gzip" if self.container == "gzip" else None
        return cast("IO[bytes]", pa.input_stream(str(self.path), compression=compression))

    def _cast(self, table: pa.Table, column: str, kind: pa.DataType) -> pa.Table:
        at = table.schema.get_field_index(column)
        values = table.column(at)
        if values.type == kind:
            return table
        try:
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            return table.set_column(at, column, values.cast(kind, safe=False))
        except pa.ArrowException as err:
            raise bad_file(
                self.name, f"column '{column}' holds {values.type}, not {_plain(kind)}."
            ) from err

    def _explain(self, numbers: list[str], err: Exception) -> BadInput:
        """Why the file could not be read: the first line at fault, if one is."""
        if self.container != "parquet" and isinstance(err, pa.ArrowException):
            try:
                fault = self._first_fault(numbers)
            except _UNREADABLE as worse:
                err = worse
            else:
                if fault is not None:
                    return fault
        return bad_file(self.name, f"cannot be read: {_first_sentence(err)}", "Mend or replace it.")

    def _first_fault(self, numbers: list[str]) -> BadInput | None:
        with self._open() as stream:
            lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
            header = next(lines)
            places = {c: header.index(self.columns[c]) for c in numbers}
            for cells in lines:
                if cells and len(cells) != len(header):
                    return bad_file(
                        self.name,
                        f"line {lines.line_num} has {len(cells)} values, the header has "
                        f"{len(header)}.",
                        "Mend that line.",
                    )
                for column, place in places.items():
                    if cells and not _is_number(cells[place]):
                        return bad_file(
                            self.name,
                            f"line {lines.line_num}, column '{column}': '{cells[place]}' is not "
                            "a number.",
                            "Write numbers like 1234.5, and nothing where one is unknown.",
                        )
        return None


def open_table(path: Path, name: str) -> TableFile:
    """The file's container and columns.

    Raises BadInput for one that is empty, cannot be read, or names a column twice.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        container: Container = (
            "parquet" if start == b"PAR1" else "gzip" if start[:2] == b"\x1f\x8b" else "csv"
        )
        names = (
            pq.read_schema(path).names
            if container == "parquet"
            else _header(path, packed=container == "gzip")
        )
    except _UNREADABLE as err:
        raise bad_file(
            name, f"cannot be read: {_first_sentence(err)}", "Mend or replace it."
        ) from err
    if not any(names):
        raise bad_file(name, "is empty.", "Give a file with a header and bars.")
    columns: dict[str, str] = {}
    for column in names:
        tidied = "_".join(column.strip().lower().split())
        if tidied in columns:
            raise bad_file(name, f"has two columns '{tidied}'.", "Remove or rename one.")
        columns[tidied] = column
    return TableFile(path, name, container, columns)


def _header(path: Path, *, packed: bool) -> list[str]:
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER)
    return next(csv.reader([line.decode("utf-8-sig")]), [])


def float_column(table: pa.Table, column: str) -> Float:
    """A number column as float64, NaN where it is empty."""
    values: Float = table.column(column).to_numpy()
    return values


def _is_number(cell: str) -> bool:
    if cell in pacsv.ConvertOptions().null_values:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_000, nobody else does


def _plain(kind: pa.DataType) -> str:
    return "numbers" if kind == pa.float64() else "text"


def _first_sentence(err: Exception) -> str:
    text = str(err).strip().splitlines()
    return (text[0].rstrip(".") if text else type(err).__name__) + "."
