"""The numbers of maps, fetched by the browser itself, once.

A run of a page's script hands the browser everything its part of the page shows. Of a map that is
its address here and no more, so that a click on a cell does not send 40,000 numbers again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.market.bars import Float

ADDRESS = "maps"


@dataclass(slots=True, weakref_slot=True, eq=False)
class MapNumbers:
    """A map's ``values`` [down, across]; NaN where there is none. They do not change.

    ``token`` is their address and cannot be guessed; it is known for as long as somebody holds
    this.
    """

    values: Float
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        _KNOWN[self.token] = self

    @property
    def address(self) -> str:
        return f"{ADDRESS}/{self.token}"


_KNOWN: WeakValueDictionary[str, MapNumbers] = WeakValueDictionary()


async def map_numbers(request: Request) -> Response:
    """A map's numbers row by row, as 32-bit floats, little-endian."""
    found = _KNOWN.get(request.path_params["token"])
    if found is None:
        return JSONResponse({"error": "There is no such map any more."}, 404)
    # Of an address that never means anything else, seen again after a visit to another page.
    headers = {"Cache-Control": "private, max-age=3600, immutable"}
    body = found.values.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)


routes = [Route(f"/{ADDRESS}/{{token}}", map_numbers)]
