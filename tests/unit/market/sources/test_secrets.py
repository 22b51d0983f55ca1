"""Alpaca's keys appear nowhere a person or a log could read them, whatever the server does."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from datetime import date

import pytest

from core.errors import SluiceError
from core.market.sources.alpaca import AlpacaSource
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_server import KEY_ID, SECRET_KEY, rate_limited
from tests.fakes.clock import VirtualClock
from tests.fakes.server import Exchange, Reply
from tests.unit.market.sources.watcher import Watcher

SPRING = {"start": date(2024, 3, 1), "end": date(2024, 5, 31)}
ECHO = f"who is {KEY_ID} with {SECRET_KEY}?"


def echo(code: int):
    """Alpaca's own error form, the keys repeated in it."""
    return does.status(code, {"code": 40010001, "message": ECHO, "headers": [KEY_ID, SECRET_KEY]})


def echo_page(exchange: Exchange) -> Reply:
    """A proxy's error page that shows the request it got."""
    shown = "".join(f"<p>{k}: {v}</p>" for k, v in exchange.call.headers.items())
    return Reply(500, f"<html>{shown}</html>".encode(), {"X-Key": SECRET_KEY})


FAULTS = {f"{code} that repeats the keys": echo(code) for code in (400, 401, 403, 404, 418, 422)}
FAULTS |= {
    "500 that repeats the keys": echo(500),
    "an invalid symbol that is a key": does.status(
        400, {"message": f"invalid symbol: {SECRET_KEY}"}
    ),
    "a page that repeats the request": echo_page,
    "429 for ever": rate_limited(50),
    "truncated JSON": does.cut_json,
    "broken off half-way": does.break_off,
    "closed before answering": does.drop,
    "silence": does.silent,
}


@pytest.fixture
def server() -> Iterator[AlpacaData]:
    with AlpacaData(VirtualClock("2024-07-02T15:00:00")) as fake:
        yield fake


def everything_about(error: BaseException) -> str:
    """All that a traceback, a debugger's repr or a bug report would show of an error."""
    parts: list[str] = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        parts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        parts += traceback.format_exception(one)
        waiting += [one.__cause__, one.__context__]
    return "\n".join(parts)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_log_or_repr_shows_a_key(server, fault, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    server.misbehave(FAULTS[fault], times=does.FOR_EVER)
    source, watcher = _source(server), Watcher()
    with pytest.raises(SluiceError) as caught:
        source.bars(["SPY"], progress=watcher, **SPRING)
    logged = "\n".join(f"{r.getMessage()} {r.args} {vars(r)}" for r in caplog.records)
    shown = [
        everything_about(caught.value),
        logged,
        *capfd.readouterr(),
        *watcher.told,
        repr(source),
        str(source),
        repr(source.info),
    ]
    for secret in (KEY_ID, SECRET_KEY):
        assert not any(secret in text for text in shown)
    assert server.journal[0].headers["APCA-API-SECRET-KEY"] == SECRET_KEY  # it was really sent


def test_no_result_shows_a_key(server, caplog):
    caplog.set_level(logging.DEBUG)
    bars = _source(server).bars(["SPY"], **SPRING)
    shown = repr(bars) + str(bars.provenance) + caplog.text
    assert KEY_ID not in shown
    assert SECRET_KEY not in shown


def _source(server: AlpacaData) -> AlpacaSource:
    return AlpacaSource(
        KEY_ID,
        SECRET_KEY,
        url=server.url,
        clock=server.clock,
        sleep=server.clock.sleep,
        timeout_seconds=0.2,
    )
