"""The runs of sweeps: one table a sweep, plain float columns, written by binary COPY.

A run's variables are not stored: they are the digits of its index on the grid. A sweep that goes
takes its table with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.schema import CreateTable

from core.db.run_values import medians, read_values, runs_between
from core.db.session import transaction
from core.errors import NeedsOperator
from core.library.sweeps import Filter, Reuse
from core.market.bars import Float
from core.sweep.grid import Grid
from core.sweep.heatmap import Aggregate
from core.sweep.kernel import METRICS
from core.sweep.run import Measured

NAN: ColumnElement[float] = literal_column("'NaN'::real")
"""What equals an undefined metric, in Postgres."""
FAR_DOWN = 20_000
"""Where a page begins that is quicker found here: Postgres sorts all before it, on one core."""
MOST_LISTED = 10_000
"""Runs that are quicker named than found: each is looked up in the index."""
MOST_EXPRESSIONS = 8
"""Postgres keeps statistics of so many together."""


def table_of(number: int) -> Table:
    """The table of one sweep's runs."""
    return Table(
        f"sweep_{number}",
        MetaData(),
        Column("run", BigInteger, nullable=False),
        Column("reason", SmallInteger, nullable=False),
        *(Column(name, REAL, nullable=False) for name in METRICS),
        schema="runs",
    )


def create(db: Connection, number: int) -> None:
    db.execute(CreateTable(table_of(number)))


def drop(db: Connection, number: int) -> None:
    db.execute(text(f'DROP TABLE IF EXISTS runs."sweep_{int(number)}"'))


def index(db: Connection, number: int, grid: Grid) -> None:
    """Make runs quick to find and to group; done once they are all there.

    How many values the digits have is told to the planner: without that it takes a group for each
    run for likely, and does not put a heatmap together on several cores.
    """
    name = f'runs."sweep_{int(number)}"'
    db.execute(text(f"ALTER TABLE {name} ADD PRIMARY KEY (run)"))
    digits = [
        f"((run / {weight}) % {length})::int"
        for weight, length in zip(grid.weights(), grid.shape, strict=True)
        if length > 1
    ]
    if len(digits) > 1:
        expressions = ", ".join(f"({digit})" for digit in digits[:MOST_EXPRESSIONS])
        statistics = f'runs."sweep_{int(number)}_digits"'
        db.execute(text(f"CREATE STATISTICS {statistics} (ndistinct) ON {expressions} FROM {name}"))
    db.execute(text(f"ANALYZE {name}"))


def digit_of(run: ColumnElement[int], weight: int, length: int) -> ColumnElement[int]:
    """Which value an axis has in a run: whole-number arithmetic, as in the statistics.

    The numbers are part of the statement, not parameters: the planner compares expressions.
    """
    share = run.op("/")(literal_column(str(weight))).op("%")(literal_column(str(length)))
    return cast(share, Integer)


def copy_in(db: Connection, number: int, found: Measured) -> None:
    """Write some runs, in the transaction of ``db``."""
    driver: Any = db.connection.driver_connection
    statement = sql.SQL("COPY runs.{} FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(f"sweep_{number}")
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        copy.write(_rows(found))
        copy.write(_TRAILER)


def copy_from(db: Connection, number: int, reuse: Reuse) -> None:
    """Take runs over from another sweep, in the transaction of ``db``."""
    db.execute(text("CREATE TEMPORARY TABLE reused (old bigint, new bigint) ON COMMIT DROP"))
    pairs = np.empty(len(reuse.new), dtype=_PAIR)
    pairs["fields"], pairs["old_bytes"], pairs["new_bytes"] = 2, 8, 8
    pairs["old"], pairs["new"] = reuse.old, reuse.new
    driver: Any = db.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY reused FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_HEADER)
        copy.write(memoryview(pairs.view(np.uint8)))  # type: ignore[arg-type]
        copy.write(_TRAILER)
    db.execute(text("ANALYZE reused"))
    own, other = table_of(number), table_of(reuse.number)
    reused = Table("reused", MetaData(), Column("old", BigInteger), Column("new", BigInteger))
    metrics = [other.c[name] for name in METRICS]
    taken = select(reused.c.new, other.c.reason, *metrics).join_from(
        reused, other, other.c.run == reused.c.old
    )
    db.execute(own.insert().from_select(["run", "reason", *METRICS], taken))
    if db.execute(select(func.count()).select_from(own)).scalar_one() != len(reuse.new):
        raise NeedsOperator(
            f"Sweep {reuse.number} lacks runs it should have: delete it, then start this one again."
        )


