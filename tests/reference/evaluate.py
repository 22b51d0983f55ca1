"""What a flow decides: docs/flow.md as plain recursion over the flow's JSON, session by session.

None is unknown, for truths and for numbers. Nothing is vectorised, and nothing here knows how the
engine goes about it.

Two programs that compute an average in a different order differ in the last digit, and a
comparison of two nearly equal numbers may then fall either way. ``Evaluation.doubtful_from`` is
the first session on which this evaluator met such a comparison: up to there, the engine has to
agree on every weight. Equal numbers that both must compute alike (the same indicator of the same
prices, a close, a constant, an exact 0) are not in doubt. Shares by inverse volatility are in doubt
where the deviation of returns is little more than what rounding leaves of it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from tests.reference.closed import Json, close_flow
from tests.reference.indicators import DEFINITIONS, Bars, Values, daily_returns

Truth = bool | None
Prices = Mapping[str, pd.DataFrame]
FIELDS = ("open", "high", "low", "close", "volume")
OPERAND_KEYS = ("indicator", "symbol", "of", "other", "days_ago", "times", "plus")
EXACT_ON_GRID = ("sma", "volume_sma")
"""Indicators that do not round while summing prices that are multiples of an eighth."""
ROUNDING = 2.0**-52
DIGITS_KEPT = 1e-10
"""How much of a deviation may be rounding before shares by its inverse are in doubt."""


class Number(NamedTuple):
    """An operand on one session; equal ``column`` and session, equal bits in any program."""

    value: float | None
    column: str
    exact: bool


@dataclass
class Allocation:
    """Where a whole share went, and whether some of it stayed in cash for want of data."""

    weights: dict[str, float] = field(default_factory=dict)
    lacking: bool = False

    def add(self, share: float, part: Allocation) -> None:
        for symbol, weight in part.weights.items():
            self.weights[symbol] = self.weights.get(symbol, 0.0) + share * weight
        self.lacking = self.lacking or part.lacking


@dataclass(frozen=True)
class Series:
    """Something indicators can measure: bars on the sessions ``rows``."""

    key: str
    rows: list[int]
    bars: Bars
    symbol: str | None


@dataclass(frozen=True)
class Evaluation:
    """``weights`` from the start asked for; ``lacking`` likewise; ``doubtful_from`` a row."""

    weights: pd.DataFrame
    lacking: list[bool]
    doubtful_from: int


def evaluate(
    flow: Json,
    prices: Prices,
    overrides: Mapping[str, Any] | None = None,
    library: Mapping[str, Json] = {},
    start: int = 0,
) -> Evaluation:
    """Every session's decision from session number ``start`` on, and where it is in doubt."""
    return Evaluator(prices).run(close_flow(flow, overrides, library), start)


def weights(
    flow: Json,
    prices: Prices,
    overrides: Mapping[str, Any] | None = None,
    library: Mapping[str, Json] = {},
    start: int = 0,
) -> pd.DataFrame:
    """Decided weights: one row a session, one column for each symbol of ``prices``."""
    return evaluate(flow, prices, overrides, library, start).weights


def and_(parts: list[Truth]) -> Truth:
    if False in parts:
        return False
    return None if None in parts else True


def or_(parts: list[Truth]) -> Truth:
    if True in parts:
        return True
    return None if None in parts else False


def at_least(count: int, parts: list[Truth]) -> Truth:
    if parts.count(True) >= count:
        return True
    return False if parts.count(True) + parts.count(None) < count else None


