"""A vendor's server on loopback that speaks its protocol and misbehaves by script.

A fake subclasses ``FakeServer`` and answers a ``Call`` with a ``Reply``. Tests point the vendor's
real client library at ``url``, script single calls with ``misbehave`` (see ``misbehaviour.py``)
and assert on ``journal``. Time is the fake's ``clock``; only ``slow`` and ``silent`` use real
time, up to the client's own time-out.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from core.clock import Clock


@dataclass(frozen=True)
class Call:
    """One request as it arrived; ``at`` is the fake's own clock."""

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass
class Reply:
    """An answer; with ``cut_after`` the connection breaks after that many bytes of the body, with
    ``drip_seconds`` each byte waits so long."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    drip_seconds: float = 0.0

    @classmethod
    def of(cls, content: Any, status: int = 200, **headers: str) -> Reply:
        """``content`` as JSON; underscores in header names become dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps(content).encode()
        return cls(status, body, {"Content-Type": "application/json"} | named)


@dataclass(frozen=True)
class Exchange:
    """What an act may use: the call, the proper reply to it (once asked for, the call has had its
    effect), the server."""

    call: Call
    proper: Callable[[], Reply]
    server: FakeServer


Act = Callable[[Exchange], Reply | None]
"""Answers a call its own way; None closes the connection without an answer."""


@dataclass
class _Scripted:
    act: Act
    path: str
    method: str
    left: int

    def meets(self, call: Call) -> bool:
        return self.left > 0 and self.path in call.path and self.method in ("", call.method)


class FakeServer:
    """Base of every fake; a context manager that listens while it is entered."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.journal: list[Call] = []
        self.stopping = threading.Event()
        self._script: list[_Scripted] = []
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._broken: list[BaseException] = []
        self._listener = _Listener(("127.0.0.1", 0), _handler(self))
        self._listener.broken = self._broken

    def answer(self, call: Call) -> Reply:
        """The proper reply; a fake's own protocol."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def misbehave(self, act: Act, *, times: int = 1, path: str = "", method: str = "") -> None:
        """Let ``act`` answer the next ``times`` calls of ``method`` whose path contains ``path``."""
        self._script.append(_Scripted(act, path, method, times))

    def behave(self) -> None:
        """Forget what is left of the script."""
        self._script.clear()

    def calls(self, path: str, method: str = "") -> list[Call]:
        """The journal's calls of ``method`` whose path contains ``path``."""
        return [c for c in self.journal if path in c.path and method in ("", c.method)]

    def respond(self, call: Call) -> Reply | None:
        with self._lock:
            self.journal.append(call)
            act = self._next_act(call)
        if act is None:
            return self.answer(call)
        return act(Exchange(call, lambda: self.answer(call), self))

    def _next_act(self, call: Call) -> Act | None:
        for scripted in self._script:
            if scripted.meets(call):
                scripted.left -= 1
                return scripted.act
        return None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        for connection in list(self._connections):
            _shut(connection)
        if self._broken:
            raise RuntimeError("the fake itself broke, not the vendor") from self._broken[0]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    broken: list[BaseException]

    def handle_error(self, *_: Any) -> None:
        """Keep a mistake of the fake's own for the end of the test, where it is raised."""
        error = sys.exc_info()[1]
        if error is not None:
            self.broken.append(error)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client closed it first


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            fake._connections.add(self.connection)

        def finish(self) -> None:
            fake._connections.discard(self.connection)
            super().finish()

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return  # the client gave up waiting: what tests of time-outs are about

        def handle_any(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            if len(body) < length:
                self.close_connection = True  # its sender died half-way: no request arrived
                return
            call = Call(
                at=fake.clock(),
                method=self.command,
                path=address.path,
                query=dict(parse_qsl(address.query, keep_blank_values=True)),
                headers=dict(self.headers.items()),
                body=body,
            )
            reply = fake.respond(call)
            if reply is None:
                self.close_connection = True
                _shut(self.connection)
                return
            self.send(reply)

        do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = handle_any  # noqa: N815

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.drip_seconds:
                self.drip(reply)
            self.wfile.write(reply.body[: reply.cut_after])
            if reply.cut_after is not None:
                self.wfile.flush()
                self.close_connection = True
                _shut(self.connection)

        def drip(self, reply: Reply) -> None:
            while reply.body and not fake.stopping.wait(reply.drip_seconds):
                self.wfile.write(reply.body[:1])
                reply.body = reply.body[1:]

        def log_message(self, *_: Any) -> None:
            """Quiet; the journal is the log."""

    return Handler
