"""Settings to wired services; with core.adapters the only place that knows which one is real.

Everything is made at first use, so that a command pays only for what it needs. One part a file:
each is a class that stands on those it needs, and ``Services`` is all of them.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version

from core.bootstrap.library import LibraryServices
from core.bootstrap.live import LiveServices


def version() -> str:
    """This Sluice's version."""
    return installed_version("sluice")


class Services(LiveServices, LibraryServices):
    """What commands, pages and jobs work with; a context manager that closes what it opened.

    ``start`` allows to start embedded Postgres; without it, using the database raises Unavailable
    where it does not run. ``migrate`` brings an embedded database up to date before its first
    use; a server's is only checked, as other hosts may use it.
    """
