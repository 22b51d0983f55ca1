"""``sluice kill`` and ``release``: the kill switch."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from app.terminal import say
from core.settings import Settings


def add(commands: Any) -> None:
    stop = commands.add_parser(
        "kill",
        help="stop every order, now",
        description="From the moment this returns no order is recorded and none is sent. "
        "Orders at the broker are canceled by the scheduler, again and again until the broker "
        "confirms it. Positions stay.",
    )
    stop.add_argument("--account", metavar="NAME", help="default: every account")
    stop.add_argument("--reducing", action="store_true",
                      help="only let positions become smaller: buys are canceled")  # fmt: skip
    stop.add_argument("--reason", default="by a person")
    stop.add_argument("--json", action="store_true", help="one JSON object on standard output")
    stop.set_defaults(run=run_kill)
    go = commands.add_parser("release", help="let stopped accounts trade again")
    go.add_argument("--account", metavar="NAME", help="default: every account")
    go.add_argument("--json", action="store_true", help="one JSON object on standard output")
    go.set_defaults(run=run_release)


def run_kill(options: argparse.Namespace, settings: Settings) -> int:
    return _turn(options, settings, "reducing" if options.reducing else "halted", options.reason)


def run_release(options: argparse.Namespace, settings: Settings) -> int:
    return _turn(options, settings, "active", "")


def _turn(options: argparse.Namespace, settings: Settings, state: Any, reason: str) -> int:
    from core.accounts.account import LEADER
    from core.bootstrap import Services
    from core.trading.deploy import still_canceling, turn_kill_switch

    with Services(settings, say=say) as services:
        accounts = services.accounts.chosen(services.user.id, options.account)
        for account in accounts:
            turn_kill_switch(services, account, state, reason=reason)
        after = {one.name: services.accounts.by_id(one.id).state for one in accounts}
        left = {one.name: services.orders.called_off(one.id) for one in accounts}
        leader = services.lease_holders().get(LEADER)
    if options.json:
        sys.stdout.write(json.dumps({"accounts": after, "canceling": left}) + "\n")
    else:
        for name, now in after.items():
            sys.stdout.write(f"{name}: {now}. {still_canceling(left[name])}".rstrip(" .") + ".\n")
        if not after:
            sys.stdout.write("No accounts.\n")
    if any(left.values()) and (leader is None or not leader.held):
        say("No scheduler runs, and it is the one that cancels: start it with 'sluice up'.")
    return 0
