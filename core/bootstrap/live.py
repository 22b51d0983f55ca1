"""Live trading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.bootstrap.market import MarketServices
from core.bootstrap.notices import NoticeServices
from core.bootstrap.once import once
from core.bootstrap.processes import ProcessServices, holder
from core.errors import NeedsOperator

if TYPE_CHECKING:
    from threading import Event as Signal
    from uuid import UUID

    from core.accounts.account import Account
    from core.brokers.base import Broker, Mode, OrderStream
    from core.db.accounts import Accounts
    from core.db.deployments import Deployments
    from core.db.equity import Equity
    from core.db.ledger import Ledger
    from core.db.orders import Orders
    from core.db.windows import Windows
    from core.market.source import MarketSource
    from core.trading.desk import Desk


class LiveServices(ProcessServices, NoticeServices, MarketServices):
    """Its repositories, an account's broker, and the desk the account trades from."""

    @once
    def accounts(self) -> Accounts:
        from core.db.accounts import Accounts

        return Accounts(self.database.engine, self.clock)

    @once
    def deployments(self) -> Deployments:
        from core.db.deployments import Deployments

        return Deployments(self.database.engine, self.clock)

    @once
    def ledger(self) -> Ledger:
        from core.db.ledger import Ledger

        return Ledger(self.database.engine)

    @once
    def orders(self) -> Orders:
        from core.db.orders import Orders

        return Orders(self.database.engine, self.clock, self.ledger)

    @once
    def windows(self) -> Windows:
        from core.db.windows import Windows

        return Windows(self.database.engine, self.clock)

    @once
    def equity(self) -> Equity:
        from core.db.equity import Equity

        return Equity(self.database.engine)

    @once
    def _own_sources(self) -> dict[tuple[UUID, bytes], MarketSource]:
        """Those that read with an account's keys: by account, and by its sealed keys."""
        return {}

    def source_of(self, account: Account) -> MarketSource:
        """Where the account's flows read: at its own broker with its own keys, if it has some."""
        from core.adapters import make_own_source

        if account.sealed is None or account.source != account.broker:
            path = None if account.path is None else Path(account.path)
            return self.source(account.source, path=path)
        key = (account.id, account.sealed)
        if key not in self._own_sources:
            self._own_sources[key] = make_own_source(self, account)
        return self._own_sources[key]

    def broker(
        self, account: Account, *, source: MarketSource | None = None, hasty: bool = False
    ) -> Broker:
        """The account's broker; a ``hasty`` one gives up early, for a person who looks on.

        Raises NeedsOperator for keys that are missing or do not fit.
        """
        from core.adapters import make_broker

        return make_broker(self, account, source, hasty=hasty)

    def broker_with(self, mode: Mode, keys: Mapping[str, str] | None) -> Broker:
        """What these keys open at Alpaca, without an account here; None: the environment's.

        Raises KeysRefused for keys that are missing or do not fit.
        """
        from core.adapters import make_keyed_broker

        return make_keyed_broker(self, mode, keys)

    def order_stream(self, account: Account) -> OrderStream | None:
        """What tells of the account's orders as they change; None where its broker has nothing."""
        from core.adapters import make_order_stream

        return make_order_stream(self, account)

    def desk(
        self,
        account: Account,
        *,
        stop: Signal | None = None,
        source: MarketSource | None = None,
        broker: Broker | None = None,
        updates: OrderStream | None = None,
        quiet: bool = False,
    ) -> Desk:
        """Everything the account's trading works with.

        Raises NeedsOperator for a live account under a clock that was set: it would trade at
        another time than it thinks.
        """
        from threading import Event as Signal

        from core.trading.crash import Drill
        from core.trading.desk import Desk

        if account.mode == "live" and self.settings.clock is not None:
            raise NeedsOperator("SLUICE_CLOCK is set: a live account trades by the real clock.")
        stopping = stop or Signal()

        def pause(seconds: float) -> None:
            stopping.wait(seconds)

        market = source or self.source_of(account)
        return Desk(
            account=account,
            broker=broker or self.broker(account, source=market),
            source=market,
            engine=self.database.engine,
            accounts=self.accounts,
            deployments=self.deployments,
            ledger=self.ledger,
            orders=self.orders,
            windows=self.windows,
            equity=self.equity,
            events=self.events,
            clock=self.clock,
            host=holder(),
            stop=stopping,
            pause=pause,
            updates=updates,
            drill=Drill(self.settings.crash_at),
            quiet=quiet,
            clock_limit_seconds=None if self.settings.clock is not None else 60.0,
        )
