"""A second opinion on Composer's and QuantMage's files, straight from what is written in them.

Plain recursion over the source, numpy loops for the indicators, and nothing of ours: neither the
readers nor the flow format. It knows what docs/imports.md says each construct means.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

Weights = dict[str, float]


class Unknown(Exception):
    """Something on the path taken has no value yet."""


# -- indicators ----------------------------------------------------------------------------------


def _rolling(values: np.ndarray, n: int, function: Any) -> np.ndarray:
    out = np.full(len(values), np.nan)
    for t in range(n - 1, len(values)):
        out[t] = function(values[t - n + 1 : t + 1])
    return out


def _seeded(values: np.ndarray, n: int, weight: float) -> np.ndarray:
    out, first = np.full(len(values), np.nan), int(np.isnan(values).sum())
    if len(values) - first < n:
        return out
    out[first + n - 1] = at = values[first : first + n].mean()
    for t in range(first + n, len(values)):
        out[t] = at = at + weight * (values[t] - at)
    return out


def _rsi(p: np.ndarray, n: int) -> np.ndarray:
    moves = np.diff(p, prepend=np.nan)
    up = _seeded(np.where(moves < 0, 0, moves), n, 1 / n)
    down = _seeded(np.where(moves > 0, 0, -moves), n, 1 / n)
    with np.errstate(invalid="ignore"):  # a price that never moved has none
        return 100 * up / (up + down)


def _returns(p: np.ndarray) -> np.ndarray:
    return np.concatenate([[np.nan], 100 * (p[1:] / p[:-1] - 1)])


def _deepest(p: np.ndarray) -> float:
    return float((1 - p / np.maximum.accumulate(p)).max() * 100)


INDICATORS: dict[str, Any] = {
    "current-price": lambda p, n: p,
    "moving-average-price": lambda p, n: _rolling(p, n, np.mean),
    "exponential-moving-average-price": lambda p, n: _seeded(p, n, 2 / (n + 1)),
    "moving-average-return": lambda p, n: _rolling(_returns(p), n, np.mean),
    "cumulative-return": lambda p, n: np.concatenate([np.full(n, np.nan), 100 * (p[n:] / p[:-n] - 1)]),
    "relative-strength-index": _rsi,
    "standard-deviation-return": lambda p, n: _rolling(_returns(p), n, lambda x: np.std(x, ddof=1)),
    "standard-deviation-price": lambda p, n: _rolling(p, n, lambda x: np.std(x, ddof=1)),
    "max-drawdown": lambda p, n: _rolling(p, n, _deepest),
}  # fmt: skip
ALSO = {
    "rsi": "relative-strength-index", "stdev-return": "standard-deviation-return",
    "stdev-price": "standard-deviation-price", "CurrentPrice": "current-price",
    "MovingAverage": "moving-average-price", "ExponentialMovingAverage": "exponential-moving-average-price",
    "RelativeStrengthIndex": "relative-strength-index", "CumulativeReturn": "cumulative-return",
    "Volatility": "standard-deviation-return", "MaxDrawdown": "max-drawdown",
}  # fmt: skip


class Prices:
    """Closes by symbol, and every indicator computed once."""

    def __init__(self, closes: Mapping[str, np.ndarray], months: np.ndarray) -> None:
        self.closes = closes
        self.months = months
        self._columns: dict[Any, np.ndarray] = {}

    def value(self, name: str, symbol: str, window: Any, t: int) -> float:
        found = ALSO.get(name, name)
        key = found, symbol, 0 if found == "current-price" else int(window)
        if key not in self._columns:
            self._columns[key] = INDICATORS[found](self.closes[symbol], key[2])
        return float(self._columns[key][t])


class Opinion:
    """What a strategy file holds in session t, by its own words."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._decided: dict[tuple[int, int], Weights | None] = {}
        self._equity: dict[int, np.ndarray] = {}

    def weights(self, node: Any, t: int) -> Weights:
        """The shares by symbol that ``node`` gives one unit to."""
        key = id(node), t
        if key not in self._decided:
            try:
                self._decided[key] = self._weights(node, t)
            except Unknown:
                self._decided[key] = None
        found = self._decided[key]
        if found is None:
            raise Unknown
        return found

    def _weights(self, node: Any, t: int) -> Weights:
        raise NotImplementedError

    def symbol(self, node: Any) -> str | None:
        """The symbol, if the node is nothing but one."""
        raise NotImplementedError

    def known(self, value: float) -> float:
        if math.isnan(value):
            raise Unknown
        return value

    def measured(self, name: str, node: Any, window: Any, t: int) -> float:
        """An indicator of a node: of its symbol, or else of its simulated equity."""
        symbol = self.symbol(node)
        if symbol is not None:
            return self.prices.value(name, symbol, window, t)
        key = f"flow {id(node)}"
        if key not in self.prices.closes:
            self.prices.closes = {**self.prices.closes, key: self._simulated(node)}
        return self.prices.value(name, key, window, t)

    def _simulated(self, node: Any) -> np.ndarray:
        """Its equity: 1 when it first lacks nothing, then rebalanced at every close."""
        equity, held = np.full(len(self.prices.months), np.nan), None
        for t in range(len(equity)):
            if held is not None:
                gain = sum(share * self._move(symbol, t) for symbol, share in held.items())
                equity[t] = equity[t - 1] * (1 + gain)
            try:
                held = self.weights(node, t)
            except Unknown:
                held = {} if held is not None else None
            else:
                equity[t] = 1.0 if np.isnan(equity[t]) else equity[t]
        return equity

    def _move(self, symbol: str, t: int) -> float:
        closes = self.prices.closes[symbol]
        return float(closes[t] / closes[t - 1] - 1)

    def shared(self, parts: list[tuple[float, Any]], t: int) -> Weights:
        total: Weights = {}
        for share, node in parts:
            for symbol, weight in self.weights(node, t).items():
                total[symbol] = total.get(symbol, 0.0) + float(share) * weight
        return total

    def equally(self, nodes: list[Any], t: int) -> Weights:
        return self.shared([(1 / len(nodes), node) for node in nodes], t)

    def by_volatility(self, nodes: list[Any], window: Any, t: int) -> Weights:
        calm = [1 / self.known(self.measured("stdev-return", node, window, t)) for node in nodes]
        return self.shared([(c / sum(calm), node) for c, node in zip(calm, nodes, strict=True)], t)

    def best(
        self, nodes: list[Any], name: str, window: Any, n: int, top: bool, t: int
    ) -> list[Any]:
        values = [self.known(self.measured(name, node, window, t)) for node in nodes]
        order = sorted(range(len(nodes)), key=lambda i: -values[i] if top else values[i])
        return [nodes[i] for i in order[:n]]


