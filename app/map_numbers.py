"""The numbers of maps, fetched by the browser once.

A click on a cell of a map therefore does not send 40,000 numbers again.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.fetched import UNCHANGING, Fetched
from core.market.bars import Float

Cell = tuple[int, int]
"""A place on a map, by number: (across, down)."""


@dataclass(slots=True, eq=False)
class MapNumbers(Fetched):
    """A map's ``values`` [down, across]; NaN where there is none. They do not change."""

    values: Float

    async def respond(self, _request: Request) -> Response:
        """Row by row, as 32-bit floats, little-endian."""
        body = self.values.astype("<f4").tobytes()
        return Response(body, media_type="application/octet-stream", headers=UNCHANGING)
