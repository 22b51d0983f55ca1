"""One chart from Yahoo through yfinance, its failures translated.

yfinance is used for what it knows about reaching Yahoo: a browser's handshake, cookie, consent and
crumb. Its ``history`` is not: it writes 0 for an unknown volume, keeps failed answers for the life
of the process, asks twice for each symbol and tells errors apart only by prose.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException, Timeout
from yfinance.cache import set_cache_location
from yfinance.data import YfData
from yfinance.exceptions import YFException, YFRateLimitError

from core.errors import NeedsOperator, SluiceError, Unavailable
from core.market.patience import Passing

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"

# YfData is one object for the whole process: who asks sets its session first.
_turn = threading.Lock()


class YahooClient:
    """Asks for one chart at a time; raises ``Passing`` or a SluiceError.

    ``cache``  folder for yfinance's cookies; it settles on the first one a process uses
    ``url``    stands in for every Yahoo host, the host becoming the first part of the path
    """

    def __init__(self, cache: Path, url: str | None, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._session = _Session(url.rstrip("/") if url else None, timeout_seconds)
        for chatty in ("yfinance", "peewee"):
            logging.getLogger(chatty).setLevel(logging.CRITICAL)  # our errors say it all
        set_cache_location(str(cache))

    def chart(self, ticker: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The chart's ``result``; an empty one when it has nothing in the range, None when there
        is no such ticker."""
        response = self._get(CHART + ticker, params)
        answer = _json(response)
        chart = answer.get("chart")
        if not isinstance(chart, dict):
            raise self._failure(response.status_code)
        if (error := chart.get("error")) is not None:
            return self._no_chart(error, response.status_code)
        result = chart.get("result")
        if not isinstance(result, list) or not result or not isinstance(result[0], dict):
            raise Passing("sent an answer without a chart")
        return result[0]

    def _get(self, url: str, params: Mapping[str, Any]) -> Response:
        try:
            with _turn:
                return YfData(session=self._session).get(  # type: ignore[no-any-return]
                    url, dict(params), timeout=self._timeout_seconds
                )
        except YFRateLimitError as err:
            raise Unavailable(
                "Yahoo limits how often this address may ask. Try again in some minutes, or "
                "choose another source."
            ) from err
        except Timeout as err:
            raise Passing(f"did not answer within {self._timeout_seconds:g} s") from err
        except RequestException as err:
            raise Passing("cannot be reached or closed the connection") from err
        except (YFException, AttributeError, KeyError, TypeError, ValueError) as err:
            # yfinance reads consent pages without looking whether they are what it expects.
            raise Passing("sent an answer that cannot be read") from err

    def _no_chart(self, error: object, status: int) -> Mapping[str, Any] | None:
        """What the chart's own error means."""
        said = error if isinstance(error, dict) else {}
        code, text = str(said.get("code", "")), str(said.get("description", ""))
        if code == "Not Found":
            return None
        if "doesn't exist for" in text:  # "Data doesn't exist for startDate = …, endDate = …"
            return {}
        if status in (401, 403):
            raise Unavailable(f"Yahoo refuses this address: {text[:200]} Try again later.")
        raise Passing(f"says: {text[:200] or code[:200] or f'HTTP {status}'}")

    def _failure(self, status: int) -> SluiceError | Passing:
        if status == 404:
            return NeedsOperator("Yahoo's chart address answers HTTP 404: is yfinance too old?")
        if status in (401, 403):
            return Unavailable(f"Yahoo refuses this address (HTTP {status}). Try again later.")
        return Passing(f"answered with HTTP {status}" if status >= 400 else "sent no chart")


class _Session(Session[Response]):
    """A browser-like session with our time-out in place of those yfinance has built in."""

    def __init__(self, url: str | None, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        super().__init__(impersonate="chrome")

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        kwargs["timeout"] = self._timeout_seconds
        if self._url is not None:
            url = f"{self._url}/{url.removeprefix('https://')}"
        return super().request(method, url, *args, **kwargs)


def _json(response: Response) -> dict[str, Any]:
    try:
        answer = json.loads(response.content)
    except ValueError as err:
        if response.status_code >= 400:
            raise Passing(f"answered with HTTP {response.status_code}") from err
        raise Passing("sent an answer that cannot be read") from err
    if not isinstance(answer, dict):
        raise Passing("sent an answer that cannot be read")
    return answer
