"""Settings to wired services; with core.adapters the only place that knows which one is real.

Everything is made at first use, so that a command pays only for what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from core.clock import Clock
from core.errors import NeedsOperator
from core.settings import Settings

if TYPE_CHECKING:
    from threading import Event as Signal

    from redis import Redis
    from sqlalchemy import Engine

    from core.accounts.account import Account
    from core.accounts.users import User
    from core.accounts.vault import Vault
    from core.brokers.base import Broker, Mode, OrderStream
    from core.db.accounts import Accounts
    from core.db.backtests import Backtests
    from core.db.catalogue import Catalogue
    from core.db.channels import Channels
    from core.db.database import Database
    from core.db.deliveries import Deliveries
    from core.db.deployments import Deployments
    from core.db.equity import Equity
    from core.db.events import Events
    from core.db.heartbeats import Heartbeats
    from core.db.leases import Holder, Lease
    from core.db.ledger import Ledger
    from core.db.orders import Orders
    from core.db.queue import Queue
    from core.db.schema import Schema
    from core.db.sealed import Sealed
    from core.db.strategies import Strategies
    from core.db.sweeps import Sweeps
    from core.db.tabs import Tabs
    from core.db.users import Users
    from core.db.variables import Variables
    from core.db.windows import Windows
    from core.library.flows import Flows
    from core.library.intake import Intake, Read
    from core.market.source import MarketSource
    from core.notify import Notifier
    from core.trading.desk import Desk

Say = Callable[[str], None]


def version() -> str:
    """This Sluice's version."""
    return installed_version("sluice")


