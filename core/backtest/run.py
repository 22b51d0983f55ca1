"""Run a backtest: bars in, decisions, accounting, metrics out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.backtest.accounting import Books, Terms, empty_books, simulate
from core.backtest.caution import notes_of, warnings_of
from core.backtest.funding import daily_funding
from core.backtest.result import Backtest, BenchmarkSeries, Result, trades_of
from core.backtest.settings import BacktestSettings
from core.backtest.span import choose_span, settled
from core.calendar import Sessions, calendar, period_starts
from core.errors import BadInput
from core.flow.binding import Binding, bind
from core.flow.compile import compile_flow
from core.flow.evaluate import carried, decide, observe, session_returns
from core.flow.layout import FindStrategy
from core.flow.nodes import Benchmark, Costs, Flow, Rebalance, StrategyBenchmark, is_variable
from core.flow.variables import variable_value
from core.market.bars import Adjustment, Bars, Float
from core.market.source import MarketSource, PerpetualSource, Progress, silent
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
    against = _benchmark_of(flow, settings, binding)
    symbols = list(binding.symbols)
    if isinstance(against, str) and against not in symbols:
        symbols.append(against)
    if not symbols:
        raise BadInput("root", "the flow names no symbol.", "Add an asset.")
    bars = settled(_read(source, symbols, "adjusted", progress), settings.end)
    signals = None
    if flow.signal_prices != "adjusted":
        signals = _read(source, symbols, flow.signal_prices, progress).between(None, settings.end)
        signals = _same_axis(signals, bars)

    progress(0.8, "Deciding")
    seen = observe(binding, bars, signals)
    span = choose_span(settings, seen, bars)
    decisions = decide(seen, span.first)

    progress(0.9, "Accounting")
    rebalance = settings.rebalance or flow.rebalance
    costs = settings.costs(flow.costs)
    targets, due = in_force(decisions.weights[span.first :], bars.sessions[span.first :], rebalance)
    carry = _carry(source, binding, bars, span.first)
    terms = _terms(settings, costs, rebalance, bars)
    books, prices = _account(bars, binding.held, span.first, targets, due, carry, terms)
    benchmark = _benchmark(against, bars, span.first, source, settings, find)
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
        trades=trades_of(books, prices),
        benchmark=benchmark,
        metrics=metrics,
        benchmark_metrics=benchmark_metrics,
        warnings=tuple(warnings_of(seen, decisions, bars, books, carry, against, benchmark)),
        notes=tuple(notes_of(span, bars)),
    )
    return Backtest(result, books, seen, span.first)


# -- bars ----------------------------------------------------------------------------------------


def _read(
    source: MarketSource, symbols: Sequence[str], adjustment: Adjustment, progress: Progress
) -> Bars:
    """All the history there is: what a session decides must not depend on where a test starts."""
    return source.bars(
        symbols,
        adjustment=adjustment,
        progress=lambda share, doing: progress(0.8 * share, doing),
    )


def _same_axis(signals: Bars, bars: Bars) -> Bars:
    """Signal bars on the sessions of ``bars``; both come from one source, so they overlap."""
    aligned = signals.between(bars.sessions[0].item(), bars.sessions[-1].item())
    if not np.array_equal(aligned.sessions, bars.sessions):
        raise BadInput(
            "signal_prices",
            f"{bars.provenance.source} has other sessions for {signals.provenance.adjustment} "
            "prices than for adjusted ones.",
            "Use 'adjusted'.",
        )
    return aligned


def _carry(source: MarketSource, binding: Binding, bars: Bars, first: int) -> Float | None:
    """Funding a long pays in each session, where the source knows of any; NaN while unknown."""
    if bars.calendar != "24/7" or not isinstance(source, PerpetualSource):
        return None
    return daily_funding(source, binding.held, bars.sessions[first:])


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


def _terms(settings: BacktestSettings, costs: Costs, rebalance: Rebalance, bars: Bars) -> Terms:
    periods = calendar(bars.calendar).periods_per_year
    return Terms(
        cost=costs.total,
        cash_rate=(1 + settings.cash_rate) ** (1 / periods) - 1,
        borrow_rate=(1 + settings.borrow_rate) ** (1 / periods) - 1,
        leverage=settings.leverage,
        max_leverage=settings.max_leverage,
        threshold=-1.0 if rebalance.threshold is None else rebalance.threshold,
        next_open=settings.execution == "next_open",
    )


def _account(
    bars: Bars,
    held: tuple[str, ...],
    first: int,
    targets: Float,
    due: np.ndarray,
    carry: Float | None,
    terms: Terms,
) -> tuple[Books, Float]:
    """The books of holding ``targets``, and the prices [T, N] trades were made at."""
    columns = [bars.column(s) for s in held]
    close = carried(bars.close[:, columns])
    moves = session_returns(bars, held)[first:]
    none = np.zeros((0, len(held)))
    overnight = intraday = none
    prices = close[first:]
    if terms.next_open:
        previous = np.vstack([close[:1], close[:-1]])
        # A session without a bar neither gaps nor moves: it opens where the last one closed.
        opened = np.where(np.isnan(bars.open[:, columns]), previous, bars.open[:, columns])
        overnight = np.nan_to_num(opened / previous - 1)[first:]
        intraday = (1 + moves) / (1 + overnight) - 1
        prices = opened[first:]
    books = empty_books(len(targets), len(held))
    paid = none if carry is None else np.nan_to_num(carry)
    simulate(targets, due, moves, overnight, intraday, paid, terms, books)
    return books, prices


# -- benchmark and metrics -----------------------------------------------------------------------


def _benchmark_of(flow: Flow, settings: BacktestSettings, binding: Binding) -> Benchmark | None:
    chosen = flow.benchmark if settings.benchmark is None else settings.benchmark
    if chosen == "none" or chosen is None:
        return None
    if isinstance(chosen, str) and is_variable(chosen):
        return str(variable_value(binding.values, chosen, "benchmark"))
    return chosen


def _benchmark(
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
    return in_order(own), measure(other, sessions[1:], periods, risk_free_rate=free)
