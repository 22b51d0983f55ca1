"""QuantMage's indicators as ours, and how sure each one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import BadInput
from core.flow.formats import quantmage_constructs as qc
from core.flow.formats.composer_functions import HISTORY, felt
from core.flow.formats.report import Construct, Findings, Place
from core.flow.formats.scalars import count_of
from core.flow.formats.unfold import shown
from core.flow.nodes import SYMBOL, IndicatorOperand
from core.indicators.registry import find_indicator


@dataclass(frozen=True, slots=True)
class Function:
    """One indicator: ``construct`` says what it becomes and how exactly.

    ``window``    it has one; if not, what stands there is left over
    ``of_price``  it has no meaning for an incantation, which has returns but no price
    ``ranked``    the construct when only the order of its values counts, if that is exact
    """

    construct: Construct
    indicator: str
    window: bool
    of_price: bool
    ranked: Construct | None = None


def _row(
    name: str, indicator: str, note: str = "", *, window: bool = True, of_price: bool = False,
    ranked: str = "",
) -> tuple[str, Function]:  # fmt: skip
    status = "approximated" if note else "exact"
    construct = Construct(name, status, f"`{indicator}`", note)  # type: ignore[arg-type]
    exact = replace(construct, name=f"{name}, {ranked}", status="exact", note="")
    return name, Function(construct, indicator, window, of_price, exact if ranked else None)


_FORMULA = "QuantMage names it without a formula; this is the usual one."
FUNCTIONS: dict[str, Function] = dict([
    _row("CurrentPrice", "close", window=False, of_price=True),
    _row("MovingAverage", "sma", of_price=True),
    _row("ExponentialMovingAverage", "ema", of_price=True),
    _row("RelativeStrengthIndex", "rsi",
         "Read as Wilder's; QuantMage says exponential average and does not give its weight."),
    _row("CumulativeReturn", "cumulative_return"),
    _row("MovingAverageOfReturns", "mean_return"),
    _row("MovingAverageReturn", "mean_return"),
    _row("Volatility", "std_return", "Read as the sample deviation of daily returns, not "
         "annualised; QuantMage does not say.", ranked="ranked"),
    _row("MaxDrawdown", "max_drawdown",
         "A window of n is read as n closes and the fall as positive; QuantMage does not say."),
    _row("Drawdown", "drawdown", "Read as positive percent; QuantMage does not say.", window=False),
    _row("13612wMomentum", "momentum_13612w", "Months are taken as 21 sessions.", window=False),
    _row("13612uMomentum", "momentum_13612u", "Months are taken as 21 sessions.", window=False),
    _row("AroonUp", "aroon_up", _FORMULA, of_price=True),
    _row("AroonDown", "aroon_down", _FORMULA, of_price=True),
    _row("Aroon", "aroon", _FORMULA, of_price=True),
    _row("Macd", "macd_histogram", "Read as the line less its signal (12, 26, 9), as others do; "
         "QuantMage does not say.", window=False, of_price=True),
    _row("PercentagePriceOscillator", "ppo", "Read with 12 and 26 sessions; QuantMage does "
         "not say.", window=False),
    _row("UltimateSmoother", "ultimate_smoother", _FORMULA, of_price=True),
    _row("TrendClarity", "trend_clarity", _FORMULA),
])  # fmt: skip

LONG_EMA = Construct(
    "ExponentialMovingAverage, long window", "approximated", "`ema`",
    "With so long a window the average still feels where its history starts, and QuantMage does "
    f"not say; shorter ones have forgotten it after {HISTORY} sessions.",
)  # fmt: skip


def operand(
    source: Any,
    symbol: str | None,
    place: Place,
    findings: Findings,
    *,
    ranked: bool = False,
    **modifiers: Any,
) -> IndicatorOperand | None:
    """The indicator for ``{"type", "window"}``; None, and why in ``findings``, if there is none."""
    if not isinstance(source, Mapping):
        findings.add(place, qc.MALFORMED, f"It is {shown(source)}.")
        return None
    kind = source.get("type")
    function = FUNCTIONS.get(kind) if isinstance(kind, str) else None
    if function is None:
        findings.add(place, qc.UNKNOWN_INDICATOR, f"The indicator is {shown(kind)}.")
        return None
    try:
        arguments = {"window": count_of(source.get("window"), "window")} if function.window else {}
        find_indicator(function.indicator, str(kind)).bind(arguments, str(kind))
    except BadInput as err:
        findings.add(place, qc.OUT_OF_RANGE, f"{err.field}: {err.message} {err.fix}".strip())
        return None
    construct = function.construct
    if function.indicator == "ema" and felt(arguments["window"], 2, 1):
        construct = LONG_EMA
    findings.add(place, (function.ranked if ranked else None) or construct)
    return IndicatorOperand(indicator=function.indicator, symbol=symbol, **arguments, **modifiers)


def symbol_of(ticker: Any, place: Place, findings: Findings) -> str | None:
    """The symbol; None, and why in ``findings``, if the ticker is none."""
    if isinstance(ticker, str) and ticker.startswith("Subspell"):
        findings.add(place, qc.SUBSPELL, f"It is {shown(ticker)}.")
        return None
    # '/' is a ratio here, and the pattern refuses '$' and '@'.
    if not isinstance(ticker, str) or "/" in ticker or not SYMBOL.fullmatch(ticker):
        findings.add(place, qc.SYMBOL, f"The ticker is {shown(ticker)}.")
        return None
    return ticker