class Services:
    """What commands, pages and jobs work with; a context manager that closes what it opened.

    ``start`` allows to start embedded Postgres; without it, using the database raises Unavailable
    where it does not run. ``migrate`` brings an embedded database up to date before its first
    use; a server's is only checked, as other hosts may use it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        start: bool = True,
        migrate: bool = True,
        say: Say | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or settings.make_clock()
        self._start, self._migrate, self._say = start, migrate, say
        self._sources: dict[tuple[str, Path | None, int], MarketSource] = {}
        self._own_sources: dict[tuple[UUID, bytes], MarketSource] = {}

    # -- the database --------------------------------------------------------------------------

    @cached_property
    def raw_database(self) -> Database:
        """The database whatever its schema: for those who check or migrate it."""
        from core.db.database import open_database

        return open_database(self.settings, start=self._start, say=self._say)

    @cached_property
    def database(self) -> Database:
        """The database with this Sluice's schema.

        Raises Unavailable (not running, not reachable) or NeedsOperator (another schema).
        """
        from core.db import schema

        database = self.raw_database
        if database.kind == "embedded" and self._migrate:
            schema.migrate(database.engine)
        else:
            schema.require_current(database.engine)
        return database

    def migrate(self) -> tuple[Schema, Schema]:
        """Bring the database to the newest schema; what it had and what it has."""
        from core.db import schema

        return schema.migrate(self.raw_database.engine)

    def schema(self) -> Schema:
        from core.db import schema

        return schema.read_schema(self.raw_database.engine)

    def ping(self) -> float:
        """Milliseconds the database takes to answer; raises Unavailable."""
        from core.db.session import ping

        return ping(self.raw_database.engine)

    def database_runs(self) -> bool:
        """Whether the embedded server's process is there; True for a server by URL."""
        from core.db.database import is_running

        return is_running(self.settings)

    def recover_database(self) -> None:
        """Start embedded Postgres again after it died; its users' pools reconnect by themselves."""
        from core.db.database import open_database

        open_database(self.settings, say=self._say).close()

    # -- repositories --------------------------------------------------------------------------

    @cached_property
    def user(self) -> User:
        """Whose library this process shows."""
        from core.accounts.users import DEMO

        return self.users.ensure(DEMO)

    @cached_property
    def users(self) -> Users:
        from core.db.users import Users

        return Users(self.database.engine, self.clock)

    def seed(self) -> int:
        """Example strategies for a new user's library; returns how many were put there."""
        from core.library.seed import seed

        return seed(self.users, self.strategies, self.user.id)

    @cached_property
    def strategies(self) -> Strategies:
        from core.db.strategies import Strategies

        return Strategies(self.database.engine, self.clock)

    @cached_property
    def catalogue(self) -> Catalogue:
        from core.db.catalogue import Catalogue

        return Catalogue(self.database.engine, self.clock)

    @cached_property
    def tabs(self) -> Tabs:
        from core.db.tabs import Tabs

        return Tabs(self.database.engine)

    @cached_property
    def variables(self) -> Variables:
        from core.db.variables import Variables

        return Variables(self.database.engine, self.clock)

    @cached_property
    def flows(self) -> Flows:
        """The user's flows as they run: where a library's flow gets its global variables."""
        from core.library.flows import Flows

        return Flows(self.user.id, self.strategies, self.variables)

    def intake(self, read: Read | None = None) -> Intake:
        """What takes many files into the user's library; ``read`` makes flows of them."""
        from core.flow.formats.native import parse
        from core.library.intake import Intake

        return Intake(self.user.id, self.strategies, self.flows, read=read or parse)

    @cached_property
    def backtests(self) -> Backtests:
        from core.db.backtests import Backtests

        return Backtests(self.database.engine)

    @cached_property
    def sweeps(self) -> Sweeps:
        from core.db.sweeps import Sweeps

        return Sweeps(self.database.engine, self.clock)

    @cached_property
    def queue(self) -> Queue:
        """Where jobs for workers are handed out."""
        from core.db.queue import Queue

        return Queue(self.database.conninfo)

    def start_sweeps(self, user_id: UUID) -> None:
        """Hand the user's next sweep to the workers, unless one is running."""
        sweep = self.sweeps.activate(user_id)
        if sweep is not None:
            self.queue.sweep(sweep)

    @cached_property
    def heartbeats(self) -> Heartbeats:
        from core.db.heartbeats import Heartbeats

        return Heartbeats(self.database.engine)

    # -- what people are told -----------------------------------------------------------------

    @cached_property
    def events(self) -> Events:
        """What happened in live trading."""
        from core.db.events import Events

        return Events(self.database.engine)

    # -- live trading --------------------------------------------------------------------------

    @cached_property
    def accounts(self) -> Accounts:
        from core.db.accounts import Accounts

        return Accounts(self.database.engine, self.clock)

    @cached_property
    def deployments(self) -> Deployments:
        from core.db.deployments import Deployments

        return Deployments(self.database.engine, self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        from core.db.ledger import Ledger

        return Ledger(self.database.engine)

    @cached_property
    def orders(self) -> Orders:
        from core.db.orders import Orders

        return Orders(self.database.engine, self.clock, self.ledger)

    @cached_property
    def windows(self) -> Windows:
        from core.db.windows import Windows

        return Windows(self.database.engine, self.clock)

    @cached_property
    def equity(self) -> Equity:
        from core.db.equity import Equity

        return Equity(self.database.engine)

    def lease(self, name: str) -> Lease:
        """What only one process at a time may hold; not taken yet."""
        from core.db.leases import Lease

        return Lease(self._lease_engine, self.clock, name, holder())

    @cached_property
    def _lease_engine(self) -> Engine:
        """Connections that leases keep: without a limit, so that they leave none too few to work
        with when many accounts trade at once."""
        from core.db.session import make_engine

        return make_engine(self.database.conninfo, pool_size=0)

    def lease_holders(self) -> dict[str, Holder]:
        """Who took each lease last, by its name."""
        from core.db.leases import holders

        return holders(self.database.engine)

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

    @cached_property
    def channels(self) -> Channels:
        """Where users are told of it."""
        from core.db.channels import Channels
        from core.notify import destination

        return Channels(self.database.engine, self.clock, self.vault, destination)

    @cached_property
    def deliveries(self) -> Deliveries:
        """What is still to be sent to channels."""
        from core.db.deliveries import Deliveries

        return Deliveries(self.database.engine, self.clock, self.vault)

    @cached_property
    def notifier(self) -> Notifier:
        """What sends it."""
        from core.notify import Notifier

        return Notifier()

    # -- secrets -------------------------------------------------------------------------------

    @cached_property
    def vault(self) -> Vault:
        """What seals secrets for the database."""
        from core.accounts.vault import Vault

        settings = self.settings
        return Vault(settings.home, settings.vault_key, sealed=lambda: self.sealed.count())

    @cached_property
    def sealed(self) -> Sealed:
        """What is sealed there."""
        from core.db.sealed import Sealed

        return Sealed(self.database.engine)

    def renew_vault(self) -> int:
        """A new key for the vault, and everything sealed with it; how many values.

        If that fails half-way, old and new key are both there and everything opens.
        """
        self.vault.renew()
        return self.sealed.reseal(self.vault)

    # -- market data ---------------------------------------------------------------------------

    def source(self, name: str, *, path: Path | None = None) -> MarketSource:
        """The market data source called ``name``; ``path`` is where ``files`` reads.

        The same one is returned again, so that what it read stays read; ``files`` is opened anew
        when its path changed on disk. Raises UnknownName, or BadInput for ``files`` without a path.
        """
        from core.adapters import make_source

        changed = path.stat().st_mtime_ns if path is not None and path.exists() else 0
        key = (name, path, changed)
        if key not in self._sources:
            self._sources[key] = make_source(self, name, path)
        return self._sources[key]

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

    @cached_property
    def redis(self) -> Redis | None:
        """The shared cache's client, if one is configured; it connects at first use.

        Raises NeedsOperator when SLUICE_REDIS_URL cannot be read.
        """
        if self.settings.redis_url is None:
            return None
        from core.market.shared_bars import connect

        return connect(self.settings.redis_url.get_secret_value())

    def cached(self, source: MarketSource, feed: str) -> MarketSource:
        """``source`` with its settled bars kept on disk, and in Redis where configured."""
        from core.market.cache import CachedSource

        return CachedSource(
            source,
            self.settings.home / "cache" / "bars",
            self.clock,
            self.settings.cache_settle_sessions,
            self.redis,
            feed=feed,
        )

    def purge_bars(self, unread: timedelta) -> int:
        """Remove cached bars nobody has read for so long; how many series went."""
        from core.market.kept_bars import KeptBars

        kept = KeptBars(self.settings.home / "cache" / "bars", self.clock, self.redis)
        return kept.purge(unread).files

    # -- end -----------------------------------------------------------------------------------

    def close(self, *, wait_seconds: float = 0) -> None:
        """Close the database; wait so long for an embedded server to end, if we were its last."""
        if "queue" in vars(self):
            self.queue.close()
        if "_lease_engine" in vars(self):
            self._lease_engine.dispose()
        if "raw_database" in vars(self):
            self.raw_database.close(wait_seconds=wait_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder() -> str:
    """This process among all on all hosts: two containers may share a host's name."""
    import os
    import socket

    return f"{socket.gethostname()}/{os.getpid()}"
