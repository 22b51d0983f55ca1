"""One page of Alpaca's bars, its failures translated.

Paging, retries and rate limits are ours: alpaca-py's own hide the pages from the user.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import BadInput, NeedsOperator, SluiceError, Unavailable
from core.market.alpaca_rest import AlpacaRest
from core.market.patience import Limited, Passing
from core.market.refusal import Refusal
from core.market.sources.alpaca.symbols import unknown

with warnings.catch_warnings():
    # alpaca-py imports websockets.legacy, which warns; nothing of it is used here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.data.enums import Adjustment, DataFeed
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.data.requests import StockBarsRequest
    from alpaca.data.timeframe import TimeFrame

_INVALID_SYMBOL = re.compile(r"invalid symbol:?\s*\"?([^\s\",]+)", re.IGNORECASE)

CHANGED = "Sluice asked as Alpaca documents it: look for a newer version of Sluice."
TIME_FRAMES = {"day": TimeFrame.Day, "month": TimeFrame.Month}


@dataclass(frozen=True, slots=True)
class Page:
    """Bars by symbol as Alpaca wrote them, and the token of the next page."""

    bars: Mapping[str, list[Mapping[str, Any]]]
    next_token: str | None


class AlpacaClient:
    """Asks for one page at a time; raises ``Passing``, ``Limited`` or a SluiceError."""

    def __init__(
        self, key_id: str, secret_key: str, url: str | None, feed: str, timeout_seconds: float
    ) -> None:
        self._feed = feed
        self._rest = AlpacaRest(
            StockHistoricalDataClient(
                key_id, secret_key, raw_data=True, url_override=url.rstrip("/") if url else None
            ),
            secrets=(key_id, secret_key),
            url_setting="SLUICE_ALPACA_DATA_URL",
            timeout_seconds=timeout_seconds,
        )

    def page(
        self,
        symbols: list[str],
        *,
        every: str,
        adjustment: str,
        start: datetime,
        end: datetime | None,
        limit: int,
        token: str | None,
    ) -> Page:
        """Bars from ``start`` to ``end`` (None: as late as the plan allows), by symbol, by time."""
        request = StockBarsRequest(
            symbol_or_symbols=symbols,
            timeframe=TIME_FRAMES[every],
            start=start,
            end=end,
            limit=limit,
            adjustment=Adjustment(adjustment),
            feed=DataFeed(self._feed),
        )
        params = request.to_request_fields() | ({"page_token": token} if token else {})
        return self._read_page(self._get("/stocks/bars", params))

    def _get(self, path: str, params: dict[str, Any]) -> object:
        """The decoded answer; a refusal is raised outside the ``except``, without its context."""
        try:
            return self._rest.get(path, params)
        except Refusal as refusal:
            failure = self._translated(refusal)
        raise failure

    def _read_page(self, answer: object) -> Page:
        if not isinstance(answer, dict) or "bars" not in answer:
            raise Passing("sent an answer without bars")
        bars, token = answer["bars"] or {}, answer.get("next_page_token") or None
        if not isinstance(bars, dict) or not all(isinstance(v, list) for v in bars.values()):
            raise Passing("sent bars in an unknown form")
        return Page(bars, token)

    def _translated(self, refusal: Refusal) -> SluiceError | Passing | Limited:
        """What a status other than 2xx means."""
        status, said = refusal.status, refusal.colon_said
        if "subscription does not permit" in said.lower():
            return BadInput(
                "SLUICE_ALPACA_FEED",
                f"your Alpaca plan does not include recent bars of feed '{self._feed}'.",
                "Set it to iex, or end the range before today.",
            )
        if status in (401, 403):
            return NeedsOperator(
                f"Alpaca refuses the keys (HTTP {status}{said}). Check SLUICE_ALPACA_KEY_ID and "
                "SLUICE_ALPACA_SECRET_KEY; resetting a paper account makes its old keys invalid."
            )
        if status == 404:
            return NeedsOperator(
                "SLUICE_ALPACA_DATA_URL is not Alpaca's market data API (HTTP 404). "
                "Leave it unset, or write https://data.alpaca.markets."
            )
        if invalid := _INVALID_SYMBOL.search(said):
            return unknown(invalid[1])
        if status in (400, 422):
            return BadInput("Alpaca", f"the request was refused (HTTP {status}{said}).", CHANGED)
        if passing := refusal.passing():
            return passing
        return Unavailable(f"Alpaca answered with HTTP {status}{said}. Try again later.")
