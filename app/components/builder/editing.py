"""What one tab knows of the strategy it edits; lives as long as the session."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import streamlit as st

from core.flow.draft.blocks import Draft, Path, draft_of
from core.flow.draft.history import History
from core.flow.draft.problems import Checked, Fill, as_written, check
from core.flow.formats.native import to_json
from core.flow.layout import FindStrategy
from core.library.drafts import KeptDraft
from core.library.strategies import StrategyVersion, VersionConflict

_CLIPBOARD = "builder_clipboard"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence to show once: what was done, or why not."""

    text: str
    icon: str


@dataclass(slots=True)
class Kept:
    """What this session knows of the draft's row in the database.

    ``row`` is the version and the text it wrote or found there last, ``looked`` the revision and
    version it compared with that last, ``problem`` why that failed. ``returned`` is when an
    earlier session kept what this one began with. ``unreadable`` is a row that is no draft, and
    ``why``; nothing is written over it.
    """

    strategy: UUID | None = None
    row: tuple[int, str] | None = None
    looked: tuple[int, int] | None = None
    problem: str = ""
    returned: datetime | None = None
    unreadable: KeptDraft | None = None
    why: str = ""


@dataclass(slots=True)
class Editing:
    """The draft of one strategy, the version it began from, and how it is looked at.

    ``epoch`` counts the changes that did not come from the inspector's own fields: they begin
    anew then, and ``turns`` counts those that began anew by themselves. ``seen`` holds the number
    of the last command done, by browser. ``rows`` is the outline drawn last and what it is of.
    ``token`` tells it from others of the strategy: a page that was open when the app was started
    again speaks of blocks and fields of the one before.
    """

    slug: str
    find: FindStrategy
    number: int
    saved: Mapping[str, Any]
    history: History
    fill: Fill = as_written
    epoch: int = 0
    folded: frozenset[str] = frozenset()
    arrangement: str = "across"
    client: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    turns: dict[tuple[str, Path], int] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    conflict: VersionConflict | None = None
    rows: tuple[object, list[dict[str, Any]]] | None = None
    kept: Kept = field(default_factory=Kept)
    token: str = field(default_factory=lambda: secrets.token_hex(4))
    _checked: tuple[int, Checked] | None = None
    _changed: tuple[int, int, bool] | None = None

    @property
    def draft(self) -> Draft:
        return self.history.draft

    @property
    def checked(self) -> Checked:
        """The draft read as a flow, with its problems."""
        if self._checked is None or self._checked[0] != self.history.revision:
            self._checked = (self.history.revision, check(self.draft, self.find, self.fill))
        return self._checked[1]

    @property
    def changed(self) -> bool:
        """Whether the draft differs from the version it began from."""
        key = (self.history.revision, self.number)
        if self._changed is None or self._changed[:2] != key:
            self._changed = (*key, not self.says(self.saved))
        return self._changed[2]

    def says(self, flow: Mapping[str, Any]) -> bool:
        """Whether the draft is this flow, given as it is saved."""
        mine = self.checked.flow
        return (self.draft.to_json() if mine is None else to_json(mine)) == flow

    def edit(self, draft: Draft, selected: str | None, said: str, *, typed: bool = False) -> None:
        """Take an operation's result; ``typed`` if an inspector's field already shows it."""
        before = self.history
        self.history = before.edited(draft, selected, said)
        if not typed and self.history.revision != before.revision:
            self.epoch += 1

    def select(self, block: str) -> None:
        self.history = self.history.select(block)

    def travel(self, to: History) -> None:
        """Undo or redo."""
        self.epoch += 1
        self.history = to

    def say(self, text: str, icon: str = "check") -> None:
        """A toast at the end of this run."""
        self.notices.append(Notice(text, icon))

    def saved_now(self, version: StrategyVersion) -> None:
        """Changes are counted from this version now; the draft and its history stay."""
        self.number, self.saved = version.number, version.flow
        self.conflict = None

    def take_over(self, version: StrategyVersion) -> None:
        """Go on with this version; undo still leads back to what was there."""
        self.edit(draft_of(version.flow), None, f"version {version.number}")
        self.saved_now(version)

    def discard(self) -> None:
        """Back to the version it began from; undo brings the changes back."""
        self.edit(draft_of(self.saved), None, "discard changes")


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied last in this session, in whichever tab, and how often something was."""

    text: str = ""
    number: int = 0


def clipboard() -> Copied:
    """What this session's Paste finds where the browser hands nothing over."""
    found: Copied = st.session_state.get(_CLIPBOARD, Copied())
    return found


def copy_to_clipboard(text: str) -> None:
    """Keep it for the session's other tabs; the browser is given it too."""
    st.session_state[_CLIPBOARD] = Copied(text, clipboard().number + 1)
