"""Live trading at a standing clock, for scenarios: a database, an account, sessions to go through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from core.accounts.account import Account
from core.backtest.result import Result
from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.bootstrap import Services
from core.calendar import calendar
from core.flow.formats.native import from_json
from core.market.source import MarketSource
from core.portfolio.equity import Snapshot
from core.replay import PastClock, Share, replay
from core.risk.limits import Limits

FREE = Limits(
    cost_allowance_bps=0,
    notional_per_window=20,
    notional_per_day=40,
    strategy_drawdown=1,
    account_drawdown=1,
    daily_loss=1,
)
"""Nothing kept back, and no limit in the way of what is compared."""


def sessions_from(start: str, count: int) -> list[date]:
    return calendar("XNYS").between(date.fromisoformat(start), date(2027, 1, 1)).tolist()[:count]


@dataclass(frozen=True)
class Replayed:
    """What windows decided and what each strategy was worth at each close, by strategy."""

    sessions: Sequence[date]
    decided: Mapping[str, list[Mapping[str, float] | None]]
    states: Mapping[str, list[str]]
    snapshots: Mapping[str, list[Snapshot]]
    services: Services
    account: Account


def replay_flows(
    services: Services,
    clock: PastClock,
    source: MarketSource,
    flows: Mapping[str, Mapping[str, Any]],
    sessions: Sequence[date],
    capital: Decimal,
    **options: object,
) -> Replayed:
    """Each of ``flows`` with ``capital``, in one paper account without costs."""
    account = services.accounts.add(
        services.user.id,
        "Parity",
        broker="paper",
        mode="paper",
        source="demo",
        slots=(10,),
        limits=FREE,
        options={"cash": str(capital * len(flows)), "slippage_bps": 0, "minimum_notional": "0"}
        | options,
    )
    shares = [Share(name, from_json(flow), capital) for name, flow in flows.items()]
    done = list(replay(services, clock, account, shares, sessions, source=source))
    assert done == list(sessions)
    names = {one.id: one.name for one in services.deployments.of(account.id)}
    decided: dict[str, list[Mapping[str, float] | None]] = {name: [] for name in flows}
    states: dict[str, list[str]] = {name: [] for name in flows}
    for session in sessions:
        (window,) = services.windows.of(account.id, session=session)
        assert window.state == "done"
        refused = [o for o in services.orders.of_window(window.id) if o.state != "filled"]
        assert not refused, [(session, o.symbol, o.side, o.quantity, o.reason) for o in refused]
        for one in services.windows.decisions(window.id):
            decided[names[one.deployment_id]].append(one.weights)
            states[names[one.deployment_id]].append(one.state)
    taken: dict[str, list[Snapshot]] = {name: [] for name in flows}
    books = {one.book: one.name for one in services.deployments.of(account.id)}
    for shot in services.equity.snapshots(account.id, books=list(books)):
        taken[books[shot.book]].append(shot)
    return Replayed(sessions, decided, states, taken, services, account)


def backtested(flow: Mapping[str, Any], source: MarketSource, sessions: Sequence[date]) -> Result:
    """The backtest of the same sessions without costs."""
    settings = BacktestSettings(
        start=sessions[0], end=sessions[-1], benchmark="none", slippage_bps=0, commission_bps=0
    )
    return run_backtest(from_json(flow), source, settings).result


def standing(at: datetime) -> PastClock:
    return PastClock(at)
