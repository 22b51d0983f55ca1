"""Composer's functions as indicators, and how sure each one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import BadInput
from core.flow.formats import composer_constructs as cc
from core.flow.formats.report import Construct, Findings, Place
from core.flow.formats.scalars import count_of, number_of
from core.flow.formats.unfold import shown
from core.flow.nodes import IndicatorOperand
from core.indicators.registry import find_indicator

HISTORY = 400
"""Sessions Composer loads before a backtest, about: 404 in the one that could be measured."""
FELT = 1e-6
"""An average's start is forgotten once its weight in today's value is below this."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: ``construct`` says which indicator it is and how exactly.

    ``parameters``  the indicator's parameters by the function's own
    ``of_price``    it has no meaning for a group, which has returns but no price
    ``decay``       a recursive average's weight is (1 − decay / (n + shift)) a session
    """

    construct: Construct
    indicator: str
    parameters: Mapping[str, str]
    of_price: bool = False
    decay: tuple[int, int] | None = None


def _row(
    name: str, indicator: str, *parameters: str, note: str = "", **more: Any
) -> tuple[str, Function]:
    status = "approximated" if note else "exact"
    construct = Construct(name, status, f"`{indicator}`", note)  # type: ignore[arg-type]
    named = {p: p.replace("-", "_") for p in parameters}
    return name, Function(construct, indicator, named, **more)


_USUAL = "Composer has not published its formula; this is the usual one."
FUNCTIONS: dict[str, Function] = dict([
    _row("current-price", "close", of_price=True),
    _row("moving-average-price", "sma", "window", of_price=True),
    _row("exponential-moving-average-price", "ema", "window", of_price=True, decay=(2, 1)),
    _row("moving-average-return", "mean_return", "window"),
    _row("cumulative-return", "cumulative_return", "window"),
    _row("relative-strength-index", "rsi", "window", decay=(1, 0)),
    _row("standard-deviation-return", "std_return", "window"),
    _row("standard-deviation-price", "std_price", "window", of_price=True,
         note="Taken as the sample deviation, as that of returns is; Composer does not say."),
    _row("max-drawdown", "max_drawdown", "window",
         note="A window of n is read as n closes; whether Composer takes n or n + 1 is not known."),
    _row("percentage-price-oscillator", "ppo", "short-window", "long-window", note=_USUAL),
    _row("percentage-price-oscillator-signal", "ppo_signal",
         "short-window", "long-window", "smooth-window", note=_USUAL),
    _row("moving-average-convergence-divergence", "macd", "short-window", "long-window",
         note=_USUAL, of_price=True),
    _row("moving-average-convergence-divergence-signal", "macd_signal",
         "short-window", "long-window", "smooth-window", note=_USUAL, of_price=True),
    _row("lower-bollinger", "bollinger_lower", "window", "multiplier", note=_USUAL, of_price=True),
    _row("upper-bollinger", "bollinger_upper", "window", "multiplier", note=_USUAL, of_price=True),
])  # fmt: skip

LONG_WINDOW: dict[str, Construct] = {
    name: replace(
        function.construct,
        name=f"{name}, long window",
        status="approximated",
        note="With so long a window the average still feels where its history starts: here with "
        f"the first bar of the source, in Composer some {HISTORY} sessions before a backtest.",
    )
    for name, function in FUNCTIONS.items()
    if function.decay
}


def operand(
    name: Any, params: Any, symbol: str | None, place: Place, findings: Findings
) -> IndicatorOperand | None:
    """The indicator for a function; None, and why in ``findings``, if there is none."""
    function = FUNCTIONS.get(name) if isinstance(name, str) else None
    if function is None:
        findings.add(place, cc.UNKNOWN_FUNCTION, f"The function is {shown(name)}.")
        return None
    if not isinstance(params, Mapping):
        findings.add(place, cc.MALFORMED, f"The parameters are {shown(params)}.")
        return None
    given = {} if name == "current-price" else params  # which may have a left-over window
    extra = set(given) - set(function.parameters)
    missing = set(function.parameters) - set(given)
    if extra or missing:
        words = [f"'{key}' is not known" for key in sorted(extra)]
        words += [f"'{key}' is missing" for key in sorted(missing)]
        findings.add(place, cc.OUT_OF_RANGE, f"Of {name}, {', '.join(words)}.")
        return None
    try:
        arguments = {
            own: number_of(given[key]) if key == "multiplier" else count_of(given[key])
            for key, own in function.parameters.items()
        }
        find_indicator(function.indicator, name).bind(arguments, name)
    except BadInput as err:
        findings.add(place, cc.OUT_OF_RANGE, f"{err.field}: {err.message} {err.fix}".strip())
        return None
    findings.add(place, _construct(name, function, arguments))
    return IndicatorOperand(indicator=function.indicator, symbol=symbol, **arguments)


def _construct(name: str, function: Function, arguments: Mapping[str, float]) -> Construct:
    if function.decay and felt(arguments["window"], *function.decay):
        return LONG_WINDOW[name]
    return function.construct


def felt(window: float, decay: int, shift: int) -> bool:
    """True if the start of the history still counts in a recursive average."""
    return bool((1 - decay / (window + shift)) ** HISTORY >= FELT)
