"""Alpaca's REST through alpaca-py: what was answered, or what the failure means.

alpaca-py is used for what it knows (addresses, login, request format). Time-outs are ours, because
it sets none at all; so are retries, because its own wait a fixed 3 s, ignore the reset and send an
order again after a 504; so is reading errors, because its properties parse a page of HTML as JSON.
The market data source and the broker both talk through this.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from core.market.http import TimeoutAdapter, network_failure
from core.market.patience import Passing
from core.market.refusal import Allowance, Refusal

with warnings.catch_warnings():
    # alpaca-py imports websockets.legacy, which warns; nothing of it is used here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.common.exceptions import APIError

_LONGEST_MESSAGE = 200


class AlpacaRest:
    """One of alpaca-py's REST clients, asked once a call.

    Every call raises ``Refusal`` for a status, ``Passing`` for a network or an answer that fails,
    NeedsOperator for an address that is none. Errors are raised outside the ``except``: alpaca-py's
    hold the whole request, keys and all, and must not travel along as the context of ours.
    """

    def __init__(
        self,
        client: Any,
        *,
        secrets: tuple[str, ...],
        url_setting: str,
        timeout_seconds: float,
        heard: Callable[[Allowance], None] | None = None,
    ) -> None:
        self._client = client
        self._secrets = secrets
        self._url_setting = url_setting
        self._timeout_seconds = timeout_seconds
        self._heard = heard
        self._last = threading.local()
        client._retry = 0
        for scheme in ("http://", "https://"):
            client._session.mount(scheme, TimeoutAdapter(timeout_seconds))
        client._session.hooks["response"].append(self._note)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer; Passing when it is empty."""
        answer = self._ask(lambda: self._client.get(path, dict(params or {})))
        if answer is None:
            raise Passing("sent an empty answer")
        return answer

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The decoded answer, None when it is empty."""
        return self._ask(lambda: self._client.post(path, dict(body)))

    def delete(self, path: str) -> Any:
        """The decoded answer, None when it is empty."""
        return self._ask(lambda: self._client.delete(path))

    @property
    def request_id(self) -> str | None:
        """Alpaca's number of this thread's last request, which its support asks for."""
        return getattr(self._last, "request_id", None)

    def close(self) -> None:
        self._client._session.close()

    def _ask(self, call: Callable[[], Any]) -> Any:
        self._last.request_id = None
        try:
            return call()
        except APIError as err:
            failure: Exception = self._refusal(err)
        except requests.RequestException as err:
            failure = network_failure(
                err,
                vendor="Alpaca",
                url_setting=self._url_setting,
                timeout_seconds=self._timeout_seconds,
            )
        raise failure

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        """Hook of the session: alpaca-py gives a good answer's body without its headers."""
        self._last.request_id = response.headers.get("X-Request-ID")
        allowance = _allowance(response.headers)
        if self._heard is not None and allowance is not None:
            self._heard(allowance)

    def _refusal(self, err: APIError) -> Refusal:
        said, code = self._read_body(str(err))
        return Refusal(
            err.status_code or 0,
            said=said,
            code=code,
            request_id=self.request_id,
            reset=_reset(err.response.headers) if err.response is not None else None,
        )

    def _read_body(self, text: str) -> tuple[str | None, int | None]:
        """Alpaca's message and code; Nones when the body is not its JSON."""
        try:
            body = json.loads(text)
        except ValueError:
            return None, None
        if not isinstance(body, dict) or not ({"message", "code"} & body.keys()):
            return None, None
        said, code = body.get("message"), body.get("code")
        said = said if isinstance(said, str) else ""
        for secret in self._secrets:
            said = said.replace(secret, "…")
        return said[:_LONGEST_MESSAGE], code if type(code) is int else None


def _reset(headers: Mapping[str, str]) -> datetime | None:
    """The instant in X-RateLimit-Reset (epoch seconds), where it can be read."""
    try:
        return datetime.fromtimestamp(float(headers.get("X-RateLimit-Reset", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _allowance(headers: Mapping[str, str]) -> Allowance | None:
    resets_at = _reset(headers)
    try:
        limit = int(headers.get("X-RateLimit-Limit", ""))
        remaining = int(headers.get("X-RateLimit-Remaining", ""))
    except ValueError:
        return None
    return None if resets_at is None else Allowance(limit, remaining, resets_at)
