"""Users. There is one for now, without a password: whoever reaches the page is the demo user."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class User:
    """Everything a user owns carries this ``id``."""

    id: UUID
    name: str


DEMO = User(UUID("5c1ce000-0000-4000-8000-000000000001"), "demo")
