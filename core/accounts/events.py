"""Events: what happened in live trading, for people to read and be told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args
from uuid import UUID

if TYPE_CHECKING:
    from core.accounts.account import Account

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the least important."""

Kind = Literal[
    "deployed",
    "undeployed",
    "capital_changed",
    "version_changed",
    "paused",
    "resumed",
    "rebalanced",
    "refused",
    "order_failed",
    "window_failed",
    "strategy_failed",
    "missed_window",
    "breaker_tripped",
    "breaker_released",
    "kill_switch",
    "released",
    "account_halted",
    "account_added",
    "keys_changed",
    "account_removed",
    "reconciled",
    "difference",
    "adopted",
    "activity",
    "parity_difference",
    "long_silence",
    "started",
    "stopped",
]


class KindMeaning(NamedTuple):
    """What a kind of event tells: its label on the pages, and a sentence."""

    label: str
    sentence: str


KINDS: dict[Kind, KindMeaning] = {
    "deployed": KindMeaning("Deployed", "A strategy was given capital in an account."),
    "undeployed": KindMeaning("Undeployed", "A strategy was stopped, its holdings given back."),
    "capital_changed": KindMeaning("Capital changed", "A strategy got capital or gave some back."),
    "version_changed": KindMeaning("Version changed", "A strategy goes on with another version."),
    "paused": KindMeaning("Paused", "A strategy holds what it has and decides nothing."),
    "resumed": KindMeaning("Resumed", "A paused strategy decides again."),
    "rebalanced": KindMeaning("Rebalanced", "A trade window is done, its orders filled."),
    "refused": KindMeaning("Refused", "A risk check kept an order from being sent."),
    "order_failed": KindMeaning("Order failed", "The broker refused, cancelled or lost an order."),
    "window_failed": KindMeaning("Window failed", "A trade window ended with an error."),
    "strategy_failed": KindMeaning(
        "Strategy failed", "A strategy ended with an error; it holds what it has, others trade."
    ),
    "missed_window": KindMeaning("Missed window", "The market closed before a window was run."),
    "breaker_tripped": KindMeaning(
        "Breaker tripped", "A drawdown or a day's loss passed its limit and stopped trading."
    ),
    "breaker_released": KindMeaning("Breaker released", "What a breaker had stopped trades again."),
    "kill_switch": KindMeaning("Kill switch", "A person stopped an account's orders."),
    "released": KindMeaning("Released", "A person let a stopped account trade again."),
    "account_halted": KindMeaning("Account halted", "Sluice stopped an account's orders itself."),
    "account_added": KindMeaning("Account added", "Strategies can trade in another account."),
    "keys_changed": KindMeaning("Keys changed", "A person gave an account other keys."),
    "account_removed": KindMeaning("Account removed", "An account is gone, its history with it."),
    "reconciled": KindMeaning("Reconciled", "Holdings agree with the broker's again."),
    "difference": KindMeaning(
        "Difference", "Holdings differ from the broker's; the symbol is not traded."
    ),
    "adopted": KindMeaning(
        "Adopted", "A position Sluice did not open was found; it is kept and never sold."
    ),
    "activity": KindMeaning("Activity", "A dividend, a split, a fee or a transfer was booked."),
    "parity_difference": KindMeaning(
        "Parity difference", "On settled data the decision would have been another one."
    ),
    "long_silence": KindMeaning("Long silence", "A part has not been heard of for too long."),
    "started": KindMeaning("Started", "The scheduler began to trade."),
    "stopped": KindMeaning("Stopped", "The scheduler ended in good order."),
}
"""Every kind, in the order pages list them."""

REPLAYED = "replayed"
"""Key of ``Event.detail``: true for what a replay of past sessions records; never sent anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    ``at`` is when, in UTC; ``text`` a sentence for the user, without secrets. ``detail`` holds what
    a page shows beside it, as JSON: numbers that must stay exact are strings in it.
    ``window_id`` and the ids of account and deployment are None where it concerns none.
    """

    user_id: UUID
    at: datetime
    kind: Kind
    severity: Severity
    text: str
    account_id: UUID | None = None
    deployment_id: UUID | None = None
    window_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"an event needs an aware instant, was {self.at!r}")
        if self.kind not in KINDS:
            raise ValueError(f"no kind of event: {self.kind!r}")


def event_of(
    account: Account,
    at: datetime,
    kind: Kind,
    text: str,
    *,
    severity: Severity = "info",
    deployment: UUID | None = None,
    window: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """An event of that account."""
    return Event(
        user_id=account.user_id,
        at=at,
        kind=kind,
        severity=severity,
        text=text,
        account_id=account.id,
        deployment_id=deployment,
        window_id=window,
        detail=dict(detail or {}),
    )


class Place(NamedTuple):
    """Where an event stands among others: by instant, then by number."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is stored, with the names of the account and deployment as they are now."""

    id: int
    event: Event
    account: str | None
    deployment: str | None

    @property
    def place(self) -> Place:
        return Place(self.event.at, self.id)


def from_severity(least: Severity) -> tuple[Severity, ...]:
    """``least`` and what is more important."""
    return SEVERITIES[SEVERITIES.index(least) :]
