"""The result of a backtest: what was decided, held and earned, and where every number came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from core.backtest.accounting import Books, Terms
from core.backtest.market import Moves
from core.backtest.settings import BacktestSettings
from core.calendar import CalendarName, Sessions, calendar
from core.flow.evaluate import Observation
from core.flow.nodes import Costs, Flow, Rebalance
from core.market.bars import Finding, Float, Provenance

SMALLEST_TRADE = 1e-12
"""Changes of weight below this are rounding."""


@dataclass(frozen=True, eq=False, slots=True)
class BenchmarkSeries:
    """What the strategy is compared with, over the same sessions.

    ``returns``  float64 [T], 0 on the first session
    ``equity``   float64 [T], 1 on the first session
    """

    label: str
    returns: Float
    equity: Float


@dataclass(frozen=True, eq=False, slots=True)
class Trades:
    """Every change of a position, oldest first; all arrays are [M].

    ``row``     number of the session
    ``column``  number of the symbol
    ``before``, ``after``  weights, as shares of equity at that moment
    ``price``   adjusted price traded at
    ``amount``  what was traded, as a multiple of the starting equity
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    before: Float
    after: Float
    price: Float
    amount: Float

    def __len__(self) -> int:
        return len(self.row)


def trades_of(books: Books, prices: Float) -> Trades:
    """The trades in ``books``, made at ``prices`` [T, N]."""
    rows, columns = np.nonzero(np.abs(books.after - books.before) > SMALLEST_TRADE)
    before, after = books.before[rows, columns], books.after[rows, columns]
    amount = np.abs(after - before) * books.worth[rows]
    return Trades(rows, columns, before, after, prices[rows, columns], amount)


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What is shown and saved of a backtest.

    ``sessions``  datetime64[D] [T]
    ``weights``   float64 [T, N]: the decision in force after each session, columns as ``symbols``
    ``returns``   float64 [T]: net return of each session on the one before; 0 on the first
    ``equity``    float64 [T]: 1 on the first session
    ``turnover``  float64 [T]: sum of absolute weight changes of each session's trade
    ``metrics``   by name, as core.metrics.definitions lists them; NaN where undefined
    ``warnings``  sentences the user should read before trusting the numbers
    ``notes``     sentences that are good to know
    """

    flow: Flow
    settings: BacktestSettings
    costs: Costs
    rebalance: Rebalance
    provenance: Provenance
    calendar: CalendarName
    data_digest: str
    findings: tuple[Finding, ...]
    sessions: Sessions
    symbols: tuple[str, ...]
    weights: Float
    returns: Float
    equity: Float
    turnover: Float
    trades: Trades
    benchmark: BenchmarkSeries | None
    metrics: dict[str, float]
    benchmark_metrics: dict[str, float]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def start(self) -> date:
        first: date = self.sessions[0].item()
        return first

    @property
    def end(self) -> date:
        last: date = self.sessions[-1].item()
        return last

    @property
    def periods_per_year(self) -> int:
        return calendar(self.calendar).periods_per_year

    @property
    def final_weights(self) -> dict[str, float]:
        """The last decision, symbols with a weight only."""
        last = zip(self.symbols, self.weights[-1].tolist(), strict=True)
        return {symbol: weight for symbol, weight in last if weight}


@dataclass(frozen=True, eq=False, slots=True)
class Backtest:
    """A finished backtest: its result, and what explains it.

    ``moves``   how prices moved over the result's sessions
    ``terms``   what trading and holding cost
    ``seen``    what the flow saw, over all history
    ``offset``  the number, there, of the result's first session
    """

    result: Result
    books: Books
    moves: Moves
    terms: Terms
    seen: Observation
    offset: int
