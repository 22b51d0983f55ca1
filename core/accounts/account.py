"""Accounts: a broker's account, how it trades, and what stops it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from core.brokers.base import Mode
from core.errors import BadInput
from core.risk.limits import Limits

TradingState = Literal["active", "reducing", "halted"]
"""``active`` trades; ``reducing`` only makes positions smaller; ``halted`` records no order."""

BREAKER = "breaker"
"""Who turned an account or paused a strategy, where it was no person."""

BrokerName = Literal["paper", "alpaca"]
BROKERS: tuple[BrokerName, ...] = ("paper", "alpaca")
DEFAULT_SLOTS = (10,)
MAX_SLOT = 385
"""Minutes before the close: a session has 390."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """``slots``  minutes before the close at which its windows open
    ``state``  of the kill switch: read in the transaction that records an order
    ``sealed`` its keys, encrypted; None where the environment's are used, or none are needed
    ``number`` the broker's own; None while it was never asked, and for the built-in broker
    """

    id: UUID
    user_id: UUID
    name: str
    broker: BrokerName
    mode: Mode
    source: str
    path: str | None
    slots: tuple[int, ...]
    limits: Limits
    options: Mapping[str, Any]
    state: TradingState
    state_reason: str
    state_by: str
    state_at: datetime | None
    reconciled_at: datetime | None
    differences: tuple[Mapping[str, Any], ...]
    activities_until: datetime | None
    created_at: datetime
    sealed: bytes | None = field(default=None, repr=False)
    number: str | None = None
    currency: str = "USD"

    @property
    def kind(self) -> str:
        """``paper``, ``alpaca paper``, ``alpaca live``."""
        return kind_of(self.broker, self.mode)


def checked_slots(slots: tuple[int, ...]) -> tuple[int, ...]:
    """The slots in order of time; BadInput for none, doubles or impossible ones."""
    if not slots or len(set(slots)) != len(slots):
        raise BadInput("windows", "they must be one or more different numbers of minutes.")
    for slot in slots:
        if not 1 <= slot <= MAX_SLOT:
            raise BadInput("windows", f"{slot} minutes before the close is no time to trade.",
                           f"Use 1 to {MAX_SLOT}.")  # fmt: skip
    return tuple(sorted(slots, reverse=True))


def kind_of(broker: BrokerName, mode: Mode) -> str:
    """``paper``, ``alpaca paper``, ``alpaca live``."""
    return broker if broker == mode else f"{broker} {mode}"


def masked(number: str | None) -> str:
    """A broker's number of an account as it is shown: ``…0001``, or nothing."""
    return f"…{number[-4:]}" if number else ""


LEADER = "scheduler"
"""The lease of the scheduler that leads; several may run."""


def lease_of(account_id: UUID) -> str:
    """The lease whose holder may trade an account."""
    return f"account:{account_id}"
