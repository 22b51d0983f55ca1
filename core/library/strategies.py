"""A user's saved strategies: each a line of immutable versions, one of which is the head."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One strategy of a user's library.

    ``slug`` is its short name: unique for the user, never changed, what flows refer to and
    addresses contain. ``head`` is the number of the version that counts.
    """

    id: UUID
    user_id: UUID
    slug: str
    name: str
    head: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyVersion:
    """A flow as it was saved; never changed afterwards.

    ``hash`` is core.flow.formats.native.content_hash of it, ``flow`` its JSON.
    """

    strategy_id: UUID
    number: int
    hash: str
    flow: Mapping[str, Any]
    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """Why a save was refused: somebody else saved since this editor read the strategy."""

    name: str
    expected: int
    found: int

    def __str__(self) -> str:
        return (
            f"'{self.name}' was at version {self.expected} when you opened it and is at version "
            f"{self.found} now. Reload it and make your change again, or save yours as a copy."
        )


def slug_of(name: str) -> str:
    """A short name made of ``name``: lower-case words joined by '-', at most 60 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower().replace("'", ""))
    return "-".join(words)[:60].strip("-") or "strategy"
