"""What decided weights earn: docs/flow.md's rebalancing and accounting, session by session.

Works on whatever was decided, by this evaluator or another: ``equity`` takes one row of weights a
session and the prices of the same sessions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

Prices = Mapping[str, pd.DataFrame]
Weights = dict[str, float]


@dataclass(frozen=True)
class Account:
    """Terms of trading and holding; rates are per year, costs in basis points of turnover."""

    rebalance: Any = "daily"
    slippage_bps: float = 0.0
    commission_bps: float = 0.0
    next_open: bool = False
    leverage: float = 1.0
    max_leverage: float = 2.0
    cash_rate: float = 0.0
    borrow_rate: float = 0.0
    periods_per_year: int = 252

    @property
    def cost(self) -> float:
        return (self.slippage_bps + self.commission_bps) / 10_000

    @property
    def every(self) -> str:
        if isinstance(self.rebalance, str):
            return self.rebalance
        return str(self.rebalance.get("every", "daily"))

    @property
    def threshold(self) -> float | None:
        return None if isinstance(self.rebalance, str) else self.rebalance.get("threshold")

    def due(self, sessions: list[pd.Timestamp]) -> list[bool]:
        """On which sessions the schedule lets a decision be acted upon; always on the first."""
        pairs = itertools.pairwise(sessions)
        return [True] + [_new_period(before, now, self.every) for before, now in pairs]

    def per_session(self, annual: float) -> float:
        return float((1 + annual) ** (1 / self.periods_per_year) - 1)


def equity(decided: pd.DataFrame, prices: Prices, terms: Account) -> pd.DataFrame:
    """One row for each session of ``decided``.

    ``equity``   at the close, before that close's trade; 1 on the first session
    ``returns``  on the close before; 0 on the first session
    ``turnover`` sum of absolute weight changes of the trade made on that session, at its open or close
    """
    sessions = list(decided.index)
    everything = list(prices["close"].index)
    offset = everything.index(sessions[0])
    moves, overnight, intraday = moves_of(prices, list(decided.columns))
    worth, held = 1.0, dict.fromkeys(decided.columns, 0.0)
    rows: list[dict[str, float]] = []
    pending: Weights | None = None
    trades, decisions = terms.due(sessions), decided.to_dict("records")
    for i, _session in enumerate(sessions):
        t, before, traded = offset + i, worth, 0.0
        if pending is not None and terms.next_open:
            worth, held = _earn(worth, held, overnight[t], terms, interest=True)
            worth, held, traded = _trade(worth, held, pending, terms)
            worth, held = _earn(worth, held, intraday[t], terms, interest=False)
        elif i > 0:
            if pending is not None:
                worth, held, _ = _trade(worth, held, pending, terms)
            worth, held = _earn(worth, held, moves[t], terms, interest=True)
        target = _target(decisions[i], terms)
        acts = trades[i] and worth > 0
        if i > 0 and terms.threshold is not None:
            acts = acts and _drifted(held, target, terms.threshold)
        pending = target if acts else None
        if pending is not None and not terms.next_open:
            traded = _turnover(held, pending)
        returns = worth / before - 1 if before > 0 else 0.0
        rows.append({"equity": worth, "returns": returns, "turnover": traded})
    return pd.DataFrame(rows, sessions)


def _target(weights: Weights, terms: Account) -> Weights:
    """Leverage times the decision, scaled down where its gross exposure is above the limit."""
    gross = sum(abs(w) for w in weights.values()) * terms.leverage
    factor = terms.leverage
    if gross > terms.max_leverage:
        factor *= terms.max_leverage / gross
    return {symbol: w * factor for symbol, w in weights.items()}


def _trade(
    worth: float, held: Weights, target: Weights, terms: Account
) -> tuple[float, Weights, float]:
    """Equity less the cost, the new weights and the turnover."""
    turnover = _turnover(held, target)
    return worth * (1 - terms.cost * turnover), target, turnover


def _turnover(held: Weights, target: Weights) -> float:
    return sum(abs(target[symbol] - held[symbol]) for symbol in held)


def _drifted(held: Weights, target: Weights, threshold: float) -> bool:
    """A weight stands more than ``threshold`` from its target, or other symbols are held."""
    if {s for s, w in held.items() if w != 0} != {s for s, w in target.items() if w != 0}:
        return True
    return any(abs(held[symbol] - target[symbol]) > threshold for symbol in held)


def _earn(
    worth: float, held: Weights, moves: Weights, terms: Account, *, interest: bool
) -> tuple[float, Weights]:
    """Equity and drifted weights after prices moved."""
    cash = 1 - sum(held.values())
    gain = sum(weight * moves[symbol] for symbol, weight in held.items())
    if interest:
        gain += cash * terms.per_session(terms.cash_rate if cash > 0 else terms.borrow_rate)
    if worth * (1 + gain) <= 0:
        return 0.0, dict.fromkeys(held, 0.0)
    return worth * (1 + gain), {
        symbol: weight * (1 + moves[symbol]) / (1 + gain) for symbol, weight in held.items()
    }


def _new_period(before: pd.Timestamp, now: pd.Timestamp, every: str) -> bool:
    """Whether ``now`` is the first session of a week, month, quarter or year."""
    if every == "daily":
        return True
    if every == "weekly":
        return now.isocalendar()[:2] != before.isocalendar()[:2]
    if every == "monthly":
        return (now.year, now.month) != (before.year, before.month)
    if every == "quarterly":
        return (now.year, (now.month - 1) // 3) != (before.year, (before.month - 1) // 3)
    assert every == "yearly"
    return bool(now.year != before.year)


def moves_of(
    prices: Prices, symbols: list[str]
) -> tuple[list[Weights], list[Weights], list[Weights]]:
    """For each session: the return on the last known close, and its two parts at the open.

    All are 0 where a symbol has no bar: it is valued at its last known close.
    """
    sessions = len(prices["close"])
    parts: list[list[Weights]] = [
        [dict.fromkeys(symbols, 0.0) for _ in range(sessions)] for _ in range(3)
    ]
    whole, overnight, intraday = parts
    for symbol in symbols:
        closes, opens = prices["close"][symbol].tolist(), prices["open"][symbol].tolist()
        last = math.nan
        for t in range(sessions):
            if math.isnan(closes[t]):
                continue
            intraday[t][symbol] = closes[t] / opens[t] - 1
            if not math.isnan(last):
                whole[t][symbol] = closes[t] / last - 1
                overnight[t][symbol] = opens[t] / last - 1
            last = closes[t]
    return whole, overnight, intraday
