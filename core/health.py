"""Checks of every part: what is wrong, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import SluiceError

if TYPE_CHECKING:
    from core.bootstrap import Services

State = Literal["ok", "note", "failed"]
_LEAST_FREE_BYTES = 1_000_000_000
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found; a note is worth knowing and stops nothing."""

    name: str
    state: State
    message: str
    fix: str = ""


def check_all(services: Services) -> list[Check]:
    """Every check, in the order in which parts depend on each other."""
    return [check for part in _PARTS for check in _guarded(part, services)]


def _guarded(part: Callable[[Services], Iterator[Check]], services: Services) -> Iterator[Check]:
    """A part that fails on purpose is a finding of its own; the other parts are checked still."""
    name = part.__name__.removeprefix("_")
    try:
        yield from part(services)
    except SluiceError as err:
        yield Check(name, "failed", str(err))


def _python(_services: Services) -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        fix = "Install Python 3.11 or newer."
        yield Check("python", "failed", f"Python {found} is too old.", fix)
    else:
        yield Check("python", "ok", f"Python {found}")


def _home(services: Services) -> Iterator[Check]:
    home = services.settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as err:
        fix = "Set SLUICE_HOME to a folder this user may write."
        yield Check("home", "failed", f"{home} cannot be written: {err.strerror}.", fix)
        return
    free = shutil.disk_usage(home).free
    if free < _LEAST_FREE_BYTES:
        fix = "Free some space, or set SLUICE_HOME to a folder on another disk."
        yield Check("home", "failed", f"{home} has only {free / 1e6:,.0f} MB free.", fix)
    else:
        yield Check("home", "ok", f"{home}, {free / 1e9:,.0f} GB free")


def _database(services: Services) -> Iterator[Check]:
    milliseconds = services.ping()
    kind = services.raw_database.kind
    yield Check("database", "ok", f"{kind} Postgres, answers in {milliseconds:.1f} ms")
    schema = services.schema()
    if schema.state == "current":
        yield Check("schema", "ok", f"schema {schema.revision}")
    elif schema.state == "unknown":
        fix = "Start the newer Sluice that made it."
        yield Check("schema", "failed", f"schema {schema.revision} is not known.", fix)
    else:
        yield Check("schema", "failed", "the schema is not up to date.", "Run: sluice migrate")


def _vault(services: Services) -> Iterator[Check]:
    if services.schema().state == "current":
        yield Check("vault", "ok", services.vault.check())


def _redis(services: Services) -> Iterator[Check]:
    if services.redis is None:
        yield Check("redis", "ok", "not configured; bars are cached on disk only")
        return
    from redis.exceptions import RedisError

    try:
        services.redis.ping()
    except RedisError as err:
        fix = "Start it, or unset SLUICE_REDIS_URL. Until then bars are cached on disk only."
        yield Check("redis", "failed", f"it does not answer: {err}.", fix)
    else:
        yield Check("redis", "ok", "answers")


def _kernels(_services: Services) -> Iterator[Check]:
    """Compiled code is kept between starts where numba can write; else each start compiles."""
    from core.metrics.kernel import measure_block

    folder = Path(measure_block.stats.cache_path)  # type: ignore[attr-defined]
    if os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
        yield Check("kernels", "ok", f"compiled code is kept in {folder}")
    else:
        fix = "Set NUMBA_CACHE_DIR to a folder this user may write."
        yield Check("kernels", "note", "compiled code cannot be kept: each start is slow.", fix)


def _data(services: Services) -> Iterator[Check]:
    settings = services.settings
    keys = (settings.alpaca_key_id, settings.alpaca_secret_key)
    if all(keys):
        yield Check("alpaca", "ok", f"keys are set, feed {settings.alpaca_feed}")
    elif any(keys):
        fix = "Set both SLUICE_ALPACA_KEY_ID and SLUICE_ALPACA_SECRET_KEY."
        yield Check("alpaca", "failed", "only one of its two keys is set.", fix)
    else:
        fix = "Demo, Files, Yahoo and Bybit work without; for Alpaca set its two keys."
        yield Check("alpaca", "note", "no keys are set.", fix)


def _services(services: Services) -> Iterator[Check]:
    """Who beats: the part of the check that needs Sluice to run."""
    if services.schema().state != "current":
        return
    beats = services.heartbeats.all()
    if not beats:
        yield Check("services", "note", "none runs.", "Run: sluice up")
    for beat in beats:
        age = timedelta(seconds=round(beat.age_seconds))
        if beat.silent:
            fix = f"Look at its log; start it again with: sluice {beat.component}"
            message = f"process {beat.pid} on {beat.host} was last seen {age} ago."
            yield Check(beat.component, "failed", message, fix)
        else:
            yield Check(beat.component, "ok", f"process {beat.pid} on {beat.host}")


_PARTS: tuple[Callable[[Services], Iterator[Check]], ...] = (
    _python,
    _home,
    _database,
    _vault,
    _redis,
    _kernels,
    _data,
    _services,
)
