"""Soak: days of live trading at speed, with everything going wrong that a seed can think of.

    .venv/bin/python -m tests.scenarios.soak --days 30 --seed 1

Twenty strategies in one paper account on invented prices with splits and dividends. The broker
times out, drops replies after it has taken an order, fills in parts and is away; the process dies
at random crash points and another goes on; the kill switch is pressed and released; capital
changes; strategies come and go. After each day the books sum to what the broker holds, and at the
end every order the broker took is an order that was recorded, once, with its quantity.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from core.accounts.account import Account, lease_of
from core.bootstrap import Services
from core.brokers.base import Accepted, BrokerOrder, OrderRequest, SendOutcome, Unknown
from core.brokers.paper import PaperBroker
from core.calendar import calendar
from core.db.leases import Lease
from core.errors import BadInput, Unavailable
from core.flow.formats.native import from_json
from core.market.sources.files import FilesSource
from core.portfolio.ledger import OTHER_SIDES
from core.replay import PastClock
from core.risk.limits import Limits
from core.settings import Settings
from core.trading.crash import CrashPoint, Drill
from core.trading.deploy import (
    change_capital,
    deploy,
    pause,
    resume,
    turn_kill_switch,
    undeploy,
)
from core.trading.desk import Desk
from core.trading.schedule import Due
from core.trading.settle import prove, settle
from core.trading.snapshots import snapshot, value_now
from core.trading.window import TradeWindow
from tests.fakes.as_of import AsOfSource

SYMBOLS = tuple(f"S{number:02}" for number in range(16))
FIRST = date(2026, 3, 2)
CASH = Decimal(1_000_000)
NAMES = tuple(f"Strategy {number}" for number in range(20))


class Died(BaseException):
    """The process was killed: nothing catches it."""


@dataclass
class Faults:
    """How often things go wrong; ``met`` counts what did.

    Each kind has draws of its own: orders are sent side by side, and which thread comes first must
    not decide what goes wrong in the rest of the soak.
    """

    seed: int
    met: Counter[str] = field(default_factory=Counter)
    journal: list[OrderRequest] = field(default_factory=list)
    """Every order the broker took, as it came."""
    calm: bool = False
    _draws: dict[str, random.Random] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def strikes(self, what: str, chance: float) -> bool:
        if self.calm:
            return False
        with self._lock:
            draw = self._draws.setdefault(what, random.Random(f"{self.seed} {what}"))
            hit = draw.random() < chance
            self.met[what] += hit
        return hit


class UnreliableBroker(PaperBroker):
    """The built-in broker behind a bad line."""

    faults: Faults

    def account(self):
        self._line("account")
        return super().account()

    def positions(self):
        self._line("positions")
        return super().positions()

    def quotes(self, symbols: Sequence[str]):
        return super().quotes(symbols)

    def order(self, client_order_id: str) -> BrokerOrder | None:
        self._line("look-up")
        return super().order(client_order_id)

    def activities(self, after: datetime):
        self._line("activities")
        found = super().activities(after)
        return (*found, *found) if self.faults.strikes("activities twice", 0.2) else found

    def submit(self, request: OrderRequest) -> SendOutcome:
        if self.faults.strikes("lost before", 0.05):
            return Unknown("timed out")
        outcome = super().submit(request)
        if isinstance(outcome, Accepted):
            self.faults.journal.append(request)
        if self.faults.strikes("reply dropped", 0.08):
            return Unknown("timed out")
        return outcome

    def _line(self, what: str) -> None:
        if self.faults.strikes(f"{what} unavailable", 0.02):
            raise Unavailable("the broker does not answer")


class RandomDrill(Drill):
    def __init__(self, faults: Faults, pressed: Any) -> None:
        super().__init__()
        self._faults, self._pressed = faults, pressed

    def reached(self, point: CrashPoint) -> None:
        if self._faults.strikes(f"died at {point}", 0.012):
            raise Died(point)
        if self._faults.strikes("kill switch", 0.002):
            self._pressed()


def write_prices(folder: Path, seed: int, sessions: Sequence[date]) -> None:
    """Raw bars and corporate actions of the symbols; two in three sessions one of them pays."""
    draw = np.random.default_rng(seed)
    lines, actions = ["date,symbol,open,high,low,close,volume"], ["symbol,ex_date,type,value"]
    for number, symbol in enumerate(SYMBOLS):
        price = float(draw.uniform(20, 300))
        for t, day in enumerate(sessions):
            price *= float(np.exp(draw.normal(0, 0.02)))
            if t > 60 and (t + 5 * number) % 23 == 0:
                paid = max(round(price * 0.004, 2), 0.01)
                actions.append(f"{symbol},{day},dividend,{paid}")
                price -= paid
            if t > 60 and (t + 7 * number) % 61 == 0:
                ratio = float(draw.choice([2.0, 3.0, 0.1, 0.5]))
                actions.append(f"{symbol},{day},split,{ratio}")
                price /= ratio
            shown = f"{max(price, 0.05):.2f}"
            lines.append(f"{day},{symbol},{shown},{shown},{shown},{shown},100000")
    (folder / "bars.csv").write_text("\n".join(lines) + "\n")
    (folder / "corporate_actions.csv").write_text("\n".join(actions) + "\n")


def flow_of(draw: random.Random, name: str) -> Mapping[str, Any]:
    items = draw.sample(SYMBOLS, 6)
    root = {
        "kind": "sort", "items": items, "take": draw.randint(1, 3),
        "by": {"indicator": "roc", "window": draw.randint(1, 6)},
        "allocation": draw.choice(["equal", "rank"]),
    }  # fmt: skip
    rebalance = draw.choice(["daily", "daily", "weekly", {"threshold": 0.03}])
    return {"sluice": 1, "name": name, "rebalance": rebalance, "root": root}


class Soak:
    def __init__(self, services: Services, clock: PastClock, folder: Path, seed: int) -> None:
        self.services, self.clock = services, clock
        self.draw = random.Random(seed)
        self.faults = Faults(seed + 1)
        of = calendar("XNYS")
        every = of.between(FIRST - timedelta(days=130), FIRST + timedelta(days=90)).tolist()
        write_prices(folder, seed, every)
        self.sessions = [day for day in every if day >= FIRST]
        self.market = AsOfSource(FilesSource(folder), clock)
        clock.at = of.opening(self.sessions[0])
        self.account: Account = services.accounts.add(
            services.user.id, "Soak", broker="paper", mode="paper", source="demo", slots=(10,),
            limits=Limits(cost_allowance_bps=20, daily_loss=1, account_drawdown=1),
            options={"cash": str(CASH), "slippage_bps": 3, "partial_share": 0.3},
        )  # fmt: skip
        self.lease: Lease | None = None
        self.desk = self.opened()
        self.calmly(lambda: settle(self.desk, 0))

    def opened(self) -> Desk:
        """A desk as a new process has it."""
        usual = self.services.desk(self.account, source=self.market, quiet=True)
        broker = usual.broker
        assert isinstance(broker, PaperBroker)
        broker.__class__ = UnreliableBroker
        broker.faults = self.faults  # type: ignore[attr-defined]

        def wait(seconds: float) -> None:
            self.clock.at += timedelta(seconds=seconds)

        return replace(usual, pause=wait, drill=RandomDrill(self.faults, self.press))

    def press(self) -> None:
        state = self.draw.choice(["halted", "reducing"])
        turn_kill_switch(self.services, self.account, state, reason="soak")

    def calmly(self, does: Any) -> Any:
        self.faults.calm = True
        try:
            return does()
        finally:
            self.faults.calm = False

    def restart(self) -> None:
        if self.lease is not None:
            self.lease.give_back()
        self.lease = self.services.lease(lease_of(self.account.id))
        assert self.lease.take()
        self.desk = self.opened()

    # -- a day ----------------------------------------------------------------------------------

    def day(self, session: date) -> None:
        close = calendar("XNYS").close(session)
        self.clock.at = close - timedelta(hours=3)
        self.restart()
        turn_kill_switch(self.services, self.account, "active", reason="")
        self.somebody_does_something()
        self.clock.at = close - timedelta(minutes=10)
        due = Due(session, 10, self.clock.at, close)
        for _ in range(12):
            try:
                assert self.lease is not None
                TradeWindow(self.desk, self.lease.fence).run(due)
                break
            except Died:
                self.restart()
            except Unavailable:
                pass
            self.clock.at += timedelta(seconds=30)
        self.clock.at = max(self.clock.at, close + timedelta(minutes=1))
        self.calmly(self.after_close)
        self.check(session)

    def after_close(self) -> None:
        assert self.lease is not None
        settle(self.desk, self.lease.fence)
        self.clock.at += timedelta(minutes=4)
        session = calendar("XNYS").last_closed(self.clock.at)
        snapshot(self.desk, session, value_now(self.desk, oldest=self.clock.at - timedelta(days=1)))

    def somebody_does_something(self) -> None:
        services, account = self.services, self.account
        running = services.deployments.of(account.id, ("active", "paused"))
        free = sorted(set(NAMES) - {one.name for one in services.deployments.of(account.id)})
        wanted = len(free) if len(running) < 5 else self.draw.randint(0, min(2, len(free)))
        for name in free[:wanted]:
            with suppress(BadInput):  # the reserve may have less
                capital = Decimal(self.draw.randint(1_000, 45_000))
                deploy(
                    self.desk,
                    from_json(flow_of(self.draw, name)),
                    services.flows.find,
                    capital,
                    name=name,
                )
        for one in running:
            act = self.draw.random()
            with suppress(BadInput):
                if act < 0.06:
                    undeploy(self.desk, one, liquidate=self.draw.random() < 0.6)
                elif act < 0.16:
                    more = Decimal(self.draw.randint(-3_000, 3_000))
                    change_capital(self.desk, one, max(one.capital + more, Decimal(500)))
                elif act < 0.20:
                    (resume if one.state == "paused" else pause)(self.desk, one)

    # -- what must hold -------------------------------------------------------------------------

    def check(self, session: date) -> None:
        services, account = self.services, self.account
        # What was lost on its way twice may stay unknown for a day; the broker never had it.
        took = {request.client_order_id for request in self.faults.journal}
        left = [
            one
            for one in services.orders.open(account.id)
            if one.state != "unknown" or one.client_order_id in took
        ]
        assert not left, f"{session}: open after the close: {left}"
        agrees = self.calmly(lambda: prove(self.desk))
        assert agrees, f"{session}: the books do not sum to what the broker holds"
        balances = services.ledger.balances(account.id)
        assert services.ledger.recomputed(account.id) == balances
        lots = {
            key: sum((lot.quantity for lot in held), Decimal(0))
            for key, held in services.ledger.lots(account.id).items()
        }
        held_now = {
            (book, asset): amount
            for book, held in balances.items()
            if book not in OTHER_SIDES
            for asset, amount in held.items()
            if asset != account.currency
        }
        assert lots == held_now, f"{session}: lots do not sum to holdings"
        stopped = services.deployments.of(account.id, ("stopped",))
        assert not [one.name for one in stopped if balances.get(one.book)], "a stopped one owns"

    def check_journal(self) -> None:
        """What the broker took is what was recorded to be sent, once each."""
        recorded = {
            one.client_order_id: one
            for one in self.services.orders.recent(self.account.id, limit=10**6)
        }
        took = Counter(request.client_order_id for request in self.faults.journal)
        assert not [name for name, count in took.items() if count != 1]
        for request in self.faults.journal:
            order = recorded[request.client_order_id]
            assert (order.symbol, order.side, order.quantity) == (
                request.symbol, request.side, request.quantity,
            )  # fmt: skip
            assert order.state in ("filled", "expired", "canceled"), order
        counted = {n for n, one in recorded.items() if one.filled_quantity}
        assert counted <= took.keys()

    def run(self, days: int, say: Any = None) -> None:
        for number, session in enumerate(self.sessions[:days]):
            self.day(session)
            if say is not None:
                say(
                    f"{number + 1}/{days} {session}: {len(self.faults.journal)} orders, {sum(self.faults.met.values())} faults"
                )
        self.check_journal()
        if self.lease is not None:
            self.lease.give_back()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        home.mkdir()
        for folder in (home, home.parent):
            folder.chmod(0o755)
        clock = PastClock(datetime(2026, 3, 2, tzinfo=UTC))
        with Services(Settings(home=home), clock=clock) as services:
            services.migrate()
            prices = Path(name) / "prices"
            prices.mkdir()
            soak = Soak(services, clock, prices, asked.seed)
            soak.run(asked.days, say=lambda line: sys.stdout.write(line + "\n"))
            sys.stdout.write(f"{dict(soak.faults.met)}\n")


if __name__ == "__main__":
    main()
