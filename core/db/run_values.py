"""One metric of very many runs, read at once and put in order here.

What needs all values in order, a median for each cell or a page far down, Postgres sorts on one
core and carries rows along. It hands over a column as one array, in its binary form, in a fraction
of that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, func, select

from core.market.bars import Float
from core.sweep.grid import Index

_HEADER = 20  # bytes of an array of one dimension before its elements


class RunValues(NamedTuple):
    """A metric of some runs, in no order: ``runs`` int64 [n], ``values`` float32 [n]."""

    runs: Index
    values: npt.NDArray[np.float32]


def read_values(
    db: Connection,
    run: ColumnElement[int],
    metric: ColumnElement[float],
    wanted: ColumnElement[bool],
) -> RunValues:
    """The ``metric`` of the runs that are ``wanted``."""
    query = select(func.array_agg(run), func.array_agg(metric)).where(wanted)
    statement = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    driver: Any = db.connection.driver_connection
    with driver.cursor(binary=True) as cursor:
        cursor.execute(str(statement).replace("%%", "%"))
        runs, values = (cursor.pgresult.get_value(0, i) for i in (0, 1))
    return RunValues(
        _elements(runs, ">i8").astype(np.int64), _elements(values, ">f4").astype(np.float32)
    )


def _elements(array: bytes | None, kind: str) -> npt.NDArray[Any]:
    """The elements of an array none of which is NULL; of no rows Postgres makes none."""
    element = np.dtype([("bytes", ">i4"), ("value", kind)])
    return np.frombuffer((array or b"")[_HEADER:], dtype=element)["value"]


def medians(cells: Index, values: npt.NDArray[np.float32], count: int) -> Float:
    """The median of each cell [count]; NaN in those without a value. No value is NaN.

    Cell and value are joined to one whole number, which sorts several times as fast as the two.
    """
    ordered = np.sort((cells << 32) | _sortable(values).astype(np.int64))
    ends = np.cumsum(np.bincount(cells, minlength=count))
    begins = np.concatenate([[0], ends[:-1]])
    found = np.full(count, np.nan)
    some = ends > begins
    total = begins[some] + ends[some]
    middle = [_unsorted((ordered[at] & 0xFFFFFFFF).astype(np.uint32)).astype(np.float64)
              for at in ((total - 1) // 2, total // 2)]  # fmt: skip
    found[some] = (middle[0] + middle[1]) / 2
    return found


def runs_between(found: RunValues, begin: int, end: int, *, descending: bool) -> Index:
    """The runs from place ``begin`` to ``end`` in the order of their values.

    Undefined ones come last, equal ones in the order of the runs. Only what lies about these
    places is sorted.
    """
    end = min(end, len(found.runs))
    if begin >= end:
        return found.runs[:0]
    keys = _sortable(found.values)
    keys = np.where(np.isnan(found.values), np.uint32(0xFFFFFFFF), ~keys if descending else keys)
    first, last = np.partition(keys, (begin, end - 1))[[begin, end - 1]]
    near = np.flatnonzero((keys >= first) & (keys <= last))
    near = near[np.lexsort((found.runs[near], keys[near]))]
    before = begin - int(np.count_nonzero(keys < first))
    return found.runs[near[before : before + end - begin]]


def _sortable(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Whole numbers in the order of ``values``; both zeros are one."""
    bits = (values + np.float32(0.0)).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000))


def _unsorted(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """The values ``_sortable`` made ``numbers`` of."""
    bits = np.where(numbers >> 31, numbers & np.uint32(0x7FFFFFFF), ~numbers)
    return bits.view(np.float32)
