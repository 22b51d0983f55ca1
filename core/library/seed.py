"""A new user's first strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.flow.examples import example_flows

if TYPE_CHECKING:
    from core.db.strategies import Strategies
    from core.db.users import Users


def seed(users: Users, strategies: Strategies, user_id: UUID) -> int:
    """Put the example strategies into a new user's library; returns how many.

    It happens once: what a user deletes stays deleted. One that was interrupted is completed.
    """
    with users.seeding(user_id) as wanted:
        if not wanted:
            return 0
        flows = example_flows()
        there = strategies.heads(user_id, flows)
        missing = {slug: flow for slug, flow in flows.items() if slug not in there}
        for slug, flow in missing.items():
            strategies.create(user_id, flow, slug=slug, label="Example")
        return len(missing)
