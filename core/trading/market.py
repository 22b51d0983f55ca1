"""Read the market for many strategies at once: each symbol once, errors where they belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.errors import BadInput
from core.market.bars import Adjustment, Bars
from core.market.source import MarketSource
from core.trading.decide import Ready, bars_wanted

BarsBy = Mapping[Adjustment, Bars]


@dataclass(frozen=True, eq=False)
class Read:
    """Bars for each deployment, or why there are none."""

    bars: Mapping[UUID, BarsBy]
    failed: Mapping[UUID, str]


def read_bars(source: MarketSource, ready: Mapping[UUID, Ready]) -> Read:
    """All history of every symbol some strategy needs, the session in progress included.

    One request where that works. Where a symbol cannot be had, each strategy is read for itself,
    and only those that need it fail. Raises Unavailable and NeedsOperator as the source does.
    """
    if not ready:
        return Read({}, {})
    try:
        together = _read(source, list(ready.values()))
        return Read(dict.fromkeys(ready, together), {})
    except BadInput:
        pass  # one strategy's symbol: found out below whose
    bars: dict[UUID, BarsBy] = {}
    failed: dict[UUID, str] = {}
    for id_, one in ready.items():
        try:
            bars[id_] = _read(source, [one])
        except BadInput as err:
            failed[id_] = str(err)
    return Read(bars, failed)


def _read(source: MarketSource, ready: Sequence[Ready]) -> BarsBy:
    return {
        adjustment: source.bars(symbols, adjustment=adjustment)
        for adjustment, symbols in bars_wanted(ready).items()
        if symbols
    }
