"""Downloads that are streamed: what they send is read from the database as the browser takes it."""

from __future__ import annotations

from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.account_export import TABLES, account_table_of, account_tables
from app.resources import services
from core.accounts.account import Account
from core.errors import SluiceError
from core.export import to_csv, to_workbook
from core.library.strategies import slug_of
from core.library.sweeps import Sweep
from core.sweep.grid import grid_from_json
from core.sweep.table import FORMATS

ADDRESS, ACCOUNTS = "/export/sweeps", "/export/accounts"


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


def account_address(account: Account, table: str | None = None) -> str:
    """Where a table of an account is downloaded as CSV, or all of them as an Excel workbook."""
    if table is None:
        return f"{ACCOUNTS}/{account.id}.xlsx"
    return f"{ACCOUNTS}/{account.id}/{slug_of(table)}.csv"


async def account_workbook(request: Request) -> Response:
    """Everything of an account."""
    account = await _account(request)
    if account is None:
        return JSONResponse({"error": _NO_ACCOUNT}, status_code=404)
    body = await run_in_threadpool(lambda: to_workbook(account_tables(account)))
    return Response(body, media_type=_EXCEL, headers=_named(f"{slug_of(account.name)}.xlsx"))


async def account_table(request: Request) -> Response:
    """One table of an account, or its log as the page filters it."""
    account, name = await _account(request), request.path_params["table"]
    if account is None:
        return JSONResponse({"error": _NO_ACCOUNT}, status_code=404)
    if name not in {slug_of(one) for one in TABLES}:
        return JSONResponse({"error": f"Choose one of {', '.join(TABLES)}."}, status_code=404)
    body = await run_in_threadpool(
        lambda: to_csv(account_table_of(account, name, request.query_params))
    )
    return Response(
        body, media_type="text/csv", headers=_named(f"{slug_of(account.name)}-{name}.csv")
    )


_NO_ACCOUNT = "There is no such account: it may have been deleted."
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def _account(request: Request) -> Account | None:
    wanted = request.path_params["account"]
    found = await run_in_threadpool(lambda: services().accounts.all(services().user.id))
    return next((one for one in found if str(one.id) == wanted), None)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


routes = [
    Route(ACCOUNTS + "/{account}/{table}.csv", account_table),
    Route(ACCOUNTS + "/{account}.xlsx", account_workbook),
    Route(ADDRESS + "/{sweep}.{kind}", sweep_runs),
]
