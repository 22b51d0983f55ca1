"""Sends a message to a channel, by Apprise: Slack, Discord, e-mail and a hundred more services.

A channel's address is a secret. Apprise and what it sends with log addresses when they are told to
log much; here they are not heard, and a reason of failure is stripped of every part of the address.
"""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import Future
from urllib.parse import unquote

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType
from pydantic import SecretStr

from core.accounts.channels import Destination
from core.accounts.events import Severity
from core.accounts.outbox import Message
from core.errors import BadInput, Unavailable

SECONDS = 10.0
"""Longest wait for a service to take a message."""
_SOCKET_SECONDS = 8.0
_THREAD = "notify-send"
_HIDDEN = "…"
_SHORTEST_SECRET, _TAIL = 6, 4
_TYPES: dict[Severity, NotifyType] = {
    "info": NotifyType.INFO,
    "warning": NotifyType.WARNING,
    "critical": NotifyType.FAILURE,
}
_ASSET = AppriseAsset(
    app_id="Sluice",
    app_desc="Sluice",
    app_url="",
    secure_logging=True,
    # In the thread that asks: Apprise's own pool is small, and one that hangs stays in it.
    service_timeout=0,
)


def destination(address: SecretStr) -> Destination:
    """What may be shown of an address; raises BadInput if no service answers to it.

    Nothing is sent.
    """
    service = _service(address)
    recipients = [mail for _, mail in getattr(service, "targets", None) or [] if "@" in mail] if (
        service.service_name == "E-Mail"
    ) else []  # fmt: skip
    if recipients:
        name, _, host = recipients[0].partition("@")
        return Destination(str(service.service_name), f"{name[:1]}{_HIDDEN}@{host}")
    last = re.split(r"[/:@]", address.get_secret_value().partition("?")[0].rstrip("/"))[-1]
    tail = last[-_TAIL:] if len(last) >= 3 * _TAIL else ""
    return Destination(str(service.service_name), f"{_HIDDEN}{tail}")


class Notifier:
    """Sends messages, each within ten seconds or not at all as far as the caller is concerned.

    A service that goes on after that (it drips, it hangs) does so in a thread nobody waits for,
    not even the end of the process; it gets no second message meanwhile.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def send(self, address: SecretStr, message: Message) -> None:
        """Send it once.

        Raises Unavailable with the reason, which shows nothing of the address; after a time-out
        the service may still have taken the message. BadInput if the address is none.
        """
        service = _service(address)
        done = self._begin(address.get_secret_value(), service, message)
        try:
            failed = done.result(self._seconds)
        except TimeoutError:
            raise Unavailable(
                f"{service.service_name} did not answer within {self._seconds:g} s."
            ) from None
        if failed is not None:
            raise Unavailable(_without(address, f"{service.service_name}: {failed}"))

    def _begin(self, key: str, service: NotifyBase, message: Message) -> Future[str | None]:
        done: Future[str | None] = Future()
        thread = threading.Thread(
            target=lambda: done.set_result(_attempt(service, message)), name=_THREAD, daemon=True
        )
        with self._lock:
            before = self._running.get(key)
            if before is not None and before.is_alive():
                raise Unavailable(f"{service.service_name} still has the message before.")
            self._running = {k: t for k, t in self._running.items() if t.is_alive()}
            self._running[key] = thread
            thread.start()
        return done


def _service(address: SecretStr) -> NotifyBase:
    found = Apprise.instantiate(address.get_secret_value(), asset=_ASSET)
    if not isinstance(found, NotifyBase):
        raise BadInput(
            "address",
            "no service answers to it.",
            "Paste a Slack or Discord webhook as it is; write e-mail as "
            "mailtos://user:password@host?to=you@example.com and a webhook of your own as "
            "jsons://host/path.",
        )
    found.socket_connect_timeout = found.socket_read_timeout = _SOCKET_SECONDS
    found.retry = 0  # the outbox tries again, later
    return found


def _attempt(service: NotifyBase, message: Message) -> str | None:
    """None once it is sent, or why it was not."""
    try:
        return _sent(service, message)
    except Exception as err:  # noqa: BLE001 - any of a hundred services' code
        return f"it failed unexpectedly ({type(err).__name__})."


def _sent(service: NotifyBase, message: Message) -> str | None:
    courier = Apprise(asset=_ASSET)
    courier.add(service)
    result = courier.notify(
        message.text,
        title=message.title,
        notify_type=_TYPES[message.severity],
        body_format=NotifyFormat.TEXT,
    )
    if result:
        return None
    said = dict.fromkeys(entry.message.strip() for entry in result.logs())
    return " ".join(filter(None, map(_plainly, said))) or "the message was not taken."


def _plainly(said: str) -> str:
    """A line of Apprise's log as a reason; as it is where its form is another."""
    if "connection error occurred" in said.lower():
        return "it cannot be reached. Look at the address and the network."
    if refused := re.search(r"(?:: (?P<why>[^:]+?)\.?, )?error=(?P<code>\w+)", said):
        why = f"{refused['why']}, " if refused["why"] else ""
        return f"the message was refused ({why}code {refused['code']})."
    return said


def _without(address: SecretStr, reason: str) -> str:
    """``reason`` without any part of the address that could be a secret."""
    whole = address.get_secret_value()
    parts = {whole, *re.split(r"[/:@?&=,]+", whole)}
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            reason = reason.replace(part, _HIDDEN)
    return " ".join(reason.split())[:300]


class _NotFromSending(logging.Filter):
    """Drops what the HTTP client logs while it sends: it names the address's path."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.threadName != _THREAD


def _keep_quiet() -> None:
    theirs = logging.getLogger("apprise")
    # What it warns of is a reason of failure, which ``send`` reports.
    theirs.setLevel(logging.WARNING)
    theirs.propagate = False
    theirs.addHandler(logging.NullHandler())
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_NotFromSending())


_keep_quiet()
