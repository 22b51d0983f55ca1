"""Columns: indicator series over the sessions of a backtest, each distinct one computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.indicators.registry import INDICATORS, Value
from core.market.bars import FIELDS, Bars, Float, Ohlcv

Subject = str | int
"""What is measured: a symbol, or the equity of inner flow number n."""


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One indicator series: ``times`` × indicator(subject) ``days_ago`` sessions back + ``plus``.

    ``parameters`` are complete, checked and in the registry's order.
    """

    indicator: str
    subject: Subject
    parameters: tuple[tuple[str, Value], ...] = ()
    other: str | None = None
    days_ago: int = 0
    times: float = 1.0
    plus: float = 0.0

    @property
    def warm_up(self) -> int:
        """Sessions of the subject before the first value."""
        return INDICATORS[self.indicator].warm_up(**dict(self.parameters)) + self.days_ago

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols whose bars it reads."""
        named = (self.subject, self.other)
        return tuple(s for s in named if isinstance(s, str))

    @property
    def measure(self) -> str:
        """The indicator with its numbers: ``RSI(10)``."""
        numbers = ", ".join(f"{value:g}" for _, value in self.parameters)
        label = INDICATORS[self.indicator].label
        return f"{label}({numbers})" if numbers else label

    def text(self, subject: str) -> str:
        """The whole column in words: ``RSI(10) of SPY, 2 sessions ago``."""
        text = f"{self.measure} of {subject}"
        if self.other:
            text += f" with {self.other}"
        if self.days_ago:
            text += f", {self.days_ago} session{'s' * (self.days_ago > 1)} ago"
        if self.times != 1:
            text = f"{self.times:g} × {text}"
        if self.plus:
            text += f" {'+' if self.plus > 0 else '−'} {abs(self.plus):g}"
        return text


class ColumnTable:
    """Computes columns over fixed bars.

    An indicator is computed on the sessions its subject has a bar for, and is NaN on the others:
    a missing bar neither enters an average nor repeats the last value.
    """

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._series: dict[tuple[str | int, bool], tuple[Ohlcv, npt.NDArray[np.intp]]] = {}
        self._plain: dict[ColumnSpec, Float] = {}

    def fill(self, row: Float, spec: ColumnSpec, equity: Float) -> None:
        """Write the column to ``row`` [T]; ``equity`` [flows, T] is that of the inner flows."""
        plain = ColumnSpec(spec.indicator, spec.subject, spec.parameters, spec.other)
        if plain not in self._plain:
            self._plain[plain] = self._indicator(plain, equity)
        lag, values = spec.days_ago, self._plain[plain]
        row[:lag] = np.nan
        row[lag:] = values[: len(values) - lag] if lag else values
        if spec.times != 1 or spec.plus:
            row *= spec.times
            row += spec.plus

    def _indicator(self, spec: ColumnSpec, equity: Float) -> Float:
        known = INDICATORS[spec.indicator]
        values = np.full(len(self._bars), np.nan)
        if isinstance(spec.subject, int):
            series, where = self._equity_series(spec.subject, equity)
        else:
            series, where = self._symbol_series(spec.subject, "volume" in known.inputs)
        arguments = [series]
        if spec.other is not None:
            other, also = self._symbol_series(spec.other, "volume" in known.inputs)
            where, mine, theirs = np.intersect1d(where, also, return_indices=True)
            arguments = [_take(series, mine), _take(other, theirs)]
        if len(where) > known.warm_up(**dict(spec.parameters)):
            values[where] = known.compute(*arguments, **dict(spec.parameters))
        return values

    def _symbol_series(self, symbol: str, needs_volume: bool) -> tuple[Ohlcv, npt.NDArray[np.intp]]:
        key = symbol, needs_volume
        if key not in self._series:
            column = self._bars.column(symbol)
            fields = [getattr(self._bars, name)[:, column] for name in FIELDS]
            where = np.flatnonzero(~np.isnan(fields[4 if needs_volume else 3]))
            self._series[key] = Ohlcv(*(f[where] for f in fields)), where
        return self._series[key]

    def _equity_series(self, flow: int, equity: Float) -> tuple[Ohlcv, npt.NDArray[np.intp]]:
        """A flow's equity as bars that only have a close."""
        if (flow, False) not in self._series:
            where = np.flatnonzero(~np.isnan(equity[flow]))
            close, none = equity[flow][where], np.full(len(where), np.nan)
            self._series[flow, False] = Ohlcv(none, none, none, close, none), where
        return self._series[flow, False]


def _take(series: Ohlcv, rows: npt.NDArray[np.intp]) -> Ohlcv:
    return Ohlcv(*(f[rows] for f in series))
