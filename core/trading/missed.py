"""Missed: windows whose session closed before anything ran. Recorded and told of together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.accounts.account import Account
from core.accounts.events import event_of
from core.db.session import transaction
from core.trading.schedule import Due

if TYPE_CHECKING:
    from core.bootstrap import Services


def say_missed(services: Services, account: Account, missed: Iterable[Due]) -> None:
    """Say of each that it was missed, once. It needs nothing but the database: keys that do not
    open are a reason to miss a window, and none to be silent about it."""
    for due in missed:
        text = f"The window of {due.session} was missed: nothing ran before the close."
        event = event_of(account, services.clock(), "missed_window", text, severity="critical")
        with transaction(services.database.engine) as db:
            if services.windows.miss(
                account.id,
                due.session,
                due.slot,
                due_at=due.due_at,
                closes_at=due.closes_at,
                db=db,
            ):
                services.events.add([event], db=db)
