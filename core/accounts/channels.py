"""Channels: where a user is told of events, and which events each one gets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.accounts.events import KINDS, SEVERITIES, Kind, Severity
from core.errors import BadInput, UnknownName
from core.library.strategies import refuse_unstorable

MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel's address as it may be shown: the service, and how the address ends."""

    service: str
    tail: str

    def __str__(self) -> str:
        return f"{self.service} {self.tail}".rstrip()


@dataclass(frozen=True, slots=True)
class Choice:
    """A channel's name and the events it gets: of ``kinds`` (empty: of all) and at least this
    ``severity``."""

    name: str
    kinds: tuple[Kind, ...] = ()
    severity: Severity = "info"

    def __str__(self) -> str:
        if not self.kinds:
            return _EVERY[self.severity]
        if len(self.kinds) <= 3:
            what = ", ".join(KINDS[kind].label.lower() for kind in self.kinds)
        else:
            what = f"{len(self.kinds)} of {len(KINDS)} kinds"
        return what + _LEAST[self.severity]


_EVERY = {
    "info": "every event",
    "warning": "every warning and critical event",
    "critical": "every critical event",
}
_LEAST = {"info": "", "warning": ", warnings and worse", "critical": ", critical only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of a user's, without its address: that stays sealed.

    ``waiting`` counts events still to be sent; ``last_error`` says why the last message that
    failed was not sent, however long ago.
    """

    id: UUID
    user_id: UUID
    choice: Choice
    destination: Destination
    enabled: bool
    created_at: datetime
    last_sent_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    waiting: int

    @property
    def name(self) -> str:
        return self.choice.name

    @property
    def failing(self) -> bool:
        """Whether the last message it was sent was not taken."""
        failed, sent = self.last_error_at, self.last_sent_at
        return failed is not None and (sent is None or failed > sent)


def choice_of(name: str, kinds: Collection[str] = (), severity: str = "info") -> Choice:
    """What was chosen in a form, checked; raises BadInput naming the field."""
    name = name.strip()
    refuse_unstorable("name", name)
    if not name:
        raise BadInput("name", "it is empty.", "Give the channel a name, such as Team chat.")
    if len(name) > MAX_NAME:
        raise BadInput("name", f"it has {len(name)} characters.", f"At most {MAX_NAME}.")
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownName("kinds", "kind of event", kind, KINDS)
    least = next((known for known in SEVERITIES if known == severity), None)
    if least is None:
        raise UnknownName("severity", "severity", severity, SEVERITIES)
    chosen = tuple(kind for kind in KINDS if kind in kinds)
    # All of them, those of later versions too.
    return Choice(name, () if len(chosen) == len(KINDS) else chosen, least)
