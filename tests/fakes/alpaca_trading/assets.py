"""What the pretended Alpaca trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid5

from tests.fakes.alpaca_quotes import Quotes
from tests.fakes.alpaca_trading.orders import NAMESPACE


class Assets:
    """Assets by symbol; whatever has a price trades, unless a test said otherwise.

    One is always odd, as Alpaca's are from time to time: an exchange no library knows, and a field
    that is gone.
    """

    def __init__(self, quotes: Quotes, symbols: Iterable[str]) -> None:
        self._quotes = quotes
        self._known: dict[str, dict[str, Any]] = {}
        for symbol in symbols:
            self.set(symbol)
        self.set("ODDX", exchange="MOONEX", attributes=["has_options", "not_known_yet"])
        del self._known["ODDX"]["easy_to_borrow"]
        self.set("OLDX", status="inactive", tradable=False)

    def set(self, symbol: str, **changes: Any) -> None:
        """Add an asset, or change it: ``tradable=False``, ``fractionable=False``."""
        asset = self._known.setdefault(symbol, _asset(symbol))
        asset |= changes

    def remove(self, symbol: str) -> None:
        self._known.pop(symbol, None)

    def find(self, symbol: str) -> dict[str, Any] | None:
        if symbol not in self._known and symbol and self._quotes.last(symbol) is not None:
            self.set(symbol)
        return self._known.get(symbol)

    def listed(self, status: str | None) -> list[dict[str, Any]]:
        for symbol in self._quotes.symbols:
            self.find(symbol)
        known = [self._known[symbol] for symbol in sorted(self._known)]
        return [asset for asset in known if status in (None, "", asset["status"])]


def _asset(symbol: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE, symbol)),
        "class": "us_equity",
        "exchange": "ARCA",
        "symbol": symbol,
        "name": f"{symbol} of the fake",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 30,
        "shortable": True,
        "easy_to_borrow": True,
        "borrow_status": "easy_to_borrow",
        "fractionable": True,
        "attributes": [],
    }
