"""One question to Bybit's public market data through pybit, its failures translated.

The library is used for addresses and the request format. Its own retries are off: they sleep until
the stamp in the answer, and raise ValueError when that has passed already (a fast local clock).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP

from core.clock import Clock
from core.errors import BadInput, NeedsOperator, SluiceError, Unavailable
from core.market.http import network_failure
from core.market.patience import Limited, Passing
from core.market.sources.bybit.stamps import instant

CHANGED = "Sluice asked as Bybit documents it: look for a newer version of Sluice."
REST_AFTER_403 = timedelta(minutes=10)
NO_CODE = frozenset({-1})  # pybit takes an empty set for "the usual codes"

# retCode, see the error page of Bybit's V5 documentation
RATE = 10006
TIME_WINDOW = 10002
SERVER_FAILED = frozenset({10000, 10016, 10429, 429})
KEYS_REFUSED = frozenset({10003, 10004, 10005, 10010, 33004})
BAD_REQUEST = frozenset({10001, 10029, 110074, 181001})


@dataclass(frozen=True, slots=True)
class Answer:
    """A ``result`` and Bybit's clock when it was made; None where it did not say."""

    result: Mapping[str, Any]
    at: datetime | None

    def rows(self) -> list[Any]:
        """The entries of its ``list``; Passing when there is no list."""
        rows = self.result.get("list")
        if not isinstance(rows, list):
            raise Passing("sent an answer without a list")
        return rows


class BybitClient:
    """Asks one question at a time; raises ``Passing``, ``Limited`` or a SluiceError.

    Bybit shuts out an address that asks too often, for ten minutes from its last request: after
    such an answer nothing is sent at all until they have passed.
    """

    def __init__(self, url: str | None, timeout_seconds: float, clock: Clock) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._resting_until: datetime | None = None
        self._session = _quiet_session(timeout_seconds)
        if url:
            self._session.endpoint = url.rstrip("/")

    def klines(self, **question: Any) -> Answer:
        return self._ask(self._session.get_kline, question)

    def funding(self, **question: Any) -> Answer:
        return self._ask(self._session.get_funding_rate_history, question)

    def open_interest(self, **question: Any) -> Answer:
        return self._ask(self._session.get_open_interest, question)

    def instruments(self, **question: Any) -> Answer:
        return self._ask(self._session.get_instruments_info, question)

    def _ask(self, method: Callable[..., object], question: Mapping[str, Any]) -> Answer:
        if self._resting_until and self._clock() < self._resting_until:
            raise self._resting()
        try:
            answer = method(category="linear", **question)
        except InvalidRequestError as err:
            raise self._refusal(err.status_code, err.message, err.resp_headers) from err
        except FailedRequestError as err:
            raise self._failure(err.status_code) from err
        except requests.RequestException as err:
            raise network_failure(
                err,
                vendor="Bybit",
                url_setting="SLUICE_BYBIT_URL",
                timeout_seconds=self._timeout_seconds,
            ) from err
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            # pybit reads the answer as an object with retCode and retMsg without looking first.
            raise Passing("sent an answer that cannot be read") from err
        return _read(answer)

    def _refusal(
        self, code: int, said: str, headers: Mapping[str, str] | None
    ) -> SluiceError | Passing | Limited:
        """What a retCode other than 0 means."""
        what = f"{str(said)[:200]} (retCode {code})"
        if code == RATE:
            return Limited(_reset(headers or {}))
        if code in SERVER_FAILED:
            return Passing(f"says: {what}")
        if code == TIME_WINDOW:
            return NeedsOperator(
                f"This machine's clock differs from Bybit's: {what}. Let it be set by NTP."
            )
        if code in KEYS_REFUSED:
            return NeedsOperator(f"Bybit refuses access: {what}.")
        if code in BAD_REQUEST:
            return BadInput("Bybit", f"the request was refused: {what}.", CHANGED)
        return Unavailable(f"Bybit says: {what}. Try again later.")

    def _failure(self, status: int) -> SluiceError | Passing | Limited:
        """What an HTTP status other than 200 means; pybit's 409 also stands for "not JSON"."""
        if status == 403:
            self._resting_until = self._clock() + REST_AFTER_403
            return self._resting()
        if status == 429:
            return Limited()
        if status == 409:
            return Passing("sent an answer that cannot be read")
        if status >= 500:
            return Passing(f"answered with HTTP {status}")
        if status == 404:
            return NeedsOperator(
                "SLUICE_BYBIT_URL is not Bybit's API (HTTP 404). "
                "Leave it unset, or write https://api.bybit.com."
            )
        return Unavailable(f"Bybit answered with HTTP {status}. Try again later.")

    def _resting(self) -> Unavailable:
        return Unavailable(
            "Bybit shut this address out (HTTP 403): it was asked too often, or does not serve "
            "this country. Sluice asks nothing for ten minutes, until "
            f"{self._resting_until:%H:%M} UTC."
        )


def _quiet_session(timeout_seconds: float) -> HTTP:
    """pybit's session, without retries and without the log handler it hangs on its own logger."""
    logger = logging.getLogger("pybit._http_manager")
    handlers = list(logger.handlers)
    session = HTTP(timeout=timeout_seconds, max_retries=1, retry_codes=set(NO_CODE))
    logger.handlers[:] = handlers
    return session


def _read(answer: object) -> Answer:
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(result, dict):
        raise Passing("sent an answer without a result")
    return Answer(result, instant(answer.get("time")))


def _reset(headers: Mapping[str, str]) -> datetime | None:
    return instant(headers.get("X-Bapi-Limit-Reset-Timestamp"))
