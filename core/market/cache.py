"""CachedSource: a vendor's settled bars kept on disk, the rest asked for anew each time.

A bar is settled once ``settle_sessions`` later sessions have closed. What is kept of a symbol is
always its whole settled history: no question then finds a hole in front. A question that reaches
beyond it asks the vendor for the end only, with some settled sessions before it: where those
differ from what is kept, a dividend or split has moved the whole adjusted series, and it is
fetched anew. A question the cache cannot answer goes to the vendor as it stands, whose errors say
why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.calendar import Calendar, calendar
from core.clock import Clock
from core.errors import BadData, NeedsOperator
from core.market.bar_folder import FolderSize
from core.market.bars import Adjustment, Bars
from core.market.kept_bars import KeptBars
from core.market.progress import never_back, part
from core.market.series import Series, answered, between, in_reach, joined, merged, series_of
from core.market.settled import SeriesKey, Settled
from core.market.source import (
    Funding,
    Instrument,
    MarketSource,
    OpenInterest,
    PerpetualSource,
    Progress,
    SourceInfo,
    silent,
)

if TYPE_CHECKING:
    from redis import Redis

OVERLAP_SESSIONS = 5
_ROUNDING = 1e-6  # relative; vendors compute adjusted prices in single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """What a cache was good for since its process began."""

    questions: int = 0
    hits: int = 0
    """Series of which the history was kept."""
    misses: int = 0
    """Series of which the history was fetched."""
    rebased: int = 0
    """Misses of series that were kept, but differed from what the vendor says now."""
    bars_kept: int = 0
    """Bars that came from the cache."""
    bars_fetched: int = 0
    """Bars a vendor sent."""


class CachedSource:
    """``source``, its settled bars kept below ``folder``.

    ``settle_sessions``  how many sessions old a bar is when it no longer changes
    ``redis``            a server that shares kept bars between hosts
    ``feed``             the feed of ``source``, as its provenance will name it: bars of different
                         feeds are kept apart
    """

    def __init__(
        self,
        source: MarketSource,
        folder: Path,
        clock: Clock,
        settle_sessions: int,
        redis: Redis | None = None,
        *,
        feed: str,
    ) -> None:
        self._source = source
        self._bars = KeptBars(folder, clock, redis)
        self._clock = clock
        self._settle_sessions = settle_sessions
        self._feed = feed
        self._use = CacheUse()
        self._counting = threading.Lock()

    @property
    def info(self) -> SourceInfo:
        return self._source.info

    @property
    def use(self) -> CacheUse:
        return self._use

    def symbols(self) -> tuple[str, ...]:
        return self._source.symbols()

    def size(self) -> FolderSize:
        """How much is kept, of every source in the folder."""
        return self._bars.size()

    def purge(self, older_than: timedelta) -> FolderSize:
        """Remove series nobody has read for so long, of every source in the folder."""
        return self._bars.purge(older_than)

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars.

        ``provenance.as_of`` is when the vendor last answered about the symbol it was asked about
        longest ago. Findings about kept bars are those of their whole history.
        """
        self._count(questions=1)
        tell = never_back(progress)
        tell(0.0, f"looking for {len(symbols)} symbols")
        found = None
        if symbols and self._can_answer(start, end, adjustment):
            try:
                found = self._find(list(dict.fromkeys(symbols)), end, adjustment, tell)
            except BadData:
                # Of bars that were not asked for, perhaps: the vendor's answer will tell.
                found = None
        if found is None or not in_reach(found.values(), start, end):
            return self._source.bars(
                symbols, start=start, end=end, adjustment=adjustment, progress=tell
            )
        bars = answered(symbols, found, start, end, info=self.info, feed=self._feed)
        tell(1.0, "bars read")
        return bars

    # -- what is known of each symbol ------------------------------------------------------------

    def _can_answer(self, start: date | None, end: date | None, adjustment: Adjustment) -> bool:
        """False for what the vendor refuses whatever it has."""
        if adjustment not in self.info.adjustments:
            return False
        if start is not None and end is not None and start > end:
            return False
        now = self._clock()
        calendars = [calendar(name) for name in self.info.calendars]
        return end is None or all(
            len(of.between(of.current(now) or of.last_closed(now), end)) <= 1 for of in calendars
        )

    def _find(
        self, names: Sequence[str], end: date | None, adjustment: Adjustment, progress: Progress
    ) -> dict[str, Series] | None:
        """Everything about ``names`` up to ``end``; None if they do not go together."""
        keys = {name: self._key(name, adjustment) for name in names}
        kept = self._kept(keys)
        missing = [name for name in names if name not in kept]
        elsewhere, found = self._history(missing, adjustment, part(progress, 0.0, 0.8))
        kept |= elsewhere
        self._count(hits=len(kept), bars_kept=sum(len(s.bars.sessions) for s in kept.values()))
        behind = {name: s for name, s in kept.items() if self._is_behind(s, end)}
        found |= {
            name: Series(s.bars, s.calendar, s.basis, s.asked_at, s.findings)
            for name, s in kept.items()
            if name not in behind
        }
        if behind:
            found |= self._brought_up(behind, end, adjustment, part(progress, 0.8, 1.0))
        return found if len({(s.calendar, s.basis) for s in found.values()}) == 1 else None

    def _brought_up(
        self,
        behind: Mapping[str, Settled],
        end: date | None,
        adjustment: Adjustment,
        progress: Progress,
    ) -> dict[str, Series]:
        """Kept series brought up to ``end``, or fetched anew where the vendor has changed them."""
        start = min(self._overlap_start(settled) for settled in behind.values())
        answer = self._source.bars(
            list(behind), start=start, end=end, adjustment=adjustment, progress=progress
        )
        self._check_feed(answer)

        def agrees(settled: Settled) -> bool:
            return self._agrees(settled, answer, start)

        changed = [name for name, settled in behind.items() if not agrees(settled)]
        self._count(
            hits=-len(changed),
            bars_kept=-sum(len(behind[name].bars.sessions) for name in changed),
            rebased=len(changed),
            bars_fetched=_bars_in(answer),
        )
        elsewhere, found = self._history(changed, adjustment, progress, agrees)
        for name, settled in {**behind, **elsewhere}.items():
            if name not in found:
                found[name] = self._extended(settled, answer, end)
        return found

    def _history(
        self,
        names: Sequence[str],
        adjustment: Adjustment,
        progress: Progress,
        agrees: Callable[[Settled], bool] | None = None,
    ) -> tuple[dict[str, Settled], dict[str, Series]]:
        """All bars of ``names``: kept ones, should another process have fetched some that agree
        meanwhile, and fetched ones, which are now kept."""
        if not names:
            return {}, {}
        keys = {name: self._key(name, adjustment) for name in names}
        with self._bars.locked(keys.values(), _waiting(progress)):
            kept = {name: s for name, s in self._kept(keys).items() if not agrees or agrees(s)}
            rest = [name for name in names if name not in kept]
            if not rest:
                return kept, {}
            answer = self._source.bars(rest, adjustment=adjustment, progress=progress)
            self._check_feed(answer)
            self._count(misses=len(rest), bars_fetched=_bars_in(answer))
            found = {name: series_of(answer, name) for name in rest}
            covers = self._settled_to(calendar(answer.calendar))
            for name, series in found.items():
                self._keep(keys[name], series, covers)
        return kept, found

    def _extended(self, settled: Settled, answer: Bars, end: date | None) -> Series:
        """``settled`` with the later bars of ``answer``; newly settled ones are now kept."""
        sent = series_of(answer, settled.bars.symbol)
        covered = self._covered(settled)
        series = replace(
            sent,
            bars=joined(settled.bars, sent.bars, covered),
            findings=merged(settled.findings, sent.findings),
        )
        of = calendar(settled.calendar)
        upto = min(self._settled_to(of), end or date.max)
        covers: date = of.between(covered, upto)[-1].item()
        if covers > settled.covers:
            self._keep(settled.key, series, covers)
        return series

    # -- what is kept ----------------------------------------------------------------------------

    def _key(self, name: str, adjustment: Adjustment) -> SeriesKey:
        return SeriesKey(self.info.name, self._feed, adjustment, name)

    def _kept(self, keys: Mapping[str, SeriesKey]) -> dict[str, Settled]:
        return {key.symbol: settled for key, settled in self._bars.read(keys.values()).items()}

    def _keep(self, key: SeriesKey, series: Series, covers: date) -> None:
        """Keep the bars up to ``covers``, if there are any."""
        bars = between(series.bars, None, covers)
        if not len(bars.sessions):
            return
        self._bars.write(
            Settled(
                key=key,
                bars=bars,
                calendar=series.calendar,
                basis=series.basis,
                covers=covers,
                asked_at=series.asked_at,
                findings=tuple(f for f in series.findings if f.first <= covers),
            )
        )

    def _settled_to(self, of: Calendar) -> date:
        """The last session that is settled now."""
        closed = np.datetime64(of.last_closed(self._clock()))
        at = int(np.searchsorted(of.sessions, closed)) - self._settle_sessions
        session: date = of.sessions[at].item()
        return session

    def _covered(self, settled: Settled) -> date:
        """The last session that needs no asking; a clock that ran ahead may have kept more."""
        return min(settled.covers, self._settled_to(calendar(settled.calendar)))

    def _is_behind(self, settled: Settled, end: date | None) -> bool:
        of = calendar(settled.calendar)
        return end is None or len(of.between(self._covered(settled), end)) > 1

    def _overlap_start(self, settled: Settled) -> date:
        of = calendar(settled.calendar)
        after = np.searchsorted(of.sessions, np.datetime64(self._covered(settled)), side="right")
        start: date = of.sessions[max(0, int(after) - OVERLAP_SESSIONS)].item()
        first: date = settled.bars.sessions[0].item()
        return max(start, first)

    def _agrees(self, settled: Settled, answer: Bars, start: date) -> bool:
        """Does ``answer`` say of the settled sessions since ``start`` what is kept of them?"""
        if (answer.calendar, answer.provenance.adjustment) != (settled.calendar, settled.basis):
            return False
        covered = self._covered(settled)
        kept = between(settled.bars, start, covered)
        sent = between(series_of(answer, settled.bars.symbol).bars, start, covered)
        return np.array_equal(kept.sessions, sent.sessions) and np.allclose(
            kept.ohlcv, sent.ohlcv, rtol=_ROUNDING, atol=0, equal_nan=True
        )

    def _check_feed(self, answer: Bars) -> None:
        if answer.provenance.feed != self._feed:
            raise NeedsOperator(
                f"{self.info.label} answers from its feed '{answer.provenance.feed}', kept bars "
                f"are of '{self._feed}': wire the cache with the feed the source uses."
            )

    # -- what it was good for --------------------------------------------------------------------

    def _count(self, **more: int) -> None:
        with self._counting:
            counts = {name: getattr(self._use, name) + n for name, n in more.items()}
            self._use = replace(self._use, **counts)


class CachedPerpetualSource(CachedSource):
    """A cached source of perpetuals: bars are kept, all else is asked of the vendor each time."""

    _source: PerpetualSource

    def funding(self, symbol: str, *, start: date, end: date) -> Funding:
        return self._source.funding(symbol, start=start, end=end)

    def open_interest(self, symbol: str, *, start: date, end: date) -> OpenInterest:
        return self._source.open_interest(symbol, start=start, end=end)

    def instruments(self) -> tuple[Instrument, ...]:
        return self._source.instruments()


def _bars_in(answer: Bars) -> int:
    return int(np.isfinite(answer.close).sum())


def _waiting(progress: Progress) -> Iterator[None]:
    while True:
        progress(0.0, "waiting for another process that fetches the same bars")
        yield
