"""Prepare a sweep: read the market, and find out what all of its runs share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.backtest.accounting import Terms
from core.backtest.market import Market, Moves, carry_of, moves_of, read_market, terms_of
from core.backtest.result import BenchmarkSeries
from core.backtest.run import benchmark_of, benchmark_series
from core.backtest.settings import BacktestSettings
from core.backtest.span import span_from
from core.calendar import Sessions, calendar, period_starts
from core.errors import BadData, BadInput, RangeUnavailable, UnknownName
from core.flow.compile import compile_flow
from core.flow.layout import FindStrategy
from core.flow.nodes import Flow, VariableValue, is_variable
from core.flow.variables import merged
from core.market.bars import FIELDS, Bars, Float, Provenance
from core.market.source import MarketSource, Progress, silent
from core.sweep.grid import Grid, refuse_unknown
from core.sweep.observe import observe
from core.sweep.plan import Plan, plan_sweep
from core.sweep.values import Values, resolve


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sweep that is ready to run: everything its runs share.

    Sessions before the first are kept for indicators only; ``moves``, ``due`` and ``in_force``
    begin with the first.

    ``bars``      of every symbol that is held, measured or compared with
    ``columns``   float64 [C, all sessions], rows as ``values.columns``
    ``months``    int8 [all sessions]
    ``priced``    bool [all sessions, N], columns as ``values.held``
    ``due``       bool [T]: sessions that decide
    ``in_force``  uint32 [T]: number, from the first, of the session whose decision is in force
    """

    plan: Plan
    values: Values
    bars: Bars
    sessions: Sessions
    first: int
    columns: Float
    months: npt.NDArray[np.int8]
    priced: npt.NDArray[np.bool_]
    moves: Moves
    due: npt.NDArray[np.bool_]
    in_force: npt.NDArray[np.uint32]
    terms: Terms
    benchmark: BenchmarkSeries | None
    periods: int
    risk_free: float
    notes: tuple[str, ...]

    @property
    def provenance(self) -> Provenance:
        return self.bars.provenance

    @cached_property
    def data_digest(self) -> str:
        """Of all bars. Only what is stored asks for it: it takes longer than a small sweep."""
        return self.bars.digest()

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Of each symbol's bars."""
        return self.bars.digests()


def prepare(
    flow: Flow,
    grid: Grid,
    source: MarketSource,
    settings: BacktestSettings | None = None,
    *,
    find: FindStrategy | None = None,
    progress: Progress = silent,
) -> Prepared:
    """Get ``flow`` ready to be run at the points of ``grid``.

    Every run covers the same sessions: from the start asked for, or else the first on which every
    indicator of every run is known and every symbol can be held. What is wrong with single values
    of a variable is kept as the reason their runs fail.

    Raises BadInput for what is wrong with all runs, and what the source raises.
    """
    settings = settings or BacktestSettings()
    program = compile_flow(flow, find)
    given = merged(program.variables, settings.variables, "--set")
    refuse_unknown(grid, program.variables, "--grid")
    plan = plan_sweep(program, grid)
    values = resolve(plan, given)
    against = benchmark_of(flow, settings, _fixed(flow, grid, given))
    wanted = _symbols(values, against if isinstance(against, str) else None)
    market = _market(flow, values, wanted, source, settings, progress)
    bars = market.bars

    progress(0.85, "Indicators")
    columns, priced, months = observe(values, market)
    known = known_of(columns)
    _refuse_never_known(values, known, priced)
    first, note = _first(values, columns, known, priced, bars, settings)

    sessions = bars.sessions[first:]
    rebalance = settings.rebalance or flow.rebalance
    terms = terms_of(settings, settings.costs(flow.costs), rebalance, bars)
    carry = carry_of(source, values.held, bars, first)
    due = period_starts(sessions, rebalance.every)
    in_force = np.maximum.accumulate(np.where(due, np.arange(len(due)), 0)).astype(np.uint32)
    periods = calendar(bars.calendar).periods_per_year
    return Prepared(
        plan=plan,
        values=values,
        bars=bars,
        sessions=sessions,
        first=first,
        columns=columns,
        months=months,
        priced=priced,
        moves=moves_of(bars, values.held, first, carry, terms.next_open),
        due=due,
        in_force=in_force,
        terms=terms,
        benchmark=benchmark_series(against, bars, first, source, settings, find),
        periods=periods,
        risk_free=(1 + settings.risk_free_rate) ** (1 / periods) - 1,
        notes=(note,) if note else (),
    )


def _fixed(
    flow: Flow, grid: Grid, given: Mapping[str, VariableValue]
) -> Mapping[str, VariableValue]:
    """The variables a benchmark may be named by: every run is compared with the same."""
    named = flow.benchmark
    if isinstance(named, str) and is_variable(named) and named[1:] in grid.axis_of:
        fix = "Choose a benchmark for the sweep."
        raise BadInput("benchmark", f"'{named[1:]}' is swept and names the benchmark.", fix)
    return given


def _symbols(values: Values, benchmark: str | None) -> list[str]:
    """Every symbol that is held, measured or compared with, in that order."""
    named = dict.fromkeys(values.held)
    for spec, _ in values.columns:
        named.update(dict.fromkeys(spec.symbols))
    if benchmark is not None:
        named[benchmark] = None
    if not named:
        raise BadInput("root", "the flow names no symbol.", "Add an asset.")
    return list(named)


