"""Replay: past sessions through the real windows and the built-in broker, as if it had been there.

The demo account's history is made so at the first start, and parity is shown so: the same claim,
the same plan, the same orders and ledger, under a clock that stands ten minutes before each close
and then five after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from core.accounts.account import Account, lease_of
from core.bootstrap import Services
from core.calendar import calendar
from core.errors import Cancelled
from core.flow.examples import example_flows
from core.flow.nodes import Flow
from core.market.source import MarketSource
from core.risk.limits import Limits
from core.trading.breakers import after_close
from core.trading.decide import Ready
from core.trading.deploy import deploy
from core.trading.desk import Desk
from core.trading.schedule import Due
from core.trading.settle import settle
from core.trading.snapshots import snapshot, value_now
from core.trading.window import TradeWindow

log = logging.getLogger(__name__)

DEMO_SESSIONS = 60
DEMO_ACCOUNT = "Demo"
DEMO_CASH = Decimal(100_000)


class PastClock:
    """A clock that stands where it was put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Share:
    """What a replay deploys: a flow with its capital, from the session of that number on."""

    name: str
    flow: Flow
    capital: Decimal
    strategy_id: UUID | None = None
    version: int | None = None
    begins: int = 0


def replay(
    services: Services,
    clock: PastClock,
    account: Account,
    shares: Sequence[Share],
    sessions: Sequence[date],
    *,
    source: MarketSource | None = None,
    stop: Callable[[], bool] = lambda: False,
    minutes_before: int = 10,
) -> Iterator[date]:
    """Trade ``sessions`` one after the other; yields each when its snapshot is taken.

    ``services`` read ``clock``. Going over sessions that were done already changes nothing, so
    that a replay that was interrupted is gone on with by beginning again. Raises Cancelled when
    ``stop`` says so.
    """
    market = calendar("XNYS")
    desk = services.desk(account, source=source, quiet=True)
    lease = services.lease(lease_of(account.id))
    if not lease.take():
        return
    kept: dict[str, Ready] = {}
    try:
        clock.at = market.close(sessions[0]) - timedelta(minutes=minutes_before + 5)
        settle(desk, lease.fence)
        for number, session in enumerate(sessions):
            if stop():
                raise Cancelled("The replay was stopped.")
            close = market.close(session)
            clock.at = close - timedelta(minutes=minutes_before)
            _deploy_those_of(services, desk, account, shares, number)
            trader = TradeWindow(desk, lease.fence, kept)
            trader.run(Due(session, minutes_before, clock.at, close))
            clock.at = close + timedelta(minutes=5)
            _snapshot(desk, session)
            yield session
    finally:
        lease.give_back()


def _deploy_those_of(
    services: Services, desk: Desk, account: Account, shares: Sequence[Share], number: int
) -> None:
    there = {
        one.name
        for one in services.deployments.of(
            account.id, ("active", "paused", "liquidating", "stopped")
        )
    }
    for share in shares:
        if share.begins <= number and share.name not in there:
            deploy(
                desk,
                share.flow,
                services.flows.find,
                share.capital,
                name=share.name,
                strategy_id=share.strategy_id,
                version=share.version,
            )


def _snapshot(desk: Desk, session: date) -> None:
    done = desk.equity.snapshots(desk.account.id, since=session)
    if not done:
        valued = value_now(desk, oldest=desk.clock() - timedelta(days=1))
        made = snapshot(desk, session, valued)
        after_close(desk, session, made)


def being_filled(services: Services, account: Account) -> bool:
    """Whether an account is the demo one and its sixty sessions are not all replayed yet.

    Until then its books are those of a day long past: nobody else values them or trades on them.
    """
    if account.name != DEMO_ACCOUNT or services.settings.no_demo:
        return False
    return services.users.wants_replay(account.user_id)


def replay_demo(services: Services, stop: Callable[[], bool] = lambda: False) -> int:
    """Fill a new user's dashboard: the example strategies over the last sixty sessions.

    Once for a user: a demo account that was deleted does not come back. Returns how many sessions
    were traded.
    """
    user = services.user
    if not services.users.wants_replay(user.id):
        return 0
    clock = PastClock(services.clock())
    market = calendar("XNYS")
    last = market.last_closed(clock.at)
    sessions = market.between(last - timedelta(days=120), last).tolist()[-DEMO_SESSIONS:]
    clock.at = market.opening(sessions[0])
    count = 0
    with Services(services.settings, clock=clock, migrate=False) as past:
        account = _demo_account(past)
        for _ in replay(past, clock, account, _shares(past), sessions, stop=stop):
            count += 1
    services.users.replayed(user.id)
    log.info("demo replayed", extra={"action": "replay", "sessions": count})
    return count


def _demo_account(past: Services) -> Account:
    for account in past.accounts.all(past.user.id):
        if account.name == DEMO_ACCOUNT:
            return account
    return past.accounts.add(
        past.user.id,
        DEMO_ACCOUNT,
        broker="paper",
        mode="paper",
        source="demo",
        slots=(10,),
        limits=Limits(cost_allowance_bps=2.0),
        options={"cash": str(DEMO_CASH), "slippage_bps": 1.0},
    )


def _shares(past: Services) -> list[Share]:
    """The example strategies with a fifth of the money each, one after the other."""
    user = past.user.id
    heads = past.strategies.heads(user)
    names = past.strategies.names(user)
    chosen = [slug for slug in example_flows() if slug in heads]
    each = (DEMO_CASH * Decimal("0.9") / max(len(chosen), 1)).quantize(Decimal(1))
    return [
        Share(
            name=names[slug],
            flow=past.flows.find(slug),
            capital=each,
            strategy_id=heads[slug].strategy_id,
            version=heads[slug].number,
            begins=4 * number,
        )
        for number, slug in enumerate(chosen)
    ]
