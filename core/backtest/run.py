"""Run a backtest: bars in, decisions, accounting, metrics out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.backtest.accounting import Books, empty_books, simulate
from core.backtest.caution import notes_of, warnings_of
from core.backtest.market import carry_of, moves_of, read_market, terms_of
from core.backtest.result import Backtest, BenchmarkSeries, Result, trades_of
from core.backtest.settings import BacktestSettings
from core.backtest.span import choose_span
from core.calendar import Sessions, calendar, period_starts
from core.errors import BadInput
from core.flow.binding import bind
from core.flow.compile import compile_flow
from core.flow.evaluate import carried, decide, observe
from core.flow.layout import FindStrategy
from core.flow.nodes import (
    Benchmark,
    Costs,
    Flow,
    Rebalance,
    StrategyBenchmark,
    VariableValue,
    is_variable,
)
from core.flow.variables import variable_value
from core.market.bars import Bars, Float
from core.market.source import MarketSource, Progress, silent
from core.metrics.measure import in_order, measure, measure_trading


def run_backtest(
    flow: Flow,
    source: MarketSource,
    settings: BacktestSettings | None = None,
    *,
    find: FindStrategy | None = None,
    progress: Progress = silent,
) -> Backtest:
    """Backtest ``flow`` on the bars of ``source``.

    ``find`` looks up strategies the flow refers to. ``progress`` is told what is being done and
    may raise Cancelled to stop.

    Raises BadInput (FlowInvalid, UnknownName, RangeUnavailable, BadData …) for what the user can
    mend, Unavailable and NeedsOperator as the source does.
    """
    settings = settings or BacktestSettings()
    binding = bind(compile_flow(flow, find), settings.variables, "variables")
    against = benchmark_of(flow, settings, binding.values)
    symbols = list(binding.symbols)
    if isinstance(against, str) and against not in symbols:
        symbols.append(against)
    if not symbols:
        raise BadInput("root", "the flow names no symbol.", "Add an asset.")
    market = read_market(flow, symbols, source, settings, progress)
    bars = market.bars

    progress(0.8, "Deciding")
    seen = observe(binding, bars, market.signals)
    span = choose_span(settings, seen, bars)
    decisions = decide(seen, span.first)

    progress(0.9, "Accounting")
    rebalance = settings.rebalance or flow.rebalance
    costs = settings.costs(flow.costs)
    targets, due = in_force(decisions.weights[span.first :], bars.sessions[span.first :], rebalance)
    carry = carry_of(source, binding.held, bars, span.first)
    terms = terms_of(settings, costs, rebalance, bars)
    moves = moves_of(bars, binding.held, span.first, carry, terms.next_open)
    books = empty_books(*targets.shape)
    simulate(
        targets, due, moves.session, moves.overnight, moves.intraday, moves.carry, terms, books
    )
    benchmark = benchmark_series(against, bars, span.first, source, settings, find)
    sessions = bars.sessions[span.first :]
    metrics, benchmark_metrics = _measure(books, benchmark, bars, sessions, settings, costs)
    progress(1.0, "Done")
    result = Result(
        flow=flow,
        settings=settings,
        costs=costs,
        rebalance=rebalance,
        provenance=bars.provenance,
        calendar=bars.calendar,
        data_digest=bars.digest(),
        findings=bars.findings,
        sessions=sessions,
        symbols=binding.held,
        weights=targets,
        returns=books.returns,
        equity=books.equity,
        turnover=books.turnover,
        trades=trades_of(books, moves.prices),
        benchmark=benchmark,
        metrics=metrics,
        benchmark_metrics=benchmark_metrics,
        warnings=tuple(warnings_of(seen, decisions, bars, books, carry, against, benchmark)),
        notes=tuple(notes_of(span, bars)),
    )
    return Backtest(result, books, moves, terms, seen, span.first)


# -- decisions and accounting --------------------------------------------------------------------


def in_force(
    weights: Float, sessions: np.ndarray, rebalance: Rebalance
) -> tuple[Float, np.ndarray]:
    """The decision in force after each session [T, N], and which sessions decide [T].

    Between the sessions that decide, the last decision stays in force.
    """
    due = period_starts(sessions, rebalance.every)
    rows = np.maximum.accumulate(np.where(due, np.arange(len(due)), 0))
    return np.ascontiguousarray(weights[rows]), due


# -- benchmark and metrics -----------------------------------------------------------------------


def benchmark_of(
    flow: Flow, settings: BacktestSettings, values: Mapping[str, VariableValue]
) -> Benchmark | None:
    """What to compare with: the settings' choice, or the flow's, its variable filled in."""
    chosen = flow.benchmark if settings.benchmark is None else settings.benchmark
    if chosen == "none" or chosen is None:
        return None
    if isinstance(chosen, str) and is_variable(chosen):
        return str(variable_value(values, chosen, "benchmark"))
    return chosen


def benchmark_series(
    against: Benchmark | None,
    bars: Bars,
    first: int,
    source: MarketSource,
    settings: BacktestSettings,
    find: FindStrategy | None,
) -> BenchmarkSeries | None:
    """The benchmark over the backtest's sessions; None if it does not reach back to the first."""
    if against is None:
        return None
    if isinstance(against, StrategyBenchmark):
        return _strategy_benchmark(against, bars, first, source, settings, find)
    close = carried(bars.close[:, [bars.column(against)]])[first:, 0]
    if np.isnan(close[0]):
        return None
    returns = np.zeros(len(close))
    returns[1:] = close[1:] / close[:-1] - 1
    return BenchmarkSeries(against, returns, np.cumprod(1 + returns, dtype=np.float64))


def _strategy_benchmark(
    against: StrategyBenchmark,
    bars: Bars,
    first: int,
    source: MarketSource,
    settings: BacktestSettings,
    find: FindStrategy | None,
) -> BenchmarkSeries:
    """A strategy as benchmark: its own schedule and costs, over the same sessions."""
    if find is None:
        name = against.strategy
        raise BadInput("benchmark", f"strategy '{name}' cannot be looked up here.", "Import it.")
    request = BacktestSettings(
        start=bars.sessions[first].item(),
        end=bars.sessions[-1].item(),
        benchmark="none",
        execution=settings.execution,
        cash_rate=settings.cash_rate,
        borrow_rate=settings.borrow_rate,
    )
    other = run_backtest(find(against.strategy), source, request, find=find).result
    return BenchmarkSeries(other.flow.name, other.returns, other.equity)


def _measure(
    books: Books,
    benchmark: BenchmarkSeries | None,
    bars: Bars,
    sessions: Sessions,
    settings: BacktestSettings,
    costs: Costs,
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of the strategy and of the benchmark; the first session has no return to measure."""
    periods, free = calendar(bars.calendar).periods_per_year, settings.risk_free_rate
    other = None if benchmark is None else benchmark.returns[1:]
    own = measure(
        books.returns[1:], sessions[1:], periods, benchmark=other, risk_free_rate=free
    ) | measure_trading(books.turnover, books.held, costs.total, periods)
    if other is None:
        return in_order(own), {}
    compared = measure(other, sessions[1:], periods, risk_free_rate=free)
    return in_order(own), in_order(compared)