def _market(
    flow: Flow,
    values: Values,
    symbols: list[str],
    source: MarketSource,
    settings: BacktestSettings,
    progress: Progress,
) -> Market:
    """The bars of ``symbols``; one that only some runs name and the source lacks fails these."""
    try:
        return read_market(flow, symbols, source, settings, progress)
    except (UnknownName, BadData, RangeUnavailable):
        lacking = _lacking(values, symbols, source)
        if not lacking:
            raise
    rest = [symbol for symbol in symbols if symbol not in lacking]
    _fail(values, lacking)
    market = read_market(flow, rest, source, settings, progress)
    signals = None if market.signals is None else _with_empty(market.signals, lacking)
    return Market(_with_empty(market.bars, lacking), signals)


def _with_empty(bars: Bars, symbols: Iterable[str]) -> Bars:
    """The bars with a column without any bar for each of ``symbols``."""
    names = tuple(symbols)
    nothing = np.full((len(bars), len(names)), np.nan)
    fields: dict[str, Any] = {name: np.hstack([getattr(bars, name), nothing]) for name in FIELDS}
    return replace(bars, symbols=(*bars.symbols, *names), **fields)


def _lacking(values: Values, symbols: list[str], source: MarketSource) -> dict[str, str]:
    """The symbols that runs may do without and the source cannot deliver, and why."""
    fixed = {
        symbol
        for part, column in zip(values.plan.assets, values.asset, strict=True)
        for symbol in (values.held[column[0]],)
        if not part.axes
    }
    found: dict[str, str] = {}
    for symbol in symbols:
        try:
            source.bars([symbol])
        except BadInput as err:
            if symbol in fixed:
                raise
            found[symbol] = str(err)
    return found


def _fail(values: Values, lacking: Mapping[str, str]) -> None:
    """Note as failed every combination that names a symbol the source lacks."""
    for part, column in zip(values.plan.assets, values.asset, strict=True):
        named = {n: lacking.get(values.held[c]) for n, c in enumerate(column.tolist())}
        failed = {n: text for n, text in named.items() if text}
        if failed and not part.axes:
            raise BadInput("symbols", next(iter(failed.values())), "Choose another source.")
        values.reasons.add(part, failed)
    bad = {
        row: lacking[symbol]
        for row, (spec, _) in enumerate(values.columns)
        for symbol in spec.symbols
        if symbol in lacking
    }
    _fail_columns(values, bad)


def _fail_columns(values: Values, bad: Mapping[int, str]) -> None:
    """Note as failed every combination that reads one of these columns."""
    for part, column in zip(values.plan.slots, values.column, strict=True):
        read = {n: bad[row] for n, row in enumerate(column.tolist()) if row in bad}
        if read and not part.axes:
            raise BadInput("symbols", next(iter(read.values())), "")
        values.reasons.add(part, read)


class Known(NamedTuple):
    """``ever`` bool [C]: columns that are known at all; ``all_at`` bool [T]: when all these are."""

    ever: npt.NDArray[np.bool_]
    all_at: npt.NDArray[np.bool_]


def known_of(columns: Float) -> Known:
    """What is known of columns [C, T], a few at a time: they may be more than a gigabyte."""
    ever = np.zeros(len(columns), dtype=np.bool_)
    all_at = np.ones(columns.shape[1], dtype=np.bool_)
    for begin in range(0, len(columns), 64):
        known = ~np.isnan(columns[begin : begin + 64])
        ever[begin : begin + 64] = known.any(axis=1)
        all_at &= known[ever[begin : begin + 64]].all(axis=0)
    return Known(ever, all_at)


def _refuse_never_known(values: Values, known: Known, priced: npt.NDArray[np.bool_]) -> None:
    """A column that is never known, a symbol without a bar: they fail the runs that need them."""
    empty = {
        values.held[i]: f"{values.held[i]} has no bar." for i in np.flatnonzero(~priced.any(0))
    }
    if empty:
        _fail(values, empty)
    never = np.flatnonzero(~known.ever).tolist()
    _fail_columns(
        values,
        {
            row: f"{column_name(values, row)} is never known: the history is too short."
            for row in never
        },
    )


def column_name(values: Values, row: int) -> str:
    """A column in words."""
    spec, _ = values.columns[row]
    if isinstance(spec.subject, str):
        return spec.text(spec.subject)
    root = values.plan.program.inner[spec.subject]
    return spec.text(values.plan.program.nodes[root].name or values.plan.program.paths[root])


def _first(
    values: Values,
    columns: Float,
    known: Known,
    priced: npt.NDArray[np.bool_],
    bars: Bars,
    settings: BacktestSettings,
) -> tuple[int, str]:
    """The first session of every run, and why it is that one if nobody asked."""
    listed = priced.any(axis=0)
    found = np.flatnonzero(known.all_at & priced[:, listed].all(axis=1))
    at = int(found[0]) if len(found) else len(bars)

    def why() -> str:
        if at == 0:
            return ""
        late = np.flatnonzero(known.ever & np.isnan(columns[:, at - 1]))
        if len(late):
            what = column_name(values, int(late[0]))
        else:
            what = values.held[int(np.flatnonzero(listed & ~priced[at - 1])[0])]
        return f"Every run starts on {bars.sessions[at]}, the first session {what} is known."

    span = span_from(settings, bars, at, why)
    return span.first, span.note
