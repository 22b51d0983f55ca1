"""Flows for Hypothesis to draw: every node, scheme, condition and operand, nested and bounded.

``flows`` draws a ``Case``: one flow, the library it refers to and values for some of its
variables. What it draws is valid by docs/flow.md; ``broken`` has flows that are not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.reference.closed import Json
from tests.reference.indicators import DEFINITIONS
from tests.reference.markets import SYMBOLS

OPS = (">", ">=", "<", "<=")
LEVELS: dict[str, tuple[float, ...]] = {
    "close": (20.0, 49.5, 50.0, 100.0),
    "sma": (20.0, 49.5, 50.0, 100.0),
    "ema": (20.0, 50.0, 100.0),
    "rsi": (0.0, 30.0, 50.0, 62.5, 100.0),
    "roc": (-3.0, 0.0, 2.0),
    "cumulative_return": (-3.0, 0.0, 2.0),
    "max_drawdown": (0.0, 1.0, 5.0, 20.0),
    "mean_return": (-0.2, 0.0, 0.1),
    "std_return": (0.0, 0.5, 1.0, 3.0),
    "std_price": (0.0, 0.4, 2.0),
    "zscore": (-1.0, 0.0, 1.0),
    "distance_from_high": (0.0, 1.0, 5.0),
    "atr": (0.0, 0.5, 1.5),
    "volume_sma": (20000.0, 25000.0),
    "correlation": (-0.2, 0.0, 0.3, 1.0),
}
"""Numbers worth comparing each indicator with: some are hit exactly, most lie in the middle."""

ON_FLOWS = tuple(n for n, d in DEFINITIONS.items() if d.reads == ("close",))
WINDOWED = tuple(n for n, d in DEFINITIONS.items() if list(d.defaults) == ["window"] and not d.pair)
INTERCHANGEABLE = tuple(n for n in WINDOWED if n in ON_FLOWS)
"""Indicators with equal parameters, so that a variable can stand for their name."""


@dataclass(frozen=True)
class Case:
    """A flow, the strategies it may refer to, and values given for some variables."""

    flow: Json
    library: dict[str, Json]
    overrides: dict[str, Any]


class Author:
    """Draws one document; remembers its variables and how many nodes it may still make."""

    def __init__(
        self, draw: st.DrawFn, budget: int, library: dict[str, Json], symbols: tuple[str, ...]
    ) -> None:
        self.draw = draw
        self.budget = budget
        self.library = library
        self.symbols = symbols
        self.variables: dict[str, Any] = {}
        self.overrides: dict[str, Any] = {}
        self.used: dict[str, str] = {}

    def one(self, values: Any) -> Any:
        return self.draw(st.sampled_from(tuple(values)))

    def whole(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def maybe(self, times_in_ten: int) -> bool:
        return self.whole(0, 9) >= 10 - times_in_ten

    def slot(self, make: Callable[[], Any], times_in_ten: int = 1, use: str = "") -> Any:
        """A value, or a variable with that value or given it, or one made for the same ``use``."""
        if use in self.used and self.maybe(1):
            return self.used[use]
        value = make()
        if not self.maybe(times_in_ten):
            return value
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        if use:
            self.used[use] = f"${name}"
        if self.maybe(3):
            self.variables[name] = make()
            self.overrides[name] = value
        return f"${name}"

    # Operands

    def symbol(self) -> Any:
        return self.slot(lambda: self.one(self.symbols), use="symbol")

    def window(self, low: int = 2) -> Any:
        return self.slot(lambda: self.whole(low, 7), use=f"window from {low}")

    def indicator(self, names: tuple[str, ...]) -> Json:
        """An indicator without a subject."""
        if self.maybe(1):
            named = tuple(n for n in names if n in INTERCHANGEABLE)
            if named:
                return {"indicator": self.slot(lambda: self.one(named), 9), "window": self.window()}
        name = self.one((*names, "close", "close"))
        part: Json = {"indicator": name}
        if "window" in DEFINITIONS[name].defaults and self.whole(0, 19) < 19:
            part["window"] = self.window(3 if DEFINITIONS[name].pair else 2)
        if DEFINITIONS[name].pair:
            part["other"] = self.symbol()
        return part

    def modified(self, part: Json) -> Json:
        if self.maybe(2):
            part["days_ago"] = self.slot(lambda: self.whole(0, 4))
        if self.maybe(2):
            part["times"] = self.slot(lambda: self.one((-1.0, 0.0, 0.5, 1.02, 2.0)))
        if self.maybe(2):
            part["plus"] = self.slot(lambda: self.one((-1.0, 0.0, 0.25, 10.0)))
        return part

    def operand(self, depth: int, on_item: bool = False) -> Json:
        """An indicator of a symbol, of a flow, or (in a filter) of the item."""
        if on_item and self.maybe(7):
            return self.modified(self.indicator(ON_FLOWS))
        if depth > 0 and self.budget > 4 and self.maybe(2):
            return self.modified({**self.indicator(ON_FLOWS), "of": self.node(depth - 1)})
        return self.modified({**self.indicator(tuple(DEFINITIONS)), "symbol": self.symbol()})

    # Conditions

    def condition(self, depth: int, on_item: bool = False) -> Json:
        kind = self.one(("compare", "compare", "compare", "joined", "at_least", "not", "month"))
        if depth <= 0 or kind == "compare":
            return self.comparison(depth, on_item)
        if kind == "month":
            return {"month": sorted({self.whole(1, 12) for _ in range(self.whole(1, 7))})}
        if kind == "not":
            return {"not": self.condition(depth - 1, on_item)}
        parts = [self.condition(depth - 1, on_item) for _ in range(self.whole(1, 3))]
        if kind == "at_least":
            count = self.slot(lambda: self.whole(1, len(parts)))
            return {"at_least": {"count": count, "of": parts}}
        return {self.one(("all", "any")): parts}

    def comparison(self, depth: int, on_item: bool) -> Json:
        left = self.operand(depth, on_item)
        name = left["indicator"]
        if name.startswith("$"):
            name = self.overrides.get(name[1:], self.variables[name[1:]])
        right: Any
        if self.maybe(6):
            right = self.modified({**self.same_unit(name), "symbol": self.symbol()})
        else:
            right = self.slot(lambda: self.one(LEVELS[name]), 3)
        sides = [left, right]
        if self.maybe(2):
            sides.reverse()
        part: Json = {"left": sides[0], "op": self.one(OPS), "right": sides[1]}
        if self.maybe(2):
            part["for_days"] = self.slot(lambda: self.whole(1, 4))
        return part

    def same_unit(self, name: str) -> Json:
        alike = {"close": ("close", "sma", "ema"), "sma": ("close", "ema"), "ema": ("close", "sma")}
        return self.indicator(alike.get(name, (name,)))

    # Nodes

    def node(self, depth: int, *, root: bool = False) -> Json:
        self.budget -= 1
        kinds = ["asset"] * 7 + ["cash"]
        if depth > 0 and self.budget > 0:
            kinds = ["weight", "gate", "latch", "switch", "scale", "sort", "sort"]
            if not root:
                kinds += ["asset", "asset", "group"]
            if self.library and not root:
                kinds.append("strategy")
        made: Json = getattr(self, "make_" + self.one(kinds))(depth - 1)
        if self.maybe(1):
            made["name"] = "a $name in words"
            made["note"] = "$nothing"
        return made

    def nodes(self, depth: int, low: int, high: int) -> list[Json]:
        return [self.node(depth) for _ in range(self.whole(low, high))]

    def make_asset(self, depth: int) -> Json:
        return {"kind": "asset", "symbol": self.symbol()}

    def make_cash(self, depth: int) -> Json:
        return {"kind": "cash"}

    def make_group(self, depth: int) -> Json:
        group: Json = {"kind": "group", "child": self.node(depth)}
        if self.maybe(3):
            group["colour"] = "#12ab9f"
        return group

    def make_strategy(self, depth: int) -> Json:
        return {"kind": "strategy", "strategy": self.one(self.library)}

    def make_weight(self, depth: int) -> Json:
        children = self.nodes(depth, 1, 4)
        scheme = self.one(("default", "equal", "specified", "rank", "inverse_volatility"))
        made: Json = {"kind": "weight", "children": children}
        if scheme != "default":
            made["scheme"] = scheme
        if scheme == "specified":
            made["weights"] = self.parts_of_one(len(children))
        if scheme == "inverse_volatility":
            made["window"] = self.window()
        return made

    def parts_of_one(self, count: int) -> list[Any]:
        """Weights that sum to 1: sixteenths, some of them perhaps 0."""
        cuts = sorted(self.whole(0, 16) for _ in range(count - 1))
        edges = [0, *cuts, 16]
        return [
            self.slot(lambda part=(b - a) / 16: part)  # type: ignore[misc]
            for a, b in itertools.pairwise(edges)
        ]

    def make_gate(self, depth: int) -> Json:
        return {
            "kind": "gate",
            "when": self.condition(depth),
            "then": self.node(depth),
            "else": self.node(depth),
        }

    def make_latch(self, depth: int) -> Json:
        return {
            "kind": "latch",
            "enter": self.condition(depth),
            "exit": self.condition(depth),
            "then": self.node(depth),
            "else": self.node(depth),
        }

    def make_switch(self, depth: int) -> Json:
        conditions = [self.condition(depth) for _ in range(self.whole(1, 3))]
        cases = [self.node(depth) for _ in range(len(conditions) + 1)]
        return {"kind": "switch", "conditions": conditions, "cases": cases}

    def make_scale(self, depth: int) -> Json:
        indicator = self.operand(depth)
        ends = [self.slot(lambda: float(self.whole(-20, 55))), 60.0 + self.whole(0, 60)]
        if self.maybe(4):
            ends = [self.one((0.0, -0.5)), self.slot(lambda: self.one((0.5, 2.0, 7.0)))]
        if self.maybe(4):
            ends.reverse()
        return {
            "kind": "scale",
            "indicator": indicator,
            "from": ends[0],
            "to": ends[1],
            "children": self.nodes(depth, 2, 4),
        }

    def make_sort(self, depth: int) -> Json:
        items = [
            self.node(depth) if depth > 0 and self.budget > 0 and self.maybe(4) else self.symbol()
            for _ in range(self.one((3, 2, 4, 5, 1)))
        ]
        keys = [self.modified(self.indicator(ON_FLOWS)) for _ in range(self.whole(1, 2))]
        made: Json = {"kind": "sort", "items": items}
        made["by"] = keys if len(keys) > 1 or self.maybe(3) else keys[0]
        order = self.one(("default", "asc", "desc", "each"))
        if order == "each":
            made["order"] = [self.one(("asc", "desc")) for _ in keys]
        elif order != "default":
            made["order"] = order
        if self.maybe(3):
            made["filters"] = [self.condition(1, on_item=True) for _ in range(self.whole(1, 2))]
        take = self.whole(1, len(items))
        if take > 1 or self.maybe(5):
            made["take"] = self.slot(lambda: take)
        allocation = self.one(("default", "equal", "rank", "specified", "inverse_volatility"))
        if allocation != "default":
            made["allocation"] = allocation
        if allocation == "specified":
            made["weights"] = self.parts_of_one(take)
        if allocation == "inverse_volatility":
            made["window"] = self.window()
        return made


def document(author: Author, name: str, depth: int) -> Json:
    """A whole flow by ``author``."""
    root = author.node(depth, root=True)
    flow: Json = {"sluice": 1, "name": name, "root": root}
    if author.variables:
        flow["variables"] = author.variables
    return flow


@st.composite
def flows(
    draw: st.DrawFn,
    depth: int = 4,
    budget: int = 16,
    symbols: tuple[str, ...] = SYMBOLS,
    references: bool = True,
) -> Case:
    """A flow of some ``budget`` nodes, up to ``depth`` deep, and what it needs to run."""
    library: dict[str, Json] = {}
    if references:
        for short in ("helper-one", "helper-two")[: draw(st.integers(0, 2))]:
            helper = Author(draw, 5, dict(library), symbols)
            library[short] = document(helper, short, 2)
    author = Author(draw, budget, library, symbols)
    flow = document(author, "drawn", depth)
    return Case(flow, library, author.overrides)
