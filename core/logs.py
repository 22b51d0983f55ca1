"""Log lines: one a record, with named fields, and never a secret.

    2026-11-20T21:50:03.120Z INFO jobs.scheduler: heartbeat sent action=heartbeat ms=1.9

Fields come from ``extra``; every record worth counting has an ``action``. A traceback follows on
indented lines. Logs go to standard error: standard output belongs to results.
"""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from core.settings import Settings

REDACTED = "[secret]"
_SHORTEST = 4
"""Shorter values are not hidden: they would be found in every second word."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET = ("apscheduler", "alembic", "procrastinate", "urllib3", "watchdog", "matplotlib")


_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Let no log line of this process show ``secret`` from now on: one that is no setting."""
    _hidden.update(s for s in _spellings(secret) if len(s) >= _SHORTEST)


class Redaction:
    """Replaces the values of all secret settings, and of what ``hide`` was told, in a text."""

    def __init__(self, settings: Settings) -> None:
        found = set[str]()
        for name in type(settings).model_fields:
            value = getattr(settings, name)
            if isinstance(value, SecretStr):
                found |= _spellings(value.get_secret_value())
        self._settings = frozenset(s for s in found if len(s) >= _SHORTEST)

    def __call__(self, text: str) -> str:
        # The longest first: a secret may contain another.
        for secret in sorted(self._settings.union(_hidden), key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text


class LineFormatter(logging.Formatter):
    """Formats and redacts last, so that arguments, fields and tracebacks are all covered."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = [
            f"{key}={_quoted(value)}"
            for key, value in sorted(vars(record).items(), key=lambda item: item[0] != "action")
            if key not in _STANDARD and not key.startswith("_")
        ]
        text = " ".join([record.getMessage(), *fields]).replace("\r", " ").replace("\n", " | ")
        line = f"{at.replace('+00:00', 'Z')} {record.levelname} {record.name}: {text}"
        if record.exc_info:
            line += _indented(self.formatException(record.exc_info))
        if record.stack_info:
            line += _indented(record.stack_info)
        return self._redact(line)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send this process's logs, warnings and uncaught exceptions to ``stream`` (stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(Redaction(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    if settings.log_level != "DEBUG":
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logging.getLogger("sluice").critical(
        "stopped by an error nobody expected",
        exc_info=(kind, error, trace),
        extra={"action": "crash"},
    )


def _spellings(secret: str) -> set[str]:
    """The secret, and if it is a URL its password, as written and as meant."""
    found = {secret, secret.strip()}
    try:
        password = urlsplit(secret).password
    except ValueError:
        password = None
    if password:
        found |= {password, unquote(password)}
    return found


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if not text or any(c in text for c in ' ="') else text


def _indented(lines: str) -> str:
    return "".join(f"\n    {line}" for line in lines.splitlines())
