"""The pretended Alpaca's stream of trade updates, and a gate before it that can go wrong.

The gate relays bytes between the client and a real websocket server, so that a connection can be
silent without closing (not even pings are answered), be cut, or never be accepted, as a network
does it.
"""

from __future__ import annotations

import json
import logging
import select
import socket
import threading
from contextlib import suppress
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from core.clock import Clock
from tests.fakes.alpaca_quotes import stamp

_QUIET = logging.getLogger("tests.fakes.alpaca_stream")
_QUIET.setLevel(logging.ERROR)  # it would log every frame, the keys included


class TradeUpdates:
    """``url`` is what clients connect to. ``binary`` frames are what the paper server sends."""

    def __init__(self, clock: Clock, keys: tuple[str, str], *, binary: bool = True) -> None:
        self._clock = clock
        self._keys = keys
        self.binary = binary
        self.logins: list[Any] = []
        self._listening: list[ServerConnection] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server: Server = serve(
            self._serve, "127.0.0.1", 0, logger=_QUIET, ping_interval=None, close_timeout=0.2
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.gate = Gate(self._server.socket.getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.close()
        self._server.shutdown()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.gate.port}/stream"

    @property
    def listeners(self) -> int:
        """How many clients are listening to trade updates."""
        with self._lock:
            return len(self._listening)

    def tell(self, event: str, order: dict[str, Any], more: dict[str, Any]) -> None:
        """A trade update to whoever listens."""
        data = {"event": event, "timestamp": stamp(self._clock()), "order": order, **more}
        self.say({"stream": "trade_updates", "data": data})

    def say(self, message: Any) -> None:
        """Any message; bytes and text go out as they are."""
        with self._lock:
            listening = list(self._listening)
        for connection in listening:
            try:
                _send(connection, message, binary=self.binary)
            except ConnectionClosed:
                continue

    def _serve(self, connection: ServerConnection) -> None:
        try:
            for received in connection:
                self._hear(connection, json.loads(received))
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                if connection in self._listening:
                    self._listening.remove(connection)

    def _hear(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        data = message.get("data", {})
        if message.get("action") == "authenticate":
            self.logins.append(self._clock())
            known = (data.get("key_id"), data.get("secret_key")) == self._keys
            status = "authorized" if known else "unauthorized"
            said = {"status": status, "action": "authenticate"}
            _send(connection, {"stream": "authorization", "data": said}, binary=self.binary)
        if message.get("action") == "listen":
            streams = [s for s in data.get("streams", []) if s == "trade_updates"]
            said = {"stream": "listening", "data": {"streams": streams}}
            _send(connection, said, binary=self.binary)
            with self._lock:
                self._listening.append(connection)


def _send(connection: ServerConnection, message: Any, *, binary: bool) -> None:
    if not isinstance(message, str | bytes):
        message = json.dumps(message)
    if isinstance(message, str) and binary:
        message = message.encode()
    connection.send(message)


class Gate:
    """Relays connections to a port of this machine, until told otherwise.

    ``silence`` stops relaying and keeps every connection open, ``cut`` breaks those there are,
    ``shut`` also refuses new ones, ``open`` makes it good again. ``accepted`` counts connections.
    """

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._open = True
        self._silent = threading.Event()
        self._ending = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def silence(self) -> None:
        self._silent.set()

    def cut(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                _shut(side)

    def shut(self) -> None:
        self._open = False
        self.cut()

    def open(self) -> None:
        self._open = True
        self._silent.clear()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._listener.close()
        self.cut()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if not self._open:
                client.close()
                continue
            self.accepted += 1
            server = socket.create_connection(("127.0.0.1", self._behind))
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        try:
            while not self._ending.is_set():
                readable, _, _ = select.select([client, server], [], [], 0.05)
                for side in readable:
                    if self._silent.is_set():
                        self._ending.wait(0.05)
                        continue
                    received = side.recv(65536)
                    if not received:
                        return
                    other[side].sendall(received)
        except (OSError, ValueError):
            return  # cut
        finally:
            _shut(client)
            _shut(server)


def _shut(side: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        side.shutdown(socket.SHUT_RDWR)
    side.close()
