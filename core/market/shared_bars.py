"""Settled bars in Redis: shared by hosts, in front of the vendor, and never needed.

The same bytes as on disk, under ``sluice:bars:VERSION:SOURCE:FEED:ADJUSTMENT:SYMBOL``. Redis that
does not answer is a warning, once until it is back, and is left alone for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, cast

from redis import Redis, RedisError

from core.clock import Clock
from core.errors import NeedsOperator
from core.market.settled import VERSION, Damaged, SeriesKey, Settled, from_bytes

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
"""How long Redis keeps a series nobody has written again."""
_REST = timedelta(seconds=60)
_TIMEOUT_SECONDS = 2.0

Answer = TypeVar("Answer")


def connect(url: str) -> Redis:
    """A client of the server at ``url`` that does not wait long; nothing is sent yet.

    Raises NeedsOperator when ``url`` cannot be read; it is not repeated, it may hold a password.
    """
    try:
        return Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
    except ValueError:
        raise NeedsOperator(
            "SLUICE_REDIS_URL cannot be read: write it as redis://host:6379/0."
        ) from None


class SharedBars:
    """The series in one Redis server."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._resting_until: datetime | None = None
        self._warned = False

    def read(self, keys: Sequence[SeriesKey]) -> dict[SeriesKey, tuple[Settled, bytes]]:
        """Those of ``keys`` it has, undamaged, in one question."""
        if not keys:
            return {}
        names = [_name(key) for key in keys]
        answers = self._ask(lambda: cast("list[bytes | None]", self._client.mget(names)))
        found: dict[SeriesKey, tuple[Settled, bytes]] = {}
        for key, data in zip(keys, answers or [], strict=False):
            if data is None:
                continue
            try:
                found[key] = from_bytes(data, key), data
            except Damaged as err:
                log.warning("bars in Redis under %s are damaged: %s", _name(key), err)
        return found

    def write(self, key: SeriesKey, data: bytes) -> None:
        self._ask(lambda: self._client.set(_name(key), data, ex=KEPT))

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The answer; None while Redis does not give one."""
        now = self._clock()
        if self._resting_until is not None and now < self._resting_until:
            return None
        try:
            answer = question()
        except (RedisError, OSError) as err:
            self._resting_until = now + _REST
            if not self._warned:
                log.warning("Redis does not answer, bars are not shared: %s", err)
            self._warned = True
            return None
        if self._warned:
            log.info("Redis answers again, bars are shared")
        self._resting_until, self._warned = None, False
        return answer


def _name(key: SeriesKey) -> str:
    return ":".join(("sluice", "bars", str(VERSION), *key.parts))