# PostgreSQL's binary COPY: a header, rows of fields with their lengths, a trailer.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_ROW = np.dtype(
    [("fields", ">i2"), ("run_bytes", ">i4"), ("run", ">i8"), ("reason_bytes", ">i4"),
     ("reason", ">i2"), ("metrics", np.dtype([("bytes", ">i4"), ("value", ">f4")]), len(METRICS))]
)  # fmt: skip


_PAIR = np.dtype(
    [("fields", ">i2"), ("old_bytes", ">i4"), ("old", ">i8"), ("new_bytes", ">i4"), ("new", ">i8")]
)


def _rows(found: Measured) -> memoryview:
    rows = np.empty(len(found.points), dtype=_ROW)
    rows["fields"], rows["run_bytes"], rows["reason_bytes"] = 2 + len(METRICS), 8, 2
    rows["run"], rows["reason"] = found.points, found.reason
    rows["metrics"]["bytes"] = 4
    with np.errstate(over="ignore"):
        rows["metrics"]["value"] = found.metrics
    return memoryview(rows.view(np.uint8))  # type: ignore[arg-type]


class Runs:
    """Questions to the runs of one sweep. Every method is one transaction."""

    def __init__(self, engine: Engine, number: int, grid: Grid) -> None:
        self._engine = engine
        self._grid = grid
        self._table = table_of(number)

    def page(
        self,
        by: str = "run",
        *,
        descending: bool = False,
        filters: Sequence[Filter] = (),
        values: Mapping[str, int] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> Measured:
        """Some runs in the order of a metric, undefined ones last; equal ones by their index."""
        column, run = self._table.c[by], self._table.c.run
        order = [column.desc() if descending else column.asc(), run]
        if by != "run":
            order.insert(0, (column == NAN).asc())
        wanted = self._wanted(filters, values)
        # First which, then all of them: sorting would otherwise carry every metric along.
        which = select(run).where(wanted).order_by(*order).limit(limit).offset(offset)
        with transaction(self._engine) as db:
            _in_memory(db)
            if by == "run" or offset < FAR_DOWN:
                numbers = list(db.scalars(which))
            else:
                known = read_values(db, run, column, wanted)
                between = runs_between(known, offset, offset + limit, descending=descending)
                numbers = between.tolist()
            rows = db.execute(select(self._table).where(run.in_(numbers))).all()
        place = {number: i for i, number in enumerate(numbers)}
        return _measured(sorted(rows, key=lambda row: place[row[0]]))

    def count(self, filters: Sequence[Filter] = (), values: Mapping[str, int] | None = None) -> int:
        """How many runs the filters keep."""
        query = select(func.count()).select_from(self._table)
        with transaction(self._engine) as db:
            return db.execute(query.where(self._wanted(filters, values))).scalar_one()

    def at(self, run: int) -> Measured:
        """One run, or none."""
        with transaction(self._engine) as db:
            return _measured(db.execute(select(self._table).where(self._table.c.run == run)).all())

    def pivot(
        self, x: str, y: str, metric: str, how: Aggregate, slices: Mapping[str, int] | None = None
    ) -> Float:
        """A metric over two variables [values of y, values of x]; NaN where there is no run.

        ``slices`` holds other variables at one of their values, by its number; over the rest the
        metric is aggregated.
        """
        column = self._table.c[metric]
        wanted = and_(column != NAN, self._wanted((), slices))
        shape = len(self._axis(y).values), len(self._axis(x).values)
        if how == "median":
            with transaction(self._engine) as db:
                read = read_values(db, self._table.c.run, column, wanted)
            across, down = (self._place(name) for name in (x, y))
            cells = read.runs // down[0] % down[1] * shape[1] + read.runs // across[0] % across[1]
            return medians(cells, read.values, prod(shape)).reshape(shape)
        value = {"mean": func.avg(column), "min": func.min(column), "max": func.max(column)}[how]
        query = (
            select(self._digit(x), self._digit(y), value)
            .where(wanted)
            .group_by(text("1"), text("2"))
        )
        found = np.full(shape, np.nan)
        with transaction(self._engine) as db:
            _in_memory(db)
            for i, j, one in db.execute(query):
                found[j, i] = one
        return found

    def summary(self, metric: str) -> dict[str, float]:
        """How a metric spreads over all runs that have it, and the share profitable.

        ``smallest``, ``q05``, ``q25``, ``median``, ``q75``, ``q95``, ``largest``; ``known`` runs
        and their ``deviation``; ``profitable`` of all that have a total return.
        """
        column, earned = self._table.c[metric], self._table.c.total_return
        known = column != NAN
        quantiles = func.percentile_cont(array([0.05, 0.25, 0.5, 0.75, 0.95], type_=Double))
        query = select(
            func.min(column).filter(known),
            func.max(column).filter(known),
            func.count().filter(known),
            func.stddev_samp(column).filter(known),
            func.avg(case((earned > 0, 1.0), else_=0.0)).filter(earned != NAN),
            quantiles.within_group(column).filter(known),
        )
        names = ("smallest", "largest", "known", "deviation", "profitable",
                 "q05", "q25", "median", "q75", "q95")  # fmt: skip
        with transaction(self._engine) as db:
            _in_memory(db)
            *row, inner = db.execute(query).one()
        values = [*row, *(inner or [None] * 5)]
        return {n: nan if v is None else float(v) for n, v in zip(names, values, strict=True)}

    def top_values(self, metric: str, *, descending: bool, share: float = 0.01) -> dict[str, Float]:
        """For each variable, how the best ``share`` of runs spreads over its values (sums to 1)."""
        column, run = self._table.c[metric], self._table.c.run
        known = self.count((Filter(metric),))
        best = select(run).where(column != NAN).limit(max(1, int(known * share)))
        with transaction(self._engine) as db:
            _in_memory(db)
            order = column.desc() if descending else column.asc()
            points = np.array(db.scalars(best.order_by(order, run)).all(), dtype=np.int64)
        digits = self._grid.digits(points)
        return {
            axis.label: np.bincount(digits[:, i], minlength=len(axis.values)) / max(len(digits), 1)
            for i, axis in enumerate(self._grid.axes)
        }

    def stream(self, *, batch: int = 20_000) -> Iterator[Measured]:
        """Every run, batch by batch, read from the server as it is asked for."""
        with transaction(self._engine) as db:
            result = db.execution_options(yield_per=batch).execute(
                select(self._table).order_by(self._table.c.run)
            )
            for rows in result.partitions():
                yield _measured(rows)

    # -- conditions ----------------------------------------------------------------------------

    def _axis(self, name: str) -> Any:
        return self._grid.axes[self._grid.axis_of[name]]

    def _digit(self, name: str) -> ColumnElement[int]:
        """Which value a variable has in a run: a digit of the run's index."""
        return digit_of(self._table.c.run, *self._place(name))

    def _place(self, name: str) -> tuple[int, int]:
        """Weight and number of values of a variable in a run's index."""
        i = self._grid.axis_of[name]
        return self._grid.weights()[i], self._grid.shape[i]

    def _wanted(
        self, filters: Sequence[Filter], values: Mapping[str, int] | None
    ) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = [true()]
        for one in filters:
            column = self._table.c[one.metric]
            conditions.append(column != NAN)
            if one.low is not None:
                conditions.append(column >= one.low)
            if one.high is not None:
                conditions.append(column <= one.high)
        if values and self._grid.size_at(values) <= MOST_LISTED:
            points = bindparam("points", self._grid.points_at(values).tolist(), ARRAY(BigInteger))
            conditions.append(self._table.c.run == any_(points))
        else:
            conditions += [self._digit(name) == digit for name, digit in (values or {}).items()]
        return and_(*conditions)


def _in_memory(db: Connection) -> None:
    """Let this transaction sort and group in memory: the default of 4 MB goes to the disk.

    Without compiling, which takes longer than it saves in questions of less than a second.
    """
    db.execute(text("SET LOCAL work_mem = '256MB'; SET LOCAL jit = off"))


def _measured(rows: Sequence[Any]) -> Measured:
    table: npt.NDArray[np.float64] = np.array([tuple(row) for row in rows], dtype=np.float64)
    table = table.reshape(len(rows), 2 + len(METRICS))
    return Measured(
        points=np.array([row[0] for row in rows], dtype=np.int64),
        metrics=table[:, 2:],
        reason=table[:, 1].astype(np.int16),
    )
