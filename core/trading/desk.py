"""The desk: everything one account's trading works with, in one hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Signal
from typing import TYPE_CHECKING

from core.accounts.account import Account
from core.accounts.events import REPLAYED, Event, Kind, Severity, event_of
from core.brokers.base import Broker, OrderStream
from core.clock import Clock
from core.market.source import MarketSource
from core.trading.crash import Drill
from core.trading.execute import Executor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from uuid import UUID

    from sqlalchemy import Engine

    from core.db.accounts import Accounts
    from core.db.deployments import Deployments
    from core.db.equity import Equity
    from core.db.events import Events
    from core.db.ledger import Ledger
    from core.db.orders import Orders
    from core.db.windows import Windows


@dataclass(frozen=True, eq=False, kw_only=True)
class Desk:
    """``updates`` tells of orders that change, where the broker has such a stream: waiting ends
    early then. ``pause`` waits so many seconds, or less when ``stop`` is set; ``quiet`` marks
    events as a replay's, which nobody is told of. Farther from the broker's clock than
    ``clock_limit_seconds`` nothing is traded; None where the clock was set. ``recognised`` is set
    once the broker has shown that its account is the one of these books."""

    account: Account
    broker: Broker
    source: MarketSource
    engine: Engine
    accounts: Accounts
    deployments: Deployments
    ledger: Ledger
    orders: Orders
    windows: Windows
    equity: Equity
    events: Events
    clock: Clock
    host: str
    stop: Signal = field(default_factory=Signal)
    pause: Callable[[float], None] = time.sleep
    updates: OrderStream | None = None
    drill: Drill = field(default_factory=Drill)
    quiet: bool = False
    clock_limit_seconds: float | None = 60.0
    recognised: Signal = field(default_factory=Signal)

    def executor(self) -> Executor:
        return Executor(
            self.orders,
            self.broker,
            self.clock,
            currency=self.account.currency,
            stop=self.stop,
            pause=self.pause,
            updates=self.updates,
            drill=self.drill,
        )

    def event(
        self,
        kind: Kind,
        text: str,
        *,
        severity: Severity = "info",
        deployment: UUID | None = None,
        window: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Event:
        """An event of this account, now."""
        told = {**(detail or {}), **({REPLAYED: True} if self.quiet else {})}
        return event_of(
            self.account, self.clock(), kind, text,
            severity=severity, deployment=deployment, window=window, detail=told,
        )  # fmt: skip
