"""The result of a backtest: what was decided, held and earned, and where every number came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from core.backtest.accounting import Books
from core.backtest.settings import BacktestSettings
from core.calendar import CalendarName, Sessions
from core.flow.evaluate import Observation
from core.flow.nodes import Costs, Flow, Rebalance
from core.market.bars import Finding, Float, Provenance


@dataclass(frozen=True, eq=False, slots=True)
class BenchmarkSeries:
    """What the strategy is compared with, over the same sessions.

    ``returns``  float64 [T], 0 on the first session
    ``equity``   float64 [T], 1 on the first session
    """

    label: str
    returns: Float
    equity: Float


@dataclass(frozen=True, slots=True)
class Trade:
    """One symbol's part of one session's rebalancing.

    Weights are shares of equity at that moment; ``notional`` and ``cost`` are in the money of the
    settings' capital, ``price`` is the adjusted price traded at.
    """

    session: date
    symbol: str
    before: float
    after: float
    price: float
    notional: float
    cost: float

    @property
    def side(self) -> str:
        return "buy" if self.after > self.before else "sell"


@dataclass(frozen=True, eq=False, kw_only=True)
class Backtest:
    """A finished backtest.

    ``sessions``  datetime64[D] [T]
    ``weights``   float64 [T, N]: the decision in force after each session, columns as ``symbols``
    ``prices``    float64 [T, N]: what each session's trade was made at; adjusted
    ``books``     the accounting, session by session
    ``metrics``   by name, as core.metrics.definitions lists them; NaN where undefined
    ``warnings``  sentences the user should read before trusting the numbers
    ``notes``     sentences that are good to know
    ``seen``      what the flow saw, over all history; ``offset`` is the number of the backtest's
                  first session there
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
    prices: Float
    books: Books
    benchmark: BenchmarkSeries | None
    metrics: dict[str, float]
    benchmark_metrics: dict[str, float]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    seen: Observation
    offset: int

    @property
    def start(self) -> date:
        first: date = self.sessions[0].item()
        return first

    @property
    def end(self) -> date:
        last: date = self.sessions[-1].item()
        return last

    @property
    def final_weights(self) -> dict[str, float]:
        """The last decision, symbols with a weight only."""
        last = zip(self.symbols, self.weights[-1].tolist(), strict=True)
        return {symbol: weight for symbol, weight in last if weight}

    def trades(self) -> list[Trade]:
        """Every change of a position, oldest first."""
        capital, cost = self.settings.capital, self.costs.total
        changes = self.books.after - self.books.before
        found = []
        for t, i in np.argwhere(np.abs(changes) > 1e-12).tolist():
            notional = float(abs(changes[t, i]) * self.books.worth[t]) * capital
            found.append(
                Trade(
                    session=self.sessions[t].item(),
                    symbol=self.symbols[i],
                    before=float(self.books.before[t, i]),
                    after=float(self.books.after[t, i]),
                    price=float(self.prices[t, i]),
                    notional=notional,
                    cost=notional * cost,
                )
            )
        return found