class Evaluator:
    """A closed flow's evaluation over fixed prices."""

    def __init__(self, prices: Prices) -> None:
        self.sessions = list(prices["close"].index)
        self.count = len(self.sessions)
        self.doubtful_from = self.count
        self.symbols = list(prices["close"].columns)
        self.fields = {
            symbol: {name: prices[name][symbol].tolist() for name in FIELDS if name in prices}
            for symbol in self.symbols
        }
        self.on_grid = all(
            math.isnan(value) or value * 8 == int(value * 8)
            for symbol in self.symbols
            for name in ("close", "volume")
            for value in self.fields[symbol][name]
        )
        self.columns: dict[str, Values] = {}
        self.operand_columns: dict[tuple[int, str], str] = {}
        self.largest_moves: dict[str, dict[int, float]] = {}
        self.known_truths: dict[tuple[int, str, int], Truth] = {}
        self.latches: dict[int, list[Truth]] = {}
        self.measured: dict[int, Series] = {}
        printed = {symbol: repr(fields) for symbol, fields in self.fields.items()}
        self.twins = {
            symbol: next(s for s in self.symbols if printed[s] == printed[symbol])
            for symbol in self.symbols
        }
        self.symbol_series = {symbol: self._of_symbol(symbol) for symbol in self.symbols}
        self.moves = {symbol: self._moves(symbol) for symbol in self.symbols}

    def run(self, root: Json, start: int) -> Evaluation:
        decided = [self.walk(root, t) for t in range(start, self.count)]
        rows = [[d.weights.get(symbol, 0.0) for symbol in self.symbols] for d in decided]
        frame = pd.DataFrame(rows, self.sessions[start:], self.symbols, dtype=float)
        return Evaluation(frame, [d.lacking for d in decided], self.doubtful_from)

    # Prices

    def has_bar(self, symbol: str, t: int) -> bool:
        return not math.isnan(self.fields[symbol]["close"][t])

    def _of_symbol(self, symbol: str) -> Series:
        """Symbols with equal prices share a key: whatever is computed of them is equal."""
        rows = [t for t in range(self.count) if self.has_bar(symbol, t)]
        bars = Bars(
            **{name: [values[t] for t in rows] for name, values in self.fields[symbol].items()}
        )
        return Series(self.twins[symbol], rows, bars, symbol)

    def _moves(self, symbol: str) -> list[float]:
        """Each session's return on the last known close; 0 where there is no bar."""
        moves = [0.0] * self.count
        series = self.symbol_series[symbol]
        closes = series.bars.close
        for i in range(1, len(series.rows)):
            moves[series.rows[i]] = closes[i] / closes[i - 1] - 1
        return moves

    # Nodes

    def walk(self, node: Json, t: int) -> Allocation:
        """Where a share of 1 that reaches ``node`` at session ``t`` goes."""
        decided: Allocation = getattr(self, "_" + node["kind"])(node, t)
        return decided

    def _asset(self, node: Json, t: int) -> Allocation:
        symbol = node["symbol"]
        return Allocation({symbol: 1.0}) if self.has_bar(symbol, t) else Allocation(lacking=True)

    def _cash(self, node: Json, t: int) -> Allocation:
        return Allocation()

    def _group(self, node: Json, t: int) -> Allocation:
        return self.walk(node["child"], t)

    def _blend(self, children: list[Any], shares: list[float], t: int) -> Allocation:
        total = Allocation()
        for child, share in zip(children, shares, strict=True):
            if share > 0:
                total.add(share, self.walk(_as_node(child), t))
        return total

    def _weight(self, node: Json, t: int) -> Allocation:
        children, scheme = node["children"], node.get("scheme", "equal")
        if scheme == "inverse_volatility":
            shares, lacking = self.by_volatility(children, node["window"], len(children), t)
            total = self._blend(children, shares, t)
            total.lacking = total.lacking or lacking
            return total
        return self._blend(children, fixed_shares(scheme, len(children), node), t)

    def _gate(self, node: Json, t: int) -> Allocation:
        return self._either(node, self.truth(node["when"], t), t)

    def _latch(self, node: Json, t: int) -> Allocation:
        return self._either(node, self.latch_states(node)[t], t)

    def _either(self, node: Json, truth: Truth, t: int) -> Allocation:
        if truth is None:
            return Allocation(lacking=True)
        return self.walk(node["then"] if truth else node["else"], t)

    def latch_states(self, node: Json) -> list[Truth]:
        """The latch after each session."""
        if id(node) not in self.latches:
            states: list[Truth] = []
            state: Truth = None
            for t in range(self.count):
                enter, leave = self.truth(node["enter"], t), self.truth(node["exit"], t)
                if leave is True:
                    state = False
                elif enter is True:
                    state = True
                elif state is None and enter is False:
                    state = False
                states.append(state)
            self.latches[id(node)] = states
        return self.latches[id(node)]

    def _switch(self, node: Json, t: int) -> Allocation:
        truths = [self.truth(condition, t) for condition in node["conditions"]]
        if None in truths:
            return Allocation(lacking=True)
        return self.walk(node["cases"][truths.count(True)], t)

    def _scale(self, node: Json, t: int) -> Allocation:
        x = self.number(node["indicator"], t)
        low, high, children = node["from"], node["to"], node["children"]
        if x.value is None:
            return Allocation(lacking=True)
        position = min(max((x.value - low) / (high - low), 0.0), 1.0) * (len(children) - 1)
        for knot in range(len(children)):
            if x.exact:
                self.doubt_if_near(position, knot, t)
            else:
                at = low + (high - low) * knot / (len(children) - 1)
                self.doubt_between(x, Number(at, "knot", False), t)
        left = min(int(position), len(children) - 2)
        shares = [0.0] * len(children)
        shares[left], shares[left + 1] = 1.0 - (position - left), position - left
        return self._blend(children, shares, t)

    def by_volatility(
        self, children: list[Any], window: int, slots: int, t: int
    ) -> tuple[list[float], bool]:
        """Shares in proportion to 1 / volatility, and whether one was unknown or zero.

        Each of ``slots`` stands for an equal part; one without a volatility leaves its part.
        """
        columns = [
            self.column("std_return", {"window": window}, self.series(child)) for child in children
        ]
        volatilities = [self.columns[column][t] for column in columns]
        for child, volatility in zip(children, volatilities, strict=True):
            measured = self.series(child)
            if volatility and self.rounding_of(volatility, window, measured, t) > DIGITS_KEPT:
                self.doubt(t)
        inverse = [1.0 / v if v else 0.0 for v in volatilities]
        rest = sum(1 for i in inverse if i > 0) / slots
        total = math.fsum(inverse)
        shares = [rest * i / total if i > 0 else 0.0 for i in inverse]
        return shares, 0.0 in inverse

    def rounding_of(self, volatility: float, window: int, series: Series, t: int) -> float:
        """Which part of the deviation of returns may be rounding.

        A return has that of the two prices, near 1, that it is the ratio of; and a program that
        keeps the sum of squares as it goes has that of the largest square that ever was in it.
        """
        if series.key not in self.largest_moves:
            moves = [abs(move) for move in daily_returns(series.bars.close)]
            so_far = itertools.accumulate(moves, max, initial=0.0)
            self.largest_moves[series.key] = dict(zip(series.rows, so_far, strict=True))
        largest = self.largest_moves[series.key][t]
        return ROUNDING * max(100.0 / volatility, (largest / volatility) ** 2 / window)

    # Sorting

    def _sort(self, node: Json, t: int) -> Allocation:
        items, take = node["items"], node.get("take", 1)
        keys = node["by"] if isinstance(node["by"], list) else [node["by"]]
        order = node.get("order", "desc")
        orders = order if isinstance(order, list) else [order] * len(keys)
        valid: dict[int, list[Number]] = {}
        unknown = False
        for place, item in enumerate(items):
            series = self.series(item)
            passed = and_([self.truth(f, t, series) for f in node.get("filters", [])])
            values = [self.number(key, t, series) for key in keys]
            tradable = series.symbol is None or self.has_bar(series.symbol, t)
            known = tradable and all(v.value is not None for v in values)
            if passed and known:
                valid[place] = values
            elif passed is not False:
                unknown = True
        ranked = list(valid)
        for k in reversed(range(len(keys))):
            ranked.sort(key=lambda p: valid[p][k].value, reverse=orders[k] == "desc")
        for a, b in itertools.pairwise(ranked):
            for one, other in zip(valid[a], valid[b], strict=True):
                self.doubt_between(one, other, t)
                if one.value != other.value:
                    break
        picks = [items[place] for place in ranked[:take]]
        scheme = node.get("allocation", "equal")
        if scheme == "inverse_volatility":
            shares, lacking = self.by_volatility(picks, node["window"], take, t)
        else:
            shares, lacking = fixed_shares(scheme, take, node)[: len(picks)], False
        total = self._blend(picks, shares, t)
        total.lacking = total.lacking or lacking or (unknown and len(picks) < take)
        return total

    # Conditions

    def truth(self, condition: Json, t: int, item: Series | None = None) -> Truth:
        """Whether ``condition`` holds at ``t``; ``item`` is what a filter speaks of."""
        known = (id(condition), item.key if item else "", t)
        if known not in self.known_truths:
            self.known_truths[known] = self._truth(condition, t, item)
        return self.known_truths[known]

    def _truth(self, condition: Json, t: int, item: Series | None) -> Truth:
        if "all" in condition:
            return and_([self.truth(part, t, item) for part in condition["all"]])
        if "any" in condition:
            return or_([self.truth(part, t, item) for part in condition["any"]])
        if "not" in condition:
            part = self.truth(condition["not"], t, item)
            return None if part is None else not part
        if "at_least" in condition:
            rule = condition["at_least"]
            return at_least(rule["count"], [self.truth(part, t, item) for part in rule["of"]])
        if "month" in condition:
            return self.sessions[t].month in condition["month"]
        days = range(t - condition.get("for_days", 1) + 1, t + 1)
        return and_([self.comparison(condition, s, item) if s >= 0 else None for s in days])

    def comparison(self, condition: Json, t: int, item: Series | None) -> Truth:
        left, right = (self.number(condition[side], t, item) for side in ("left", "right"))
        if left.value is None or right.value is None:
            return None
        self.doubt_between(left, right, t)
        return {
            ">": left.value > right.value,
            ">=": left.value >= right.value,
            "<": left.value < right.value,
            "<=": left.value <= right.value,
        }[condition["op"]]

    # Operands

    def number(self, operand: Any, t: int, item: Series | None = None) -> Number:
        if not isinstance(operand, dict):
            return Number(float(operand), "constant", True)
        if "symbol" in operand:
            subject: Series | None = self.symbol_series[operand["symbol"]]
        elif "of" in operand:
            subject = self.series(operand["of"])
        else:
            subject = item
        assert subject is not None
        name = operand["indicator"]
        asked = (id(operand), subject.key)
        if asked not in self.operand_columns:
            given = {key: value for key, value in operand.items() if key not in OPERAND_KEYS}
            self.operand_columns[asked] = self.column(name, given, subject, operand.get("other"))
        column = self.operand_columns[asked]
        then = t - operand.get("days_ago", 0)
        raw = self.columns[column][then] if then >= 0 else None
        if raw is None:
            return Number(None, column, True)
        times, plus = operand.get("times", 1.0), operand.get("plus", 0.0)
        exact = (
            raw in (0.0, 100.0)
            or times == 0
            or (subject.symbol is not None and name == "close")
            or (subject.symbol is not None and self.on_grid and name in EXACT_ON_GRID)
        )
        return Number(raw * times + plus, f"{column} {then - t} {times} {plus}", exact)

    def column(
        self, name: str, given: Mapping[str, Any], subject: Series, other: str | None = None
    ) -> str:
        """The key of a computed column: an indicator of a subject, unknown where it has no bar."""
        definition = DEFINITIONS[name]
        parameters = {k: given.get(k, default) for k, default in definition.defaults.items()}
        key = f"{name} {sorted(parameters.items())} {subject.key}"
        pair = self.symbol_series[other] if definition.pair else None
        if pair is not None:
            key += f" {pair.key}"
        if key not in self.columns:
            rows, bars = subject.rows, [subject.bars]
            if pair is not None:
                rows = sorted(set(subject.rows) & set(pair.rows))
                bars = [_only(subject, rows), _only(pair, rows)]
            values: Values = [None] * self.count
            for row, value in zip(rows, definition.compute(*bars, **parameters), strict=True):
                values[row] = value
            self.columns[key] = values
        return key

    def series(self, subject: Any) -> Series:
        """What is measured: a symbol, or the equity of a flow."""
        if isinstance(subject, str):
            return self.symbol_series[subject]
        if subject["kind"] == "group":
            return self.series(subject["child"])
        if subject["kind"] == "asset":
            return self.symbol_series[subject["symbol"]]
        if id(subject) not in self.measured:
            equity, first = self.equity(subject)
            rows = list(range(first, self.count))
            bars = Bars([], [], [], equity, [])
            key = json.dumps(subject, sort_keys=True)
            self.measured[id(subject)] = Series(key, rows, bars, None)
        return self.measured[id(subject)]

    def equity(self, node: Json) -> tuple[list[float], int]:
        """A flow's equity, rebalanced every session without costs, and its first session."""
        decided = [self.walk(node, t) for t in range(self.count)]
        first = next((t for t in range(self.count) if not decided[t].lacking), self.count)
        values = [1.0] * (first < self.count)
        for t in range(first, self.count - 1):
            gain = math.fsum(w * self.moves[s][t + 1] for s, w in decided[t].weights.items())
            values.append(values[-1] * (1 + gain))
        return values, first

    # Doubt

    def doubt(self, t: int) -> None:
        self.doubtful_from = min(self.doubtful_from, t)

    def doubt_between(self, one: Number, other: Number, t: int) -> None:
        """Doubt the session if the two compare by their last digits."""
        assert one.value is not None
        assert other.value is not None
        alike = one.column == other.column or (one.exact and other.exact)
        if not alike:
            self.doubt_if_near(one.value, other.value, t)
            if one.value == other.value:
                self.doubt(t)

    def doubt_if_near(self, a: float, b: float, t: int) -> None:
        if 0 < abs(a - b) <= 1e-10 + 1e-9 * max(abs(a), abs(b)):
            self.doubt(t)


def fixed_shares(scheme: str, slots: int, node: Json) -> list[float]:
    """What each of ``slots`` gets by a scheme that does not look at prices."""
    if scheme == "equal":
        return [1.0 / slots] * slots
    if scheme == "rank":
        return [2.0 * (slots - place) / (slots * (slots + 1)) for place in range(slots)]
    return [float(weight) for weight in node["weights"]]


def _as_node(item: Any) -> Json:
    return {"kind": "asset", "symbol": item} if isinstance(item, str) else item


def _only(series: Series, rows: list[int]) -> Bars:
    """The bars of ``series`` on ``rows``, all of which it has."""
    places = {row: place for place, row in enumerate(series.rows)}
    return Bars(*[[f[places[row]] for row in rows] if f else [] for f in series.bars])
