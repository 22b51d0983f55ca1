"""What the browser fetches by itself, beside the runs of a page's script.

A run of a script sends the browser everything its part of the page shows. Of what is large, slow or
wanted at once that is an address here and no more: the browser asks for it over HTTP, and no script
runs for it.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ADDRESS = "fetched"
UNCHANGING = {"Cache-Control": "private, max-age=3600, immutable"}
"""Headers of an answer that its address always has."""


@dataclass(slots=True, weakref_slot=True, eq=False)
class Fetched(ABC):
    """Something with an address that cannot be guessed, for as long as somebody holds it."""

    token: str = field(default_factory=lambda: secrets.token_hex(16), init=False)

    def __post_init__(self) -> None:
        _KNOWN[self.token] = self

    @property
    def address(self) -> str:
        """Relative to the app's own."""
        return f"{ADDRESS}/{self.token}"

    @abstractmethod
    async def respond(self, request: Request) -> Response:
        """What the browser gets."""


_KNOWN: WeakValueDictionary[str, Fetched] = WeakValueDictionary()


async def fetched(request: Request) -> Response:
    """What the thing at this address says; 404 when nobody holds it any more."""
    found = _KNOWN.get(request.path_params["token"])
    if found is None:
        return JSONResponse({"error": "There is nothing at this address any more."}, 404)
    return await found.respond(request)


routes = [Route(f"/{ADDRESS}/{{token}}", fetched)]
