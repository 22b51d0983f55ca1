"""One account at a pretended Alpaca, its windows, and the check every fault test ends with.

The fake's journal is the witness: what was sent, under which client ids, and what the pretended
broker holds now. Our own tables are compared with it, never believed.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from threading import Event as Signal
from typing import Any

from sqlalchemy import text

from core.accounts.account import Account, lease_of
from core.bootstrap import Services
from core.brokers.alpaca import AlpacaBroker
from core.calendar import calendar
from core.db.leases import Lease
from core.errors import SluiceError
from core.flow.formats.native import from_json
from core.flow.nodes import Flow
from core.portfolio.deployment import Deployment
from core.portfolio.ledger import owned
from core.portfolio.records import OrderRecord, Window
from core.settings import Settings
from core.trading.deploy import deploy, swap
from core.trading.desk import Desk
from core.trading.open_account import NewAccount, open_account
from core.trading.schedule import Due
from core.trading.settle import settle
from core.trading.window import TradeWindow
from jobs.trading import AccountWork
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading
from tests.fakes.clock import VirtualClock
from tests.faults.children import Child, Nursery

SESSIONS = (date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27))
"""A week with a holiday and a half-day."""
SYMBOLS: Mapping[str, str] = {
    "AAA": "100.00", "BBB": "50.00", "CCC": "20.00", "DDD": "8.00",
    **{f"X{i:02}": "10.00" for i in range(24)},
}  # fmt: skip
CASH = Decimal(100_000)
TABLES = "users, strategies, strategy_versions, backtests, sweeps, heartbeats, leases"
POST = {"path": "/v2/orders", "method": "POST"}
LOOK_UP = {"path": "/v2/orders:by_client_order_id", "method": "GET"}


def flow(name: str, weights: Mapping[str, float], rebalance: Any = "daily") -> Flow:
    """A strategy that always wants these weights; what they leave is cash."""
    cash = 1 - sum(weights.values())
    children: list[dict[str, Any]] = [{"kind": "asset", "symbol": symbol} for symbol in weights]
    shares = list(weights.values())
    if cash > 1e-9 or len(children) == 0:
        children.append({"kind": "cash"})
        shares.append(cash)
    root = {"kind": "weight", "scheme": "specified", "children": children, "weights": shares}
    document: dict[str, Any] = {"sluice": 1, "name": name, "benchmark": "AAA", "root": root}
    document["rebalance"] = rebalance
    return from_json(document, name)


def no_reference(slug: str) -> Flow:
    raise AssertionError(f"no strategy here refers to another, {slug} neither")


def closes_at(session: date) -> datetime:
    return calendar("XNYS").close(session)


def until(what: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for a row or a journal entry."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Stand:
    """In-process: ``window`` runs what a scheduler would; ``sluice`` starts the real command."""

    nursery: Nursery

    def __init__(self, home: Path, folder: Path, *, cash: Decimal, **fake: Any) -> None:
        self.home, self.folder = home, folder
        self.clock = VirtualClock(closes_at(SESSIONS[0]) - timedelta(minutes=10))
        self.data = AlpacaData(self.clock, requests_per_minute=100_000)
        for symbol, price in SYMBOLS.items():
            self.data.quotes.set(symbol, price)
        self.fake = AlpacaTrading(
            self.clock,
            quotes=self.data.quotes,
            cash=cash,
            requests_per_minute=100_000,
            **fake,
        )
        self.symbols = dict(SYMBOLS)
        self.bars = folder / "bars.csv"
        self.session = SESSIONS[0]
        self.write_bars()
        self._more: list[Callable[[], None]] = []

    def write_bars(self) -> None:
        """Bars that end with the session in progress, at the fake's prices."""
        first = np_day(self.session - timedelta(days=14))
        days = calendar("XNYS").between(first, np_day(self.session))
        lines = ["date,symbol,open,high,low,close,volume"]
        lines += [
            f"{day},{symbol},{price},{price},{price},{price},100000"
            for symbol in self.symbols
            for price in (self.price(symbol),)
            for day in days
        ]
        self.bars.write_text("\n".join(lines) + "\n")
        stamp = 1_700_000_000 + self.session.toordinal()
        os.utime(self.bars, (stamp, stamp))

    def price(self, symbol: str) -> Decimal:
        last = self.data.quotes.last(symbol)
        return Decimal(self.symbols[symbol]) if last is None else last.price

    def list_symbol(self, symbol: str, price: str, **asset: Any) -> None:
        self.symbols[symbol] = price
        self.data.quotes.set(symbol, price)
        if asset:
            self.fake.desk.assets.set(symbol, **asset)
        self.write_bars()

    # -- what it is made of ----------------------------------------------------------------------

    def settings(self, **more: Any) -> Settings:
        return Settings(
            home=self.home,
            no_demo=True,
            alpaca_trading_url=self.fake.url,
            alpaca_data_url=self.data.url,
            alpaca_stream_url=self.fake.stream_url,
            **more,
        )

    @cached_property
    def services(self) -> Services:
        services = Services(self.settings(), clock=self.clock, migrate=False)
        with services.database.engine.begin() as db:
            db.execute(text(f"TRUNCATE {TABLES} CASCADE"))
        services.users.ensure(services.user)
        self._more.append(services.close)
        return services

    @cached_property
    def account(self) -> Account:
        return open_account(
            self.services,
            NewAccount(
                name="alpha",
                broker="alpaca",
                source="files",
                path=str(self.bars),
                keys={"key_id": KEY_ID, "secret_key": SECRET_KEY},
            ),
        )

    def broker(self, **more: Any) -> AlpacaBroker:
        broker = AlpacaBroker(
            KEY_ID,
            SECRET_KEY,
            clock=self.clock,
            trading_url=self.fake.url,
            data_url=self.data.url,
            **{"timeout_seconds": 0.5, "sleep": self.clock.sleep, "tries": 2, **more},
        )
        self._more.append(broker.close)
        return broker

    def desk(self, *, stop: Signal | None = None, **more: Any) -> Desk:
        """As after a start: nothing is remembered but what is stored."""
        account = self.services.accounts.by_id(self.account.id)
        broker = more.pop("broker", None) or self.broker()
        desk = self.services.desk(account, stop=stop, broker=broker)
        return replace(desk, pause=self.clock.sleep, **more)

    def work(self, desk: Desk | None = None, stop: Signal | None = None) -> AccountWork:
        """The scheduler's work on this account, at a desk of the stand's."""
        at = desk or self.desk(stop=stop)

        class Work(AccountWork):
            def desk(self) -> Desk:
                return at

        return Work(self.services, at.account, at.stop)

    def close(self) -> None:
        for close in reversed(self._more):
            close()

    # -- what a test does ------------------------------------------------------------------------

    def deploy(
        self,
        capital: Any = 50_000,
        name: str = "one",
        rebalance: Any = "daily",
        **weights: float,
    ) -> Deployment:
        wanted = flow(name, weights, rebalance)
        return deploy(self.desk(), wanted, no_reference, Decimal(capital), name=name)

    def want(self, deployment: Deployment, **weights: float) -> None:
        """From the next window on it wants something else."""
        changed = flow(deployment.name, weights)
        swap(self.desk(), deployment, changed, no_reference, version=None)

    def at(self, session: date | None = None, minutes: float = 10) -> None:
        """The clock moves to so many minutes before a session's close (after it when negative)."""
        self.session = session or self.session
        wanted = closes_at(self.session) - timedelta(minutes=minutes)
        self.clock.advance((wanted - self.clock()).total_seconds())
        self.fake.run()
        self.write_bars()

    def next_session(self) -> None:
        self.at(SESSIONS[SESSIONS.index(self.session) + 1])

    @property
    def due(self) -> Due:
        closes = closes_at(self.session)
        return Due(self.session, 10, closes - timedelta(minutes=10), closes)

    def lease(self) -> Lease:
        """The account's, not taken yet; given back when the test ends, however it does."""
        lease = self.services.lease(lease_of(self.account.id))
        self._more.append(lease.give_back)
        return lease

    @contextmanager
    def fence(self) -> Iterator[int]:
        lease = self.lease()
        assert lease.take(), "another holds the account's lease"
        try:
            yield lease.fence
        finally:
            lease.give_back()

    def window(self, desk: Desk | None = None, due: Due | None = None) -> Window | None:
        """Run the session's window, or go on with it, as a process that just started."""
        with self.fence() as fence:
            return TradeWindow(desk or self.desk(), fence).run(due or self.due)

    def tend(self) -> tuple[OrderRecord, ...]:
        with self.fence() as fence:
            return self.desk().executor().tend(self.account.id, None, fence)

    def settle(self) -> None:
        with self.fence() as fence:
            settle(self.desk(), fence)

    # -- what it sees ----------------------------------------------------------------------------

    def orders(self) -> dict[str, OrderRecord]:
        """Our rows by client id."""
        return {o.client_order_id: o for o in self.services.orders.recent(self.account.id)}

    def states(self) -> dict[str, str]:
        """State of our newest order of each symbol and side."""
        rows = reversed(self.services.orders.recent(self.account.id))
        return {f"{o.side} {o.symbol}": o.state for o in rows}

    def events(self, kind: str | None = None) -> list[str]:
        """Sentences, oldest first; of one kind, or those a person has to act upon."""
        page = self.services.events.page(self.services.user.id, limit=1000)
        found = [e.event for e in reversed(page)]
        if kind is None:
            return [f"{e.kind}: {e.text}" for e in found if e.severity == "critical"]
        return [e.text for e in found if e.kind == kind]

    def held(self, deployment: Deployment) -> dict[str, Decimal]:
        """What a strategy owns by the ledger, without its cash."""
        held = dict(self.services.ledger.balances(self.account.id).get(deployment.book, {}))
        held.pop("USD", None)
        return held

    def external(self) -> dict[str, Decimal]:
        return self.services.ledger.balances(self.account.id).get("external", {})

    # -- the check -------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What is wrong between the broker's journal and account and our books; [] is exact."""
        return [*self.journal_problems(), *self.ledger_problems()]

    def journal_problems(self) -> list[str]:
        """Journal = intents: each order at the broker is one row of ours, sent under one id."""
        found: list[str] = []
        rows = self.orders()
        bodies = {body["client_order_id"]: body for body in self.fake.sent}
        taken = Counter(order.client_order_id for order in self.fake.orders)
        for id_, times in Counter(self.fake.sent_ids).items():
            if times > 2:
                found.append(f"{id_} was sent {times} times")
        for id_, body in bodies.items():
            row = rows.get(id_)
            if row is None:
                found.append(f"{id_} was sent and never recorded")
                continue
            same = (body["symbol"], body["side"], Decimal(body["qty"]))
            if same != (row.symbol, row.side, row.quantity):
                found.append(f"{id_}: recorded {row.side} {row.quantity}, sent {body}")
            if row.state in ("planned", "refused"):
                found.append(f"{id_} was sent and is {row.state}")
        for id_, row in rows.items():
            there = taken[id_]
            if there > 1:
                found.append(f"{id_} is {there} orders at the broker")
            if there and row.state in ("rejected", "lapsed", "refused", "planned"):
                found.append(f"{id_} is at the broker and {row.state} here")
            if there and not row.open and self._filled(id_) != row.filled_quantity:
                found.append(f"{id_} filled {self._filled(id_)}, {row.filled_quantity} here")
            if not there and row.state in ("accepted", "partially_filled", "filled"):
                found.append(f"{id_} is {row.state} here and not at the broker")
        intents = Counter((o.session, o.slot, o.symbol, o.side) for o in rows.values())
        found += [f"{key} was planned {n} times" for key, n in intents.items() if n > 1]
        sides = Counter(
            (rows[id_].session, rows[id_].slot, rows[id_].symbol) for id_ in taken if id_ in rows
        )
        found += [f"{key} is {n} orders at the broker" for key, n in sides.items() if n > 1]
        return found

    def _filled(self, id_: str) -> Decimal:
        """Of an order and all that replaced it."""
        order = self.fake.order(id_)
        filled = order.filled
        while order.replaced_by:
            order = self.fake.order(order.replaced_by)
            filled += order.filled
        return filled

    def ledger_problems(self) -> list[str]:
        """Σ virtual = broker, and the balances are the sum of their postings."""
        ledger = self.services.ledger
        balances = ledger.balances(self.account.id)
        recomputed = {b: h for b, h in ledger.recomputed(self.account.id).items() if h}
        found = [] if balances == recomputed else ["balances are not the sum of their postings"]
        ours = owned(balances)
        theirs = {s: p.quantity for s, p in self.fake.account.positions.items()}
        theirs["USD"] = self.fake.account.cash
        for asset in sorted(ours.keys() | theirs.keys()):
            book, broker = ours.get(asset, Decimal(0)), theirs.get(asset, Decimal(0))
            if book != broker:
                found.append(f"{asset}: the books hold {book}, the broker {broker}")
        lots = ledger.lots(self.account.id)
        for book, held in balances.items():
            for asset, amount in held.items():
                if asset != "USD" and book not in ("market", "owner"):
                    of_lots = sum((lot.quantity for lot in lots.get((book, asset), ())), Decimal(0))
                    if of_lots != amount:
                        found.append(f"{book} {asset}: lots of {of_lots}, balance {amount}")
        return found

    def check(self) -> None:
        """The end of every test: settled once more, everything agrees and nothing was sent."""
        sent = len(self.fake.sent)
        try:
            self.settle()
        except SluiceError as err:
            raise AssertionError(f"it could not be settled: {err}") from err
        assert self.problems() == []
        assert len(self.fake.sent) == sent

    # -- processes -------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """What a process of this installation sees; its clock begins where the stand's stands."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        return {
            **kept,
            "SLUICE_HOME": str(self.home),
            "SLUICE_NO_DEMO": "true",
            "SLUICE_ALPACA_TRADING_URL": self.fake.url,
            "SLUICE_ALPACA_DATA_URL": self.data.url,
            "SLUICE_ALPACA_STREAM_URL": self.fake.stream_url,
            "SLUICE_CLOCK": self.clock().astimezone(UTC).isoformat(),
            "SLUICE_VENDOR_TIMEOUT_SECONDS": "2",
            **more,
        }

    def start(self, module: str, *arguments: str, **more: str) -> Child:
        child = self.nursery.start(module, arguments, self.environment(**more))
        self._more.append(child.end)
        return child

    def sluice(self, *arguments: str, **more: str) -> Child:
        """Run the command to its end."""
        child = self.start("app.cli", *arguments, **more)
        child.wait()
        return child


def np_day(day: date) -> Any:
    import numpy as np

    return np.datetime64(day)
