"""Downloads that are streamed: what they send is read from the database as the browser takes it."""

from __future__ import annotations

from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.resources import services
from core.errors import SluiceError
from core.library.strategies import slug_of
from core.library.sweeps import Sweep
from core.sweep.grid import grid_from_json
from core.sweep.table import FORMATS

ADDRESS = "/export/sweeps"


def sweep_address(sweep: Sweep, kind: str) -> str:
    """Where all runs of a sweep are downloaded as ``csv`` or ``parquet``."""
    return f"{ADDRESS}/{sweep.id}.{kind}"


async def sweep_runs(request: Request) -> Response:
    """Every run of a sweep with its variables and all its metrics."""
    kind = request.path_params["kind"]
    try:
        sweep_id = UUID(request.path_params["sweep"])
        sweep = await run_in_threadpool(_find, sweep_id)
    except (ValueError, SluiceError):
        said = "There is no such batch test: it may have been deleted."
        return JSONResponse({"error": said}, status_code=404)
    if kind not in FORMATS:
        said = f"Choose one of {', '.join(FORMATS)}."
        return JSONResponse({"error": said}, status_code=404)
    media, chunks = FORMATS[kind]
    parts = services().sweeps.runs(sweep).stream()
    body = chunks(grid_from_json(sweep.grid), parts, tuple(sweep.detail["reasons"]))
    name = f"{slug_of(sweep.flow_name)}-{sweep.number}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, media_type=media, headers=headers)


def _find(sweep_id: UUID) -> Sweep:
    return services().sweeps.get(services().user.id, sweep_id)


routes = [Route(ADDRESS + "/{sweep}.{kind}", sweep_runs)]
