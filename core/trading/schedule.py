"""Which windows are due: from each session's own close, never from a cron's firing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.brokers.base import SessionHours

LOOK_BACK = timedelta(days=5)
"""Windows that passed unseen are said to be missed as far back as this."""


@dataclass(frozen=True, slots=True)
class Due:
    """A window of a session: it may begin at ``due_at`` and nothing is sent at or after
    ``closes_at``."""

    session: date
    slot: int
    due_at: datetime
    closes_at: datetime


def windows_of(hours: Sequence[SessionHours], slots: Sequence[int]) -> tuple[Due, ...]:
    """Every window of these sessions in order of time; none that would lie before the opening."""
    found = [
        Due(one.session, slot, one.closes_at - timedelta(minutes=slot), one.closes_at)
        for one in hours
        for slot in slots
    ]
    opens = {one.session: one.opens_at for one in hours}
    kept = (due for due in found if due.due_at >= opens[due.session])
    return tuple(sorted(kept, key=lambda due: due.due_at))


@dataclass(frozen=True, slots=True)
class Agenda:
    """``now``: to be run, or to be gone on with; ``missed``: too late by now."""

    now: tuple[Due, ...]
    missed: tuple[Due, ...]


def agenda(
    hours: Sequence[SessionHours],
    slots: Sequence[int],
    ended: Collection[tuple[date, int]],
    at: datetime,
    since: datetime,
) -> Agenda:
    """What to do at ``at``: windows that are due and not ended, and those that passed unseen.

    Windows that closed before ``since`` (the account's first strategy) never were.
    """
    open_now: list[Due] = []
    missed: list[Due] = []
    for due in windows_of(hours, slots):
        if due.due_at > at or due.closes_at <= since or (due.session, due.slot) in ended:
            continue
        (open_now if at < due.closes_at else missed).append(due)
    return Agenda(tuple(open_now), tuple(missed))


def next_window(hours: Sequence[SessionHours], slots: Sequence[int], at: datetime) -> Due | None:
    """The first window that is not due yet."""
    return next((due for due in windows_of(hours, slots) if due.due_at > at), None)
