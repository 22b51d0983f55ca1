"""``sluice holdings``: who owns what, and whether it sums to what the broker has."""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.terminal import say
from core.settings import Settings

if TYPE_CHECKING:
    from core.accounts.account import Account
    from core.bootstrap import Services


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "holdings",
        help="holdings per strategy, in total and at the broker",
        description="Holdings per strategy and in total, what the broker has, and the difference, "
        "to the last decimal. Exit code 1 where they differ.",
    )
    parser.add_argument("--account", metavar="NAME", help="default: every account")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services

    with Services(settings, say=say) as services:
        accounts = services.accounts.chosen(services.user.id, options.account)
        told = [_one(services, account) for account in accounts]
    agree = all(one["agrees"] for one in told)
    if options.json:
        sys.stdout.write(json.dumps({"accounts": told, "agrees": agree}) + "\n")
    else:
        for one in told:
            sys.stdout.write("\n".join(_lines(one)) + "\n")
        if not told:
            sys.stdout.write("No accounts: 'sluice account add NAME --broker paper' adds one.\n")
    return 0 if agree else 1


def _one(services: Services, account: Account) -> dict[str, Any]:
    from core.portfolio.ledger import OTHER_SIDES
    from core.trading.reconcile import proof

    desk = services.desk(account)
    balances = services.ledger.balances(account.id)
    names = {one.book: one.name for one in services.deployments.of_user(account.user_id)}
    positions = {one.symbol: one.quantity for one in desk.broker.positions()}
    rows = proof(balances, desk.broker.account().cash, positions, account.currency)
    return {
        "account": account.name,
        "books": {
            names.get(book, book): {
                asset: f"{amount.normalize():f}" for asset, amount in held.items()
            }
            for book, held in sorted(balances.items())
            if book not in OTHER_SIDES
        },
        "total": {asset: _plain(total) for asset, total, _ in rows},
        "broker": {asset: _plain(has) for asset, _, has in rows},
        "difference": {asset: _plain(has - total) for asset, total, has in rows if has != total},
        "agrees": all(has == total for _, total, has in rows),
    }


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [told["account"]]
    for book, held in told["books"].items():
        lines.append(f"  {book}")
        lines += [f"    {asset:8} {amount:>24}" for asset, amount in sorted(held.items())]
    lines.append("  Together, and at the broker")
    for asset in sorted(told["total"]):
        mark = (
            "" if asset not in told["difference"] else f"  differs by {told['difference'][asset]}"
        )
        lines.append(f"    {asset:8} {told['total'][asset]:>24} {told['broker'][asset]:>24}{mark}")
    lines.append("  Equal" if told["agrees"] else "  Not equal")
    return lines
