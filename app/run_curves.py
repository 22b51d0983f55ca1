"""The equity of the runs behind a map's cells, fetched by the browser at a click."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.charts.run_curve import run_curve
from app.components.sweep_values import variables_text
from app.fetched import UNCHANGING, Fetched
from app.map_numbers import Cell
from core.backtest.result import Result
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.errors import SluiceError
from core.flow.layout import FindStrategy
from core.flow.nodes import Flow, VariableValue
from core.market.source import MarketSource

Found = tuple[str, Result]
"""A run's name and its backtest."""


@dataclass(slots=True, eq=False)
class RunCurves(Fetched):
    """``find`` gives the run of a cell, or the one to show before there is a cell; None if none.

    It is called on other threads than the page's, and always finds the same run at a cell.
    """

    find: Callable[[Cell | None], Found | None]

    async def respond(self, request: Request) -> Response:
        """The curve (``run_curve``) of ``?across=..&down=..``, or the ``problem`` that there is."""
        try:
            found = await run_in_threadpool(self.find, _cell(request))
        except SluiceError as err:
            return JSONResponse({"problem": str(err)}, headers={"Cache-Control": "no-store"})
        if found is None:
            return JSONResponse({"problem": "No run stands in this cell."}, headers=UNCHANGING)
        name, result = found
        return JSONResponse(run_curve(result, name), headers=UNCHANGING)


def found_run(
    flow: Flow,
    source: MarketSource,
    settings: BacktestSettings,
    values: Mapping[str, VariableValue],
    find: FindStrategy,
) -> Found:
    """The backtest with these values of variables; raises as ``run_backtest``."""
    own = settings.model_copy(update={"variables": {**settings.variables, **values}})
    return variables_text(values), run_backtest(flow, source, own, find=find).result


def _cell(request: Request) -> Cell | None:
    query = request.query_params
    return (int(query["across"]), int(query["down"])) if query else None