def compared(left: float, sign: str, right: float) -> bool:
    return {">": left > right, "gt": left > right, ">=": left >= right, "gte": left >= right,
            "<": left < right, "lt": left < right, "<=": left <= right, "lte": left <= right}[sign]  # fmt: skip


# -- Composer's score ----------------------------------------------------------------------------


class Score(Opinion):
    """Score JSON: objects with a step."""

    def symbol(self, node: Any) -> str | None:
        return node["ticker"] if node["step"] == "asset" else None

    def _weights(self, node: Any, t: int) -> Weights:
        step, inside = node["step"], node.get("children", [])
        if step == "asset":
            return {node["ticker"]: 1.0}
        if step == "wt-cash-specified":
            shares = [
                Fraction(str(c["weight"]["num"])) / Fraction(str(c["weight"]["den"]))
                for c in inside
            ]
            return self.shared([(float(s / sum(shares)), c) for s, c in zip(shares, inside, strict=True)], t)  # fmt: skip
        if step == "wt-inverse-vol":
            return self.by_volatility(inside, node["window-days"], t)
        if step == "filter":
            window = node.get("sort-by-fn-params", {}).get("window", node.get("sort-by-window-days", 0))  # fmt: skip
            top = node["select-fn"] == "top"
            return self.equally(self.best(inside, node["sort-by-fn"], window, int(node["select-n"]), top, t), t)  # fmt: skip
        if step == "if":
            first, second = sorted(inside, key=lambda c: bool(c["is-else-condition?"]))
            return self.equally((first if self.holds(first, t) else second)["children"], t)
        assert step in ("root", "group", "wt-cash-equal"), step
        return self.equally(inside, t)

    def holds(self, branch: Any, t: int) -> bool:
        if "condition" in branch:
            return self.block(branch["condition"], t)
        sides = []
        for side in ("lhs", "rhs"):
            if side == "rhs" and branch.get("rhs-fixed-value?"):
                sides.append(float(branch["rhs-val"]))
                continue
            window = branch.get(f"{side}-fn-params", {}).get("window", branch.get(f"{side}-window-days", 0))  # fmt: skip
            sides.append(self.known(self.prices.value(branch[f"{side}-fn"], branch[f"{side}-val"], window, t)))  # fmt: skip
        return compared(sides[0], branch["comparator"], sides[1])

    def block(self, block: Any, t: int) -> bool:
        joined = any if block.get("operator") == "any" else all
        if block["condition-type"] == "compound":
            return joined([self.block(part, t) for part in block["conditions"]])
        tickers = block.get("tickers", [None])
        return joined([
            compared(self.side(block["lhs"], ticker, t), block["comparator"], self.side(block["rhs"], ticker, t))
            for ticker in tickers
        ])  # fmt: skip

    def side(self, side: Any, ticker: str | None, t: int) -> float:
        if "constant" in side:
            return float(side["constant"])
        symbol = ticker if side["ticker"] == "%" else side["ticker"]
        window = side.get("params", {}).get("window", 0)
        return self.known(self.prices.value(side["fn"], symbol, window, t))


