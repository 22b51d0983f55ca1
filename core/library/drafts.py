"""Unsaved changes of a user to one strategy, as they are kept between sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """A draft of ``core.flow.draft`` as text, the version it began from, and when it was kept.

    ``text`` is what ``core.flow.draft.kept.written`` made. One written by another Sluice may be
    no draft to this one.
    """

    base: int
    text: str
    kept_at: datetime
