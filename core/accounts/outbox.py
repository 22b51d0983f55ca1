"""The outbox: which messages tell a channel of its events, and when a failed one is tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.accounts.events import KINDS, SEVERITIES, Kind, Recorded, Severity

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
"""How long a message waits after its first, second … failure; after one more it is given up."""
MOST_TRIES = len(BACK_OFF) + 1
PAUSES = BACK_OFF[:2]
"""How long a whole channel rests after a failure: the first, and every one that follows it."""
MOST_SINGLE = 10
"""Events of one kind that a channel is told of singly in a minute; beyond, they are counted."""
BURST = timedelta(minutes=1)
TOO_OLD = timedelta(hours=24)
"""An event is sent within this time or never: older news does not help."""
_QUOTED = 5
_MOST_LETTERS = 1_500


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is sent: a title, lines of text without markup, how important it is."""

    title: str
    text: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that is due at a channel, and how often sending it has failed."""

    recorded: Recorded
    tries: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """Deliveries that one message tells of."""

    deliveries: tuple[Delivery, ...]

    @property
    def event_ids(self) -> list[int]:
        return [delivery.recorded.id for delivery in self.deliveries]

    def message(self) -> Message:
        found = [delivery.recorded for delivery in self.deliveries]
        worst = max((r.event.severity for r in found), key=SEVERITIES.index)
        label = KINDS[found[0].event.kind].label
        if len(found) == 1:
            return Message(f"Sluice: {label}", _line(found[0]), worst)
        first, last = (f"{recorded.event.at:%H:%M}" for recorded in (found[0], found[-1]))
        span = first if first == last else f"{first} to {last}"
        lines = [f"{len(found):,} events, {span} UTC", *map(_line, found[:_QUOTED])]
        if len(found) > _QUOTED:
            lines.append(f"and {len(found) - _QUOTED:,} more, on the page Operations")
        return Message(f"Sluice: {label}, {len(found):,} times", _cut("\n".join(lines)), worst)


def bundles(due: Sequence[Delivery], told: Mapping[Kind, int]) -> list[Bundle]:
    """The messages that tell a channel of what is due, in the order they are sent.

    ``told`` counts the events of each kind the channel was told of in the last minute. With them
    and what is due, more than ten of a kind become one message. What has failed least goes first:
    a message that the service will never take holds up no other.
    """
    by_kind: dict[Kind, list[Delivery]] = {}
    for delivery in sorted(due, key=lambda d: d.recorded.id):
        by_kind.setdefault(delivery.recorded.event.kind, []).append(delivery)
    made: list[Bundle] = []
    for kind, deliveries in by_kind.items():
        if len(deliveries) + told.get(kind, 0) > MOST_SINGLE:
            made.append(Bundle(tuple(deliveries)))
        else:
            made += [Bundle((delivery,)) for delivery in deliveries]
    return sorted(made, key=lambda b: (min(d.tries for d in b.deliveries), b.event_ids[0]))


def _line(recorded: Recorded) -> str:
    where = " · ".join(name for name in (recorded.account, recorded.deployment) if name)
    return _cut(f"{where}: {recorded.event.text}" if where else recorded.event.text)


def _cut(text: str) -> str:
    """Within what every service takes."""
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
