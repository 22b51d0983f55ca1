"""HTTP through ``requests``, as alpaca-py and pybit use it: time-outs and what failures mean.

Kept apart from the sources so that they can be listed without loading ``requests``.
"""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter

from core.errors import NeedsOperator
from core.market.patience import Passing


class TimeoutAdapter(HTTPAdapter):
    """Gives a time-out to every request of a session whose library sets none (alpaca-py).

    ``seconds`` bounds the connection and each wait for more of the answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        super().__init__()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        if timeout is None:
            timeout = self._seconds
        return super().send(request, stream, timeout, verify, cert, proxies)


def network_failure(
    err: requests.RequestException, *, vendor: str, url_setting: str, timeout_seconds: float
) -> Passing | NeedsOperator:
    """What a failed request means: may it pass, or is the address wrong?"""
    if isinstance(
        err,
        requests.exceptions.MissingSchema
        | requests.exceptions.InvalidSchema
        | requests.exceptions.InvalidURL,
    ):
        return NeedsOperator(f"{url_setting} is not an address of {vendor}. Write https://….")
    if isinstance(err, requests.exceptions.JSONDecodeError):
        return Passing("sent an answer that cannot be read")
    if isinstance(err, requests.exceptions.Timeout):
        return Passing(f"did not answer within {timeout_seconds:g} s")
    if isinstance(err, requests.exceptions.ChunkedEncodingError):
        return Passing("broke off in the middle of its answer")
    return Passing("cannot be reached or closed the connection")
