"""HTTP through ``requests``, as alpaca-py and pybit use it: time-outs and what failures mean.

Kept apart from the sources so that they can be listed without loading ``requests``.
"""

from __future__ import annotations

import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError

from core.errors import NeedsOperator
from core.market.patience import Passing

_WHOLE = 3
"""An answer may take so many time-outs in all, however steadily it drips in."""
_CHUNK_BYTES = 1 << 16


class TimeoutAdapter(HTTPAdapter):
    """Gives a time-out to every request of a session whose library sets none (alpaca-py).

    ``seconds`` bounds the connection and each wait for more of the answer; its body in all may
    take three times as long.
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
        ends = time.monotonic() + self._seconds * _WHOLE
        response = super().send(request, True, timeout, verify, cert, proxies)
        if not stream:
            # Where ``requests`` keeps what it has read; it would read on without end.
            response._content = _body(response, ends)
            response._content_consumed = True
        return response


def _body(response: requests.Response, ends: float) -> bytes:
    """The whole body, or the error ``requests`` itself would raise; ReadTimeout after ``ends``.

    A connection whose answer was read whole is kept for the next request.
    """
    chunks = []
    whole = False
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            chunks.append(chunk)
            if time.monotonic() > ends:
                raise requests.exceptions.ReadTimeout("the answer takes too long")
        whole = True
    except ReadTimeoutError as err:
        raise requests.exceptions.ReadTimeout(err) from err
    except ProtocolError as err:
        raise requests.exceptions.ChunkedEncodingError(err) from err
    except DecodeError as err:
        raise requests.exceptions.ContentDecodingError(err) from err
    finally:
        if not whole:
            response.close()
    return b"".join(chunks)


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
