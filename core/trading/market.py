"""Read the market for many strategies at once: each symbol once, errors where they belong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.errors import BadInput, SluiceError
from core.market.bars import Adjustment, Bars
from core.market.source import MarketSource
from core.trading.decide import Decision, Ready, bars_wanted, failed

log = logging.getLogger(__name__)

BarsBy = Mapping[Adjustment, Bars]


@dataclass(frozen=True, eq=False)
class Read:
    """Bars for each deployment, or why there are none."""

    bars: Mapping[UUID, BarsBy]
    failed: Mapping[UUID, Decision]


def read_bars(source: MarketSource, ready: Mapping[UUID, Ready]) -> Read:
    """All history of every symbol some strategy needs, the session in progress included.

    One request where that works. Where a symbol cannot be had, each strategy is read for itself,
    and only those that need it fail. Raises Unavailable and NeedsOperator as the source does, and
    what nobody foresaw where it happens to every one: that is the source's.
    """
    if not ready:
        return Read({}, {})
    try:
        together = _read(source, list(ready.values()))
        return Read(dict.fromkeys(ready, together), {})
    except BadInput:
        pass  # one strategy's symbol: found out below whose
    except SluiceError:
        raise
    except Exception:
        if len(ready) == 1:
            raise
        log.exception("bars cannot be read together: each strategy's are read alone")
    bars: dict[UUID, BarsBy] = {}
    without: dict[UUID, Decision] = {}
    unforeseen: list[Exception] = []
    for id_, one in ready.items():
        try:
            bars[id_] = _read(source, [one])
        except BadInput as err:
            without[id_] = Decision("aborted", str(err))
        except SluiceError:
            raise
        except Exception as err:  # noqa: BLE001  the others have their bars
            without[id_] = failed(err)
            unforeseen.append(err)
    if len(unforeseen) == len(ready):
        raise unforeseen[0]
    return Read(bars, without)


def _read(source: MarketSource, ready: Sequence[Ready]) -> BarsBy:
    return {
        adjustment: source.bars(symbols, adjustment=adjustment)
        for adjustment, symbols in bars_wanted(ready).items()
        if symbols
    }
