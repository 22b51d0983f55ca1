"""A user's saved strategies: each a line of immutable versions, one of which is the head."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.errors import BadInput

MAX_LABEL = 200
MAX_FOLDER = 200
MAX_TAG = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One strategy of a user's library.

    ``slug`` is its short name: unique for the user, never changed, what flows refer to and
    addresses contain. ``head`` is the number of the version that counts. ``folder`` is a path such
    as ``Momentum/US``, empty at the top. ``uses`` names the variables its head uses and does not
    declare, ``declares`` those it declares.
    """

    id: UUID
    user_id: UUID
    slug: str
    name: str
    head: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    folder: str = ""
    tags: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    declares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyVersion:
    """A flow as it was saved; never changed afterwards, but for its ``label``.

    ``hash`` is core.flow.formats.native.content_hash of it, ``flow`` its JSON. ``parent`` is the
    number of the version it was made from, None for the first.
    """

    strategy_id: UUID
    number: int
    hash: str
    flow: Mapping[str, Any]
    label: str
    created_at: datetime
    parent: int | None = None


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


def refuse_unstorable(field: str, text: str) -> None:
    """Postgres holds any text but the character NUL and halves of surrogate pairs: BadInput."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(field, "it has characters that cannot be saved.", "Type it again.")


def folder_of(text: str) -> str:
    """A folder's path as it is kept: parts joined by '/', without space around them.

    Raises BadInput for one that is too long.
    """
    path = "/".join(part for part in (" ".join(p.split()) for p in text.split("/")) if part)
    refuse_unstorable("folder", path)
    if len(path) > MAX_FOLDER:
        raise BadInput("folder", f"it has {len(path)} characters.", f"At most {MAX_FOLDER}.")
    return path


def tag_of(text: str) -> str:
    """A tag as it is kept: lower-case, without needless space; BadInput for none or a long one."""
    tag = " ".join(text.lower().split())
    refuse_unstorable("tags", tag)
    if not 0 < len(tag) <= MAX_TAG:
        raise BadInput("tags", f"'{tag}' is no tag.", f"Use 1 to {MAX_TAG} characters.")
    return tag
