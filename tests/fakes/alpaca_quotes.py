"""The prices of a pretended market, which Alpaca's data server shows and its broker fills at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.clock import Clock


@dataclass(frozen=True)
class Last:
    price: Decimal
    at: datetime
    spread: Decimal = Decimal(0)

    @property
    def bid(self) -> Decimal:
        return self.price - self.spread / 2

    @property
    def ask(self) -> Decimal:
        return self.price + self.spread / 2


class Quotes:
    """Prices by symbol; a test sets them, ``otherwise`` knows the rest. Always as of now, unless
    set with a time of their own."""

    def __init__(
        self,
        clock: Clock,
        prices: Mapping[str, str | Decimal] | None = None,
        otherwise: Callable[[str], Decimal | None] = lambda symbol: None,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._otherwise = otherwise
        self._set: dict[str, tuple[Decimal, datetime | None, Decimal]] = {}
        self._gone: set[str] = set()
        for symbol, price in (prices or {}).items():
            self.set(symbol, price)

    def set(
        self,
        symbol: str,
        price: str | Decimal,
        *,
        at: datetime | None = None,
        spread: str | Decimal = "0",
    ) -> None:
        with self._lock:
            self._set[symbol] = Decimal(price), at, Decimal(spread)
            self._gone.discard(symbol)

    def remove(self, symbol: str) -> None:
        """No trade and no quote from now on."""
        with self._lock:
            self._set.pop(symbol, None)
            self._gone.add(symbol)

    @property
    def symbols(self) -> list[str]:
        """Those that were set."""
        with self._lock:
            return sorted(self._set)

    def last(self, symbol: str) -> Last | None:
        with self._lock:
            if symbol in self._gone:
                return None
            found = self._set.get(symbol)
        if found is not None:
            price, at, spread = found
            return Last(price, at or self._clock(), spread)
        price = self._otherwise(symbol)
        return None if price is None else Last(price, self._clock())

    # -- as the data server writes them; its numbers are JSON's -----------------------------------

    def trade(self, symbol: str) -> dict[str, Any] | None:
        last = self.last(symbol)
        if last is None:
            return None
        at = stamp(last.at)
        price = float(last.price)
        return {"t": at, "x": "V", "p": price, "s": 100, "c": ["@"], "i": 1, "z": "B"}

    def quote(self, symbol: str) -> dict[str, Any] | None:
        last = self.last(symbol)
        if last is None:
            return None
        bid, ask = float(last.bid), float(last.ask)
        sides = {"ax": "V", "ap": ask, "as": 1, "bx": "V", "bp": bid, "bs": 1}
        return {"t": stamp(last.at), **sides, "c": ["R"], "z": "B"}


def stamp(at: datetime) -> str:
    """With nanoseconds, as Alpaca writes instants."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
