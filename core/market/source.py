"""The seam between Sluice and market data: one protocol, any number of adapters behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from core.calendar import CalendarName
from core.market.bars import Adjustment, Bars, Float

Progress = Callable[[float, str], None]
"""Called with a share done (0 to 1) and what is being done; may raise Cancelled to stop."""


def silent(share: float, doing: str) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What a user should know before choosing a source."""

    name: str
    """As written on the command line and stored with results: ``demo``, ``files`` …"""
    label: str
    meaning: str
    """One sentence."""
    calendars: tuple[CalendarName, ...]
    adjustments: tuple[Adjustment, ...]
    needs_keys: bool = False
    synthetic: bool = False
    history_start: date | None = None
    """No bar is older than this; None where it differs by symbol."""


@dataclass(frozen=True, slots=True)
class Span:
    """The first and last session a source has of one symbol, both included."""

    first: date
    last: date


class MarketSource(Protocol):
    """Daily bars of one vendor, from one feed.

    Sources are never stitched: all of a result's bars come from one of these.
    """

    @property
    def info(self) -> SourceInfo: ...

    def symbols(self) -> tuple[str, ...]:
        """Symbols it can list, sorted; empty where the vendor has too many to list."""
        ...

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """Bars of ``symbols`` in that order; ``start`` and ``end`` default to all there is.

        The axis runs from the first to the last session on which any of the symbols has a bar.
        A symbol that has no bars inside the range is an all-NaN column. A source without
        dividends answers ``adjusted`` with ``split_adjusted`` bars and says so in their
        provenance; any other adjustment it lacks is a BadInput.

        Raises
        ------
        UnknownName       a symbol the source has never had
        RangeUnavailable  a start before its first session of all of them, or an end after the
                          last one it could have; says what is available
        BadData           bars that a quality rule refuses
        Unavailable       the vendor does not answer properly
        NeedsOperator     keys are missing or refused
        """
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Funding:
    """Settled funding of one perpetual, oldest first.

    ``settled``  datetime64[ms], UTC
    ``rate``     float64, fraction of notional a long pays at that settlement (0.0001 = 1 bp)
    """

    symbol: str
    settled: npt.NDArray[np.datetime64]
    rate: Float


@dataclass(frozen=True, eq=False, slots=True)
class OpenInterest:
    """Open interest of one perpetual in base coin, oldest first."""

    symbol: str
    at: npt.NDArray[np.datetime64]
    base: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What a venue says about one perpetual; numbers as the venue's exact decimals in text."""

    symbol: str
    base: str
    quote: str
    status: str
    tick_size: str
    quantity_step: str
    min_quantity: str
    min_notional: str | None
    max_leverage: str | None
    funding_interval_minutes: int | None
    listed: date | None


@runtime_checkable
class PerpetualSource(MarketSource, Protocol):
    """A source of perpetual futures: bars, and what it costs to hold them."""

    def funding(self, symbol: str, *, start: date, end: date) -> Funding:
        """Every settlement from ``start`` 00:00 UTC to the end of ``end``."""
        ...

    def open_interest(self, symbol: str, *, start: date, end: date) -> OpenInterest: ...

    def instruments(self) -> tuple[Instrument, ...]: ...
