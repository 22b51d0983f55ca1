"""AlpacaOrderStream: which orders changed, told by Alpaca's ``trade_updates``.

It talks to the websocket itself rather than through alpaca-py's ``TradingStream``, whose pings
leave a dead connection unnoticed for minutes. Here a connection that answers no ping is dropped
within ``silence_seconds`` and rebuilt after a pause that grows from one second to thirty.

What happened while there was no connection is not told afterwards: polling orders stays the truth,
this only makes it quicker.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from core.brokers.alpaca.login import check_login
from core.brokers.alpaca.values import text
from core.brokers.base import Mode

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_CLOSING_SECONDS = 1.0
_PINGS_A_SILENCE = 3
_STEADY_SECONDS = 60.0
"""A connection that lasted so long was good: the next pause is the first again."""

_log = logging.getLogger(__name__)
# The library logs every frame at DEBUG, the one with the keys included.
_wire = logging.getLogger(f"{__name__}.wire")
_wire.setLevel(logging.WARNING)


class AlpacaOrderStream:
    """Connects and listens from the start, on a thread of its own, until ``close``.

    Keys, mode and addresses as for ``AlpacaBroker``; ``stream_url`` None follows the trading
    address. ``connected`` is whether it listens now, ``rebuilt`` how often it had to begin again:
    a caller that sees it grow reads its open orders.
    """

    def __init__(
        self,
        key_id: str | None,
        secret_key: str | None,
        *,
        mode: Mode = "paper",
        trading_url: str | None = None,
        stream_url: str | None = None,
        silence_seconds: float = 60.0,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._login = check_login(
            key_id, secret_key, mode=mode, trading_url=trading_url, stream_url=stream_url
        )
        # One ping interval and one wait for its pong are less than the silence allowed.
        self._ping_seconds = silence_seconds / _PINGS_A_SILENCE
        self._first_pause = first_pause_seconds
        self._news = threading.Condition()
        self._changed: set[str] = set()
        self._closing = threading.Event()
        self._socket: ClientConnection | None = None
        self.connected = False
        self.rebuilt = 0
        self._thread = threading.Thread(target=self._run, name="alpaca-orders", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<AlpacaOrderStream {self._login.mode}, {self._login.stream_url}>"

    def changed(self, wait_seconds: float) -> frozenset[str]:
        """See OrderStream.changed."""
        with self._news:
            self._news.wait_for(lambda: self._changed or self._closing.is_set(), wait_seconds)
            found = frozenset(self._changed)
            self._changed.clear()
            return found

    def close(self) -> None:
        """Stop listening; at most about two seconds."""
        self._closing.set()
        with self._news:
            self._news.notify_all()
            open_socket = self._socket
        if open_socket is not None:
            with suppress(WebSocketException, OSError):
                open_socket.close()
        self._thread.join(_CLOSING_SECONDS)

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        pause = self._first_pause
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                self._listen()
                why = "closed by Alpaca"
            except _LoginRefused:
                why, pause = "Alpaca refuses the keys", LONGEST_PAUSE_SECONDS
            except (WebSocketException, OSError, ValueError) as err:
                why = type(err).__name__  # its text may repeat what was sent
            self.connected = False
            if self._closing.is_set():
                return
            if time.monotonic() - began > _STEADY_SECONDS:
                pause = self._first_pause
            _log.warning(
                "the stream of order updates broke and is rebuilt",
                extra={"action": "stream_lost", "why": why, "pause_s": pause},
            )
            self._closing.wait(pause)
            pause = longer(pause)
            self.rebuilt += 1

    def _listen(self) -> None:
        """One connection, from login to its end."""
        with connect(
            self._login.stream_url,
            ping_interval=self._ping_seconds,
            ping_timeout=self._ping_seconds,
            close_timeout=_CLOSING_SECONDS,
            logger=_wire,
        ) as opened:
            with self._news:
                self._socket = opened
            if self._closing.is_set():
                return
            self._log_in(opened)
            _send(opened, "listen", {"streams": ["trade_updates"]})
            for frame in opened:
                self._take(frame)

    def _log_in(self, opened: ClientConnection) -> None:
        key_id, secret_key = self._login.secrets
        _send(opened, "authenticate", {"key_id": key_id, "secret_key": secret_key})
        answer = _message(opened.recv(timeout=self._ping_seconds))
        if _data(answer).get("status") != "authorized":
            raise _LoginRefused

    def _take(self, frame: str | bytes) -> None:
        """A frame, text from the live server and bytes from paper; what is none of ours passes."""
        message = _message(frame)
        if message.get("stream") == "listening":
            self.connected = True
        if message.get("stream") != "trade_updates":
            return
        order = _data(message).get("order")
        client_order_id = text(order.get("client_order_id")) if isinstance(order, dict) else None
        if client_order_id is None:
            return
        with self._news:
            self._changed.add(client_order_id)
            self._news.notify_all()


def longer(pause_seconds: float) -> float:
    """The pause after one that was in vain."""
    return min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


class _LoginRefused(Exception):
    """Said by the stream, not by the trading API, which tells the account's owner itself."""


def _send(opened: ClientConnection, action: str, data: dict[str, Any]) -> None:
    opened.send(json.dumps({"action": action, "data": data}))


def _message(frame: str | bytes) -> dict[str, Any]:
    """An empty message for a frame that is no JSON object."""
    try:
        message = json.loads(frame)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _data(message: dict[str, Any]) -> dict[str, Any]:
    data = message.get("data")
    return data if isinstance(data, dict) else {}
