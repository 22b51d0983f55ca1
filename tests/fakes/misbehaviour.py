"""Ways a server fails; each makes an ``Act`` for ``FakeServer.misbehave``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.server import Act, Exchange, Reply

FOR_EVER = 10**9

PAGE = b"<!DOCTYPE html><html><body><h1>Service unavailable</h1></body></html>"


def status(code: int, content: Any = None, **headers: str) -> Act:
    """An error status with a JSON body."""
    return lambda _: Reply.of(content or {"message": f"status {code}"}, code, **headers)


def html(code: int = 200) -> Act:
    """A page where JSON belongs, as load balancers send."""
    return lambda _: Reply(code, PAGE, {"Content-Type": "text/html"})


def empty(code: int = 200) -> Act:
    """No body at all."""
    return lambda _: Reply(code)


def other_json(content: Any) -> Act:
    """Valid JSON of another shape."""
    return lambda _: Reply.of(content)


def cut_json(exchange: Exchange) -> Reply:
    """The proper answer's first half, framed as if it were all."""
    reply = exchange.proper()
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


def break_off(exchange: Exchange) -> Reply:
    """The proper answer, the connection lost half-way."""
    reply = exchange.proper()
    reply.cut_after = len(reply.body) // 2
    return reply


def drop(_: Exchange) -> None:
    """The connection closed before the call had any effect."""


def drop_after(exchange: Exchange) -> None:
    """The connection closed after the call had its effect."""
    exchange.proper()


def instead(act: Act) -> Act:
    """What ``act`` answers, though the call had its effect (a 504 after the order was taken)."""

    def answer(exchange: Exchange) -> Reply | None:
        exchange.proper()
        return act(exchange)

    return answer


def silent(exchange: Exchange) -> None:
    """Accepted, and never answered."""
    exchange.server.stopping.wait()


def slow(seconds: float) -> Act:
    """The proper answer, late by real seconds."""

    def act(exchange: Exchange) -> Reply:
        exchange.server.stopping.wait(seconds)
        return exchange.proper()

    return act


def dripping(pause_seconds: float) -> Act:
    """The proper answer a byte at a time, each sooner than a client's time-out."""

    def act(exchange: Exchange) -> Reply:
        reply = exchange.proper()
        reply.drip_seconds = pause_seconds
        return reply

    return act


def changed(change: Callable[[Any], Any]) -> Act:
    """The proper answer with its JSON passed through ``change``."""

    def act(exchange: Exchange) -> Reply:
        reply = exchange.proper()
        reply.body = json.dumps(change(json.loads(reply.body))).encode()
        return reply

    return act


def meanwhile(happens: Callable[[], None]) -> Act:
    """The proper answer, after something else happened (time passed, a user cancelled)."""

    def act(exchange: Exchange) -> Reply:
        happens()
        return exchange.proper()

    return act


ANY_SERVER: dict[str, Act] = {
    "500": status(500),
    "502 with a page": html(502),
    "503": status(503),
    "a page for an answer": html(200),
    "an empty answer": empty(200),
    "truncated JSON": cut_json,
    "broken off half-way": break_off,
    "closed before answering": drop,
    "a list for an answer": other_json([]),
    "null for an answer": other_json(None),
    "silence": silent,
}
"""How any server of JSON fails, once or for ever."""
