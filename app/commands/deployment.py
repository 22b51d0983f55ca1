"""``sluice deploy`` and ``undeploy``: give a strategy capital in an account, or take it back."""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from app.terminal import say
from core.settings import Settings


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "deploy",
        help="let a flow trade in an account",
        description="Let a flow trade with part of an account's money from the next window on. "
        "What runs is a copy: editing the file or the library later does not change it.",
    )
    parser.add_argument("flow", metavar="FLOW.json", type=Path)
    parser.add_argument("--account", required=True, metavar="NAME")
    parser.add_argument("--capital", required=True, metavar="X", help="in the account's currency")
    parser.add_argument("--name", default="", help="default: the flow's name")
    parser.add_argument("--live", action="store_true", help="yes, with real money")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run_deploy)

    end = commands.add_parser(
        "undeploy",
        help="stop a strategy",
        description="Stop a strategy. With --liquidate it sells everything at the next window; "
        "without, its positions stay in the account, outside every strategy.",
    )
    end.add_argument("strategy", metavar="STRATEGY", help="its name in the account")
    end.add_argument("--account", metavar="NAME", help="needed where it runs in several")
    end.add_argument("--liquidate", action="store_true")
    end.add_argument("--json", action="store_true", help="one JSON object on standard output")
    end.set_defaults(run=run_undeploy)


def run_deploy(options: argparse.Namespace, settings: Settings) -> int:
    from app.flow_files import FlowFiles, read_flow
    from core.bootstrap import Services
    from core.trading.deploy import deploy

    capital = _capital(options.capital)
    with Services(settings, say=say) as services:
        files = FlowFiles(options.flow.parent, services)
        flow = files.filled(read_flow(options.flow))
        account = services.accounts.get(services.user.id, options.account)
        made = deploy(
            services.desk(account),
            flow,
            files.find,
            capital,
            name=options.name,
            confirmed=options.live,
        )
    if options.json:
        told = {
            "strategy": made.name,
            "account": account.name,
            "capital": str(made.capital),
            "state": made.state,
            "flow_hash": made.flow_hash,
        }
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.write(f"{made.name} trades {made.capital:,.2f} {account.currency} "
                         f"in {account.name} from the next window on\n")  # fmt: skip
    return 0


def run_undeploy(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services
    from core.errors import BadInput, UnknownName
    from core.trading.deploy import undeploy

    with Services(settings, say=say) as services:
        accounts = services.accounts.chosen(services.user.id, options.account)
        running = [
            (account, one) for account in accounts for one in services.deployments.of(account.id)
        ]
        found = [(account, one) for account, one in running if one.name == options.strategy]
        if not found:
            names = [one.name for _, one in running]
            raise UnknownName("STRATEGY", "live strategy", options.strategy, names)
        if len(found) > 1:
            names_of = ", ".join(account.name for account, _ in found)
            raise BadInput("--account", f"it runs in {names_of}.", "Say which with --account.")
        account, one = found[0]
        after = undeploy(services.desk(account), one, liquidate=options.liquidate)
    if options.json:
        told = {"strategy": after.name, "account": account.name, "state": after.state}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.write(f"{after.name} is {after.state}: {after.state_reason}\n")
    return 0


def _capital(text: str) -> Decimal:
    from core.errors import BadInput

    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise BadInput("--capital", f"'{text}' is no amount.", "Write it as 20000.") from None
