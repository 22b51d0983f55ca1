"""What the library's list is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from core.library.strategies import Strategy

SORTS = ("name", "updated", "created")
"""Besides these, the name of any metric: that of each strategy's last backtest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which strategies, in which order.

    ``search``  a part of the name, the short name, the folder or a tag, in any case
    ``folder``  that folder and those inside it; '' is what is in none, None everywhere
    ``tags``    all of these
    ``sort``    one of ``SORTS`` or a metric; strategies without a backtest come last
    """

    search: str = ""
    folder: str | None = None
    tags: tuple[str, ...] = ()
    archived: bool = False
    sort: str = "name"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A strategy of the list, with its head's description."""

    strategy: Strategy
    description: str
