"""``sluice window run``: run or finish a trade window now, or see what it would do."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from app.terminal import say
from core.settings import Settings

if TYPE_CHECKING:
    from core.accounts.account import Account
    from core.bootstrap import Services
    from core.db.leases import Lease
    from core.trading.plan import Plan
    from core.trading.schedule import Due

LEASE_SECONDS = 60.0
"""How long another process that works on the account is waited for."""


def add(commands: Any) -> None:
    parser = commands.add_parser("window", help="run a trade window now")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    run = actions.add_parser(
        "run",
        help="run or finish a window",
        description="Run the session's window, or finish one that was interrupted. Before its "
        "time, or after it ran, this is a window of its own. It runs once: what is planned "
        "already is not planned again.",
    )
    run.add_argument("--session", type=date.fromisoformat, metavar="DATE", help="default: today's")
    run.add_argument("--account", metavar="NAME", help="default: every account")
    run.add_argument("--preview", action="store_true", help="show the plan, send nothing")
    run.add_argument("--json", action="store_true", help="one JSON object on standard output")
    run.set_defaults(run=run_window)


def run_window(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services

    with Services(settings, say=say) as services:
        accounts = services.accounts.chosen(services.user.id, options.account)
        told = _each(services, accounts, options)
    if options.json:
        sys.stdout.write(json.dumps({"windows": told}) + "\n")
    else:
        for one in told:
            sys.stdout.write(_line(one) + "\n")
        if not told:
            sys.stdout.write("No accounts: 'sluice account add NAME --broker paper' adds one.\n")
    return 1 if any(one["state"] in ("failed", "missed", "expired") for one in told) else 0


def _each(
    services: Services, accounts: Sequence[Account], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """What became of each account's window: one that cannot run keeps no other from it. Raises
    what the first raised where none could."""
    from core.errors import SluiceError

    told, errors = [], []
    for account in accounts:
        try:
            told.append(_one(services, account, options))
        except SluiceError as err:
            errors.append(err)
            session = options.session or services.clock().date()
            told.append(_failed(account, session, str(err)))
    if errors and len(errors) == len(accounts):
        raise errors[0]
    return told


def _failed(account: Account, session: date, error: str) -> dict[str, Any]:
    return {
        "account": account.name,
        "session": session.isoformat(),
        "slot": None,
        "state": "failed",
        "error": error,
        "decisions": [],
        "orders": [],
    }


def _one(services: Services, account: Account, options: argparse.Namespace) -> dict[str, Any]:
    from core.accounts.account import lease_of
    from core.trading.window import TradeWindow

    lease = services.lease(lease_of(account.id))
    _wait_for(lease, account.name)
    try:
        due = _due(services, account, options.session, preview=options.preview)
        trader = TradeWindow(services.desk(account), lease.fence)
        if options.preview:
            return _plan_json(account, due, trader.preview(due))
        window = trader.run(due)
        if window is None:
            window = services.windows.get(account.id, due.session, due.slot)
            return {**_window_json(services, account, window), "already": True}
        return _window_json(services, account, window)
    finally:
        lease.give_back()


def _wait_for(lease: Lease, name: str) -> None:
    from core.errors import Unavailable

    until = time.monotonic() + LEASE_SECONDS
    while not lease.take():
        if time.monotonic() > until:
            raise Unavailable(f"Another process has worked on {name} for a minute. Try again.")
        time.sleep(0.5)


def _due(services: Services, account: Account, session: date | None, *, preview: bool) -> Due:
    """The session's window that is due or unfinished, or one of the person's own."""
    from core.errors import BadInput
    from core.portfolio.records import UNFINISHED
    from core.trading.schedule import Due, windows_of

    now = services.clock()
    desk = services.desk(account)
    day = session or now.date()
    hours = desk.broker.hours(day - timedelta(days=1), day + timedelta(days=7))
    wanted = (
        [h for h in hours if h.session == session]
        if session
        else [h for h in hours if h.opens_at <= now < h.closes_at]
    )
    if not wanted:
        coming = next((h for h in hours if h.opens_at > now), None)
        when = (
            ""
            if coming is None
            else f" The next session opens {coming.opens_at:%Y-%m-%d %H:%M} UTC."
        )
        if session:
            raise BadInput("--session", f"{session} is no session.", "Choose a day that trades.")
        raise BadInput("session", f"the market is closed.{when}", "Run it while a session is open.")
    one = wanted[0]
    known = {w.slot: w for w in services.windows.of(account.id, session=one.session)}
    for due in windows_of([one], account.slots):
        unfinished = due.slot not in known or known[due.slot].state in UNFINISHED
        if due.due_at <= now and (unfinished or session is not None):
            return due
    for window in known.values():
        if window.state in ("requested", *UNFINISHED):
            return Due(window.session, window.slot, window.due_at, window.closes_at)
    if preview or now >= one.closes_at:
        return Due(one.session, account.slots[-1], now, one.closes_at)
    asked = services.windows.request(
        account.id,
        one.session,
        due_at=now,
        closes_at=one.closes_at,
        limit=account.limits.manual_windows_per_day,
    )
    if asked is None:
        raise BadInput(
            "window",
            f"{account.limits.manual_windows_per_day} windows were asked for in this session.",
            "Raise the limit manual_windows_per_day, or wait for the next session.",
        )
    return Due(asked.session, asked.slot, asked.due_at, asked.closes_at)


def _window_json(services: Services, account: Account, window: Any) -> dict[str, Any]:
    orders = services.orders.of_window(window.id)
    names = {one.id: one.name for one in services.deployments.of_user(account.user_id)}
    return {
        "account": account.name,
        "session": window.session.isoformat(),
        "slot": window.slot,
        "state": window.state,
        "error": window.error,
        "decisions": [
            {
                "strategy": names.get(one.deployment_id, ""),
                "state": one.state,
                "reason": one.reason,
                "weights": one.weights,
            }
            for one in services.windows.decisions(window.id)
        ],
        "orders": [
            {
                "symbol": order.symbol,
                "side": order.side,
                "quantity": str(order.quantity),
                "state": order.state,
                "filled": str(order.filled_quantity),
                "reason": order.reason,
            }
            for order in orders
        ],
    }


def _plan_json(account: Account, due: Due, plan: Plan) -> dict[str, Any]:
    return {
        "account": account.name,
        "session": due.session.isoformat(),
        "slot": due.slot,
        "state": "preview",
        "decisions": [
            {
                "strategy": one.deployment.name,
                "state": one.decision.state,
                "reason": one.decision.reason,
                "weights": None if one.decision.weights is None else dict(one.decision.weights),
            }
            for one in plan.planned
        ],
        "crosses": [
            {"symbol": cross.symbol, "quantity": str(cross.quantity), "mark": str(cross.mark)}
            for cross in plan.crosses
        ],
        "orders": [
            {"symbol": one.symbol, "side": one.side, "quantity": str(one.quantity),
             "state": "planned", "reason": ""}
            for one in plan.screened.passed
        ]
        + [
            {"symbol": one.order.symbol, "side": one.order.side,
             "quantity": str(one.order.quantity), "state": "refused", "reason": one.reason}
            for one in plan.screened.refused
        ],
    }  # fmt: skip


def _line(told: dict[str, Any]) -> str:
    error = f" ({told['error']})" if told.get("error") else ""
    lines = [f"{told['account']}, session {told['session']}: {told['state']}{error}"]
    if told.get("already"):
        lines[0] += " (it ran already)"
    lines += [f"  {one['strategy']}: {one['state']}{_because(one)}" for one in told["decisions"]]
    lines += [
        f"  {one['side']} {one['quantity']} {one['symbol']}: {one['state']}{_because(one)}"
        for one in told["orders"]
    ]
    return "\n".join(lines)


def _because(one: dict[str, Any]) -> str:
    return f" ({one['reason']})" if one["reason"] else ""
