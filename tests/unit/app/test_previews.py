"""Light backtests: what the browser is handed, and that an older run never comes after a newer."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.requests import Request

from app.fetched import fetched
from app.previews import FIGURES, MOST_POINTS, Preview, drawn
from core.errors import BadInput

WAIT = 20


def clock() -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC)


def result(end: float, count: int = 3):
    sessions = np.datetime64("1995-01-03") + np.arange(count)
    return SimpleNamespace(
        sessions=sessions,
        start=sessions[0],
        end=sessions[-1],
        equity=np.linspace(1, end, count),
        metrics=dict.fromkeys(FIGURES, 0.25),
    )


def giving(end: float):
    return lambda _progress: SimpleNamespace(result=result(end))


def asked(token: str) -> tuple[int, dict]:
    request = Request({"type": "http", "path_params": {"token": token}})
    # On a thread of its own: browser tests before these leave their loop running on this one.
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(lambda: asyncio.run(fetched(request))).result()
    return response.status_code, json.loads(response.body)


def test_a_long_curve_is_small_and_ends_where_the_equity_does():
    found = drawn(result(9.87654321, 8_000))
    assert len(found["curve"]) == MOST_POINTS
    assert (found["curve"][0], found["curve"][-1]) == (1.0, 9.8765)
    assert (found["start"], found["end"]) == ("1995-01-03", "2016-11-27")
    assert [f["shown"] for f in found["figures"]][:2] == ["25.00%", "0.25"]
    assert len(drawn(result(2.0, 2))["curve"]) == 2


def test_the_answer_comes_with_the_result():
    preview = Preview(clock)
    preview.want("first", giving(2.0))
    status, said = asked(preview.token)
    assert (status, said["number"], said["current"], said["pending"]) == (200, 1, True, False)
    assert said["result"]["curve"][-1] == 2.0


def test_a_change_drops_the_run_before_it_and_the_last_result_stays():
    preview = Preview(clock)
    preview.want("first", giving(2.0))
    asked(preview.token)
    hold, dropped = threading.Event(), threading.Event()

    def slow(progress):
        hold.wait(WAIT)
        try:
            progress(0.5, "half")
        finally:
            dropped.set()

    preview.want("second", slow)
    preview.want("second", giving(7.0))  # of the same: asked already
    assert preview.number == 2
    assert preview.pending
    assert preview.answer()["result"]["curve"][-1] == 2.0
    assert not preview.answer()["current"]
    second = preview.run
    preview.want("third", giving(3.0))
    hold.set()
    status, said = asked(preview.token)
    assert (status, said["number"], said["result"]["curve"][-1]) == (200, 3, 3.0)
    assert second.wait(WAIT)
    assert second.backtest is None


def test_what_cannot_run_keeps_the_figures_and_says_that_they_are_old():
    preview = Preview(clock)
    preview.want("first", giving(2.0))
    asked(preview.token)
    preview.want("broken", None)
    said = preview.answer()
    assert not said["pending"]
    assert not said["current"]
    assert said["result"]["curve"][-1] == 2.0


def test_why_a_run_failed_is_said():
    def refuse(_progress):
        raise BadInput("symbol", "there is no such symbol.")

    preview = Preview(clock)
    preview.want("first", refuse)
    assert "no such symbol" in asked(preview.token)[1]["error"]


@pytest.mark.parametrize("token", ["", "guessed"])
def test_a_token_nobody_holds_finds_nothing(token):
    gone = Preview(clock).token  # nothing holds it any more
    assert asked(token)[0] == 404
    assert asked(gone)[0] == 404
