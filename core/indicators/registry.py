"""The registry of indicators: one decorated function each; editor, validator and tests read it.

An indicator turns one symbol's bars into one value a session. Value ``t`` uses sessions up to and
including ``t`` and nothing later; before its warm-up it is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import BadInput, UnknownName, suggestion
from core.market.bars import Float

Unit = Literal["price", "percent", "0 to 100", "-100 to 100", "-1 to 1", "ratio", "volume"]
Pane = Literal["price", "own"]
"""Drawn over the prices or in a pane of its own."""

Value = int | float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an indicator and the values it takes."""

    name: str
    meaning: str
    default: Value
    low: Value
    high: Value
    integer: bool

    def check(self, value: Value, field: str) -> Value:
        """``value`` as this parameter's type; BadInput if it is not a number in range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInput(field, f"'{self.name}' must be a number, was {value!r}.")
        if not self.low <= value <= self.high:
            raise BadInput(
                field,
                f"'{self.name}' was {value}.",
                f"Choose a value from {self.low} to {self.high}.",
            )
        if not self.integer:
            return float(value)
        if value != int(value):
            raise BadInput(field, f"'{self.name}' was {value}.", "It counts: choose a whole one.")
        return int(value)


def count(default: int, low: int, high: int, meaning: str) -> Parameter:
    """A parameter that counts sessions."""
    return Parameter("", meaning, default, low, high, integer=True)


def number(default: float, low: float, high: float, meaning: str) -> Parameter:
    """A parameter that measures."""
    return Parameter("", meaning, default, low, high, integer=False)


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is known about one indicator.

    ``inputs``   fields of the bars it reads; one that reads ``close`` only also works on the
                 equity of a flow
    ``pair``     it compares the series with that of a second symbol, ``other``
    ``warm_up``  sessions before the first value: value number ``warm_up`` (from 0) is the first
                 that is not NaN, given bars without gaps
    """

    name: str
    label: str
    meaning: str
    unit: Unit
    pane: Pane
    inputs: tuple[str, ...]
    pair: bool
    parameters: tuple[Parameter, ...]
    warm_up: Callable[..., int]
    compute: Callable[..., Float]

    @property
    def works_on_flows(self) -> bool:
        return self.inputs == ("close",)

    def bind(self, given: Mapping[str, Any], field: str) -> dict[str, Value]:
        """Every parameter's value, defaults filled in, in declared order.

        Raises BadInput, naming ``field``, for a parameter it does not have or a value outside
        its range.
        """
        known = {p.name for p in self.parameters}
        for name in given:
            if name not in known:
                takes = ", ".join(sorted(known)) or "no parameters"
                fix = suggestion(name, known) if known else ""
                raise BadInput(f"{field}.{name}", f"{self.name} takes {takes}.", fix)
        return {
            p.name: p.check(given.get(p.name, p.default), f"{field}.{p.name}")
            for p in self.parameters
        }


INDICATORS: dict[str, Indicator] = {}


def indicator(
    name: str,
    *,
    label: str,
    meaning: str,
    unit: Unit,
    warm_up: Callable[..., int],
    pane: Pane = "own",
    inputs: tuple[str, ...] = ("close",),
    pair: bool = False,
    **parameters: Parameter,
) -> Callable[[Callable[..., Float]], Callable[..., Float]]:
    """Register the decorated function as indicator ``name``.

    The function is called with the symbol's ``Ohlcv`` (and the other symbol's, when ``pair``) and
    the parameters by name; ``warm_up`` with the parameters by name. Neither sees NaN.
    """

    def register(compute: Callable[..., Float]) -> Callable[..., Float]:
        if name in INDICATORS:
            raise ValueError(f"indicator {name!r} is registered twice")
        declared = tuple(
            Parameter(key, p.meaning, p.default, p.low, p.high, p.integer)
            for key, p in parameters.items()
        )
        INDICATORS[name] = Indicator(
            name, label, meaning, unit, pane, inputs, pair, declared, warm_up, compute
        )
        return compute

    return register


def find_indicator(name: str, field: str) -> Indicator:
    """The indicator called ``name``; UnknownName, with the nearest known names, if none is."""
    try:
        return INDICATORS[name]
    except KeyError:
        raise UnknownName(field, "indicator", name, INDICATORS) from None