# -- Composer's definition text ------------------------------------------------------------------


def definition_of(text: str) -> list[Any]:
    """The tree of a defsymphony text: brackets as lists, strings quoted as they are."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[()\[\]{}]|[^\s,()\[\]{}"]+', re.sub(r"^;.*$", "", text, flags=re.M))  # fmt: skip
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token in "([{":
            stack.append([])
        elif token in ")]}":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return list(stack[0][0][3])


class Definition(Opinion):
    """Nested lists whose first part is a word."""

    def symbol(self, node: Any) -> str | None:
        return node[1].strip('"') if node[0] == "asset" else None

    def _weights(self, node: Any, t: int) -> Weights:
        word = node[0]
        if word == "asset":
            return {node[1].strip('"'): 1.0}
        if word == "group":
            return self.equally(node[2], t)
        if word == "weight-equal":
            return self.equally(node[1], t)
        if word == "weight-specified":
            shares = [Fraction(s) for s in node[1::2]]
            return self.shared([(float(s / sum(shares)), c) for s, c in zip(shares, node[2::2], strict=True)], t)  # fmt: skip
        if word == "weight-inverse-volatility":
            return self.by_volatility(node[2], node[1], t)
        if word == "if":
            sign, left, right = node[1]
            return self.equally(node[2] if compared(self.side(left, t), sign, self.side(right, t)) else node[3], t)  # fmt: skip
        assert word == "filter", word
        (by, window), (select, n), items = node[1], node[2], node[3]
        return self.equally(self.best(items, by, self.window(window), int(n), select == "select-top", t), t)  # fmt: skip

    def window(self, part: Any) -> str:
        return part[1] if isinstance(part, list) else part.strip('"')

    def side(self, side: Any, t: int) -> float:
        if isinstance(side, str):
            return float(side)
        window = self.window(side[2]) if len(side) > 2 else 0
        return self.known(self.prices.value(side[0], side[1].strip('"'), window, t))


# -- QuantMage -----------------------------------------------------------------------------------


class Spell(Opinion):
    """Objects with an incantation_type."""

    def symbol(self, node: Any) -> str | None:
        return node["symbol"] if node["incantation_type"] == "Ticker" else None

    def _weights(self, node: Any, t: int) -> Weights:
        if node is None:
            return {}
        kind = node["incantation_type"]
        if kind == "Ticker":
            return {node["symbol"]: 1.0}
        if kind == "Filtered":
            by = node["sort_indicator"]
            picks = self.best(node["incantations"], by["type"], by["window"], node["count"], not node["bottom"], t)  # fmt: skip
            return self.equally(picks, t)
        if kind == "IfElse":
            return self.weights(node["then_incantation" if self.holds(node["condition"], t) else "else_incantation"], t)  # fmt: skip
        if kind == "Switch":
            true = sum(self.holds(c, t) for c in node["conditions"])
            below = node["incantations"][len(node["conditions"]) - true :]
            return self.weights(next(case for case in below if case is not None), t)
        assert kind == "Weighted", kind
        if node["type"] == "InverseVolatility":
            return self.by_volatility(node["incantations"], node["inverse_volatility_window"], t)
        if node["type"] == "Custom":
            parts = zip(node["weights"], node["incantations"], strict=True)
            return self.shared([(float(w) / 100, part) for w, part in parts], t)
        return self.equally(node["incantations"], t)

    def holds(self, condition: Any, t: int) -> bool:
        if condition["condition_type"] != "SingleCondition":
            joined = all if condition["condition_type"] == "AllOf" else any
            return joined([self.holds(part, t) for part in condition["conditions"]])
        return all(
            self.single(condition, day) for day in range(t - condition["for_days"] + 1, t + 1)
        )

    def single(self, c: Any, t: int) -> bool:
        sign = ">" if c["greater_than"] else "<"
        if c["type"] == "Month":
            return compared(self.prices.months[t], sign, c["rh_value_int"])
        left = self.value(c, "lh", t - c.get("lh_days_ago", 0))
        if c["type"] == "IndicatorAndNumber":
            return compared(left, sign, c["rh_value"])
        right = self.value(c, "rh", t - c.get("rh_days_ago", 0))
        return compared(left, sign, right * c["rh_weight"] + c["rh_bias"])

    def value(self, c: Any, side: str, t: int) -> float:
        by = c[f"{side}_indicator"]
        return self.known(self.prices.value(by["type"], c[f"{side}_ticker_symbol"], by["window"], t))  # fmt: skip


# -- any of them ---------------------------------------------------------------------------------


def edn_score_of(text: str) -> Any:
    """A score in EDN as the same objects that its JSON has; numbers stay texts."""
    stack: list[tuple[str, list[Any]]] = [("", [])]
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^\s,\[\]{}"]+', text):
        if token in "[{":
            stack.append((token, []))
            continue
        value: Any = {"true": True, "false": False}.get(token, token.strip('"').removeprefix(":"))
        if token in "]}":
            bracket, parts = stack.pop()
            value = parts if bracket == "[" else dict(zip(parts[::2], parts[1::2], strict=True))
        stack[-1][1].append(value)
    return stack[0][1][0]


def opinion_on(text: str, prices: Prices) -> tuple[Opinion, Any]:
    """Who can read the file, and its tree."""
    text = text.strip()
    if text.startswith('"'):
        text = json.loads(text).strip()
    if text[0] in "(;":
        return Definition(prices), definition_of(text)
    document = edn_score_of(text) if text.startswith("{:") else json.loads(text)
    if "incantation" in document:
        return Spell(prices), document["incantation"]
    return Score(prices), document.get("symphony", document)
