"""The web server: Streamlit's ASGI application with the routes that are not pages."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import exports, fetched
from app.last_words import keep_last_words
from app.resources import services
from app.widget_states import ignore_repeats, run_whole_batches
from core.bootstrap import Services, version
from core.errors import SluiceError
from core.logs import configure
from core.process import Pulse, end_with_parent
from core.settings import Settings, load_settings

log = logging.getLogger(__name__)

MAIN = Path(__file__).with_name("main.py")


async def health(_request: Request) -> Response:
    """200 while the pages can be served and the database answers, 503 otherwise."""
    try:
        milliseconds = await run_in_threadpool(services().ping)
    except SluiceError as err:
        found = {"status": "failing", "version": version(), "database": str(err)}
        return JSONResponse(found, status_code=503)
    found = {"status": "ok", "version": version(), "database": f"{milliseconds:.1f} ms"}
    return JSONResponse(found)


def warm_up(shared: Services) -> None:
    """Load what the first backtest needs while nobody waits: libraries, calendars, kernels."""
    from core.backtest.run import run_backtest
    from core.flow.examples import example_flows
    from core.flow.history import history_of
    from core.flow.trace import trace

    flows = example_flows()
    try:
        for flow in flows.values():
            backtest = run_backtest(flow, shared.source("demo"), find=flows.__getitem__)
        # Explaining has kernels of its own.
        trace(backtest.seen, backtest.offset)
        history_of(backtest.seen, 0, backtest.offset)
    except SluiceError as err:
        log.warning("not warmed up: %s", err, extra={"action": "warm_up"})
    # What is loaded by now stays: no collection has to look through it again.
    gc.collect()
    gc.freeze()
    log.info("warm", extra={"action": "warm_up"})


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    pulse = Pulse(services(), "web")
    await run_in_threadpool(pulse.start)
    threading.Thread(target=warm_up, args=(services(),), name="warm-up", daemon=True).start()
    log.info("serving", extra={"action": "start"})
    yield
    await run_in_threadpool(pulse.stop)
    services().close()


keep_last_words()
run_whole_batches()
ignore_repeats()
app = st.App(
    MAIN,
    lifespan=lifespan,
    routes=[Route("/healthz", health), *exports.routes, *fetched.routes],
)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    app.run(
        config={
            "server.port": settings.port,
            "server.address": settings.host,
            "server.headless": True,
            "browser.gatherUsageStats": False,
        }
    )


if __name__ == "__main__":
    chosen = load_settings()
    configure(chosen)
    end_with_parent()
    serve(chosen)
