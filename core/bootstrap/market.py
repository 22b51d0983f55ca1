"""Market data."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from core.bootstrap.foundation import Foundation
from core.bootstrap.once import once

if TYPE_CHECKING:
    from redis import Redis

    from core.market.source import MarketSource


class MarketServices(Foundation):
    """Sources by name, each with its cache; without a database."""

    @once
    def _sources(self) -> dict[tuple[str, Path | None], tuple[int, MarketSource]]:
        """Those that were opened, by name and path; and when that had changed last."""
        return {}

    def source(self, name: str, *, path: Path | None = None) -> MarketSource:
        """The market data source called ``name``; ``path`` is where ``files`` reads.

        The same one is returned again, so that what it read stays read; ``files`` is opened anew
        when its path changed on disk. Raises UnknownName, or BadInput for ``files`` without a path.
        """
        from core.adapters import make_source

        changed = path.stat().st_mtime_ns if path is not None and path.exists() else 0
        known = self._sources.get((name, path))
        if known is None or known[0] != changed:
            # In place of the one before: what that has read is let go.
            known = self._sources[name, path] = changed, make_source(self, name, path)
        return known[1]

    @once
    def redis(self) -> Redis | None:
        """The shared cache's client, if one is configured; it connects at first use.

        Raises NeedsOperator when SLUICE_REDIS_URL cannot be read.
        """
        if self.settings.redis_url is None:
            return None
        from core.market.shared_bars import connect

        return connect(self.settings.redis_url.get_secret_value())

    def cached(self, source: MarketSource, feed: str) -> MarketSource:
        """``source`` with its settled bars kept on disk, and in Redis where configured; one of
        perpetuals stays one, or holding them would cost nothing."""
        from core.market.cache import CachedPerpetualSource, CachedSource
        from core.market.source import PerpetualSource

        kind = CachedPerpetualSource if isinstance(source, PerpetualSource) else CachedSource
        return kind(
            source,
            self.settings.home / "cache" / "bars",
            self.clock,
            self.settings.cache_settle_sessions,
            self.redis,
            feed=feed,
        )

    def purge_bars(self, unread: timedelta) -> int:
        """Remove cached bars nobody has read for so long; how many series went."""
        from core.market.kept_bars import KeptBars

        kept = KeptBars(self.settings.home / "cache" / "bars", self.clock, self.redis)
        return kept.purge(unread).files
