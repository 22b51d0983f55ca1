"""Deployments: strategies that trade, each with its own capital inside one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from core.errors import BadInput

State = Literal["active", "paused", "liquidating", "stopped"]

MAX_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``flow`` is what runs: its variables and the strategies it refers to are frozen with it, so
    that what is edited in the library later does not reach it.

    ``state``  ``active`` trades; ``paused`` keeps what it holds; ``liquidating`` sells everything
               at the next window and is then ``stopped``
    """

    id: UUID
    account_id: UUID
    name: str
    strategy_id: UUID | None
    version: int | None
    flow_hash: str
    flow: Mapping[str, Any]
    references: Mapping[str, Any]
    capital: Decimal
    state: State
    state_reason: str
    state_at: datetime
    state_by: str
    created_at: datetime
    shadow: Mapping[str, Any] | None = None
    stopped_at: datetime | None = None
    book: str = field(init=False)
    """Its name in the ledger."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "book", str(self.id))


def checked_capital(capital: Decimal, free: Decimal, currency: str) -> Decimal:
    """``capital`` if the account can give it; BadInput otherwise."""
    if not capital.is_finite() or capital <= 0:
        raise BadInput("capital", f"{capital} is no amount.", "Give more than zero.")
    if capital != capital.quantize(Decimal("0.01")):
        raise BadInput("capital", f"{capital} has more than two decimals.", "Round it to cents.")
    if capital > free:
        raise BadInput(
            "capital",
            f"{capital:,.2f} {currency} is more than the {free:,.2f} no strategy has yet.",
            "Give less, or take capital from another strategy first.",
        )
    return capital


def checked_name(name: str) -> str:
    """``name`` without blanks around it; BadInput for none or a very long one."""
    name = name.strip()
    if not name or len(name) > MAX_NAME:
        raise BadInput("name", f"it has {len(name)} characters.", f"Use 1 to {MAX_NAME}.")
    return name
