"""``sluice account add|list|check|keys|remove``: accounts that strategies trade in."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from app.terminal import say
from core.accounts.account import masked
from core.settings import Settings

if TYPE_CHECKING:
    from core.accounts.account import Account
    from core.trading.broker_account import Connection

KEY_ID, SECRET = "SLUICE_ALPACA_KEY_ID", "SLUICE_ALPACA_SECRET_KEY"


def add(commands: Any) -> None:
    parser = commands.add_parser("account", help="broker accounts: add, list, check, remove")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    new = actions.add_parser(
        "add",
        help="add an account",
        description="Add an account. The broker 'paper' is built in and needs no keys. Keys of "
        f"'alpaca' are read from {KEY_ID} and {SECRET}, or asked for; they are kept encrypted and "
        "are never arguments.",
    )
    new.add_argument("name", metavar="NAME")
    new.add_argument("--broker", choices=("paper", "alpaca"), default="paper")
    new.add_argument("--mode", choices=("paper", "live"), default="paper",
                     help="live is real money, and has to be written")  # fmt: skip
    new.add_argument("--source", help="market data; default: demo for paper, alpaca for alpaca")
    new.add_argument("--data", metavar="PATH", help="where the source 'files' reads")
    new.add_argument("--cash", default="100000", help="what a built-in account starts with")
    new.add_argument("--slippage-bps", type=float, default=1.0, metavar="X",
                     help="of the built-in broker's fills; default 1")  # fmt: skip
    new.add_argument("--windows", default="10", metavar="MINUTES",
                     help="minutes before the close, commas between; default 10")  # fmt: skip
    new.add_argument("--json", action="store_true", help="one JSON object on standard output")
    new.set_defaults(run=run_add)
    listing = actions.add_parser("list", help="list accounts")
    listing.add_argument("--json", action="store_true", help="one JSON object on standard output")
    listing.set_defaults(run=run_list)
    for name, run, what, more in (
        ("check", run_check, "ask the broker whether an account's keys open it; nothing is traded",
         ""),
        ("keys", run_keys, "give an account other keys",
         f" They are read from {KEY_ID} and {SECRET}, or asked for, and have to open the same "
         "account."),
        ("remove", run_remove, "forget an account in which nothing is deployed",
         " Its keys and its history go; at the broker nothing happens."),
    ):  # fmt: skip
        action = actions.add_parser(
            name, help=what, description=f"{what[0].upper()}{what[1:]}.{more}"
        )
        action.add_argument("name", metavar="NAME")
        action.add_argument(
            "--json", action="store_true", help="one JSON object on standard output"
        )
        action.set_defaults(run=run)


def run_add(options: argparse.Namespace, settings: Settings) -> int:
    from core.accounts.account import checked_slots
    from core.bootstrap import Services
    from core.errors import BadInput
    from core.trading.open_account import NewAccount, open_account

    source = options.source or ("alpaca" if options.broker == "alpaca" else "demo")
    if options.broker == "paper" and options.mode == "live":
        raise BadInput("--mode", "the built-in broker is paper only.", "Leave --mode out.")
    with Services(settings, say=say) as services:
        account = open_account(
            services,
            NewAccount(
                name=options.name,
                broker=options.broker,
                mode=options.mode,
                source=source,
                path=options.data,
                slots=checked_slots(_numbers(options.windows)),
                cash=_cash(options.cash),
                slippage_bps=options.slippage_bps,
                keys=_keys() if options.broker == "alpaca" else None,
                # To write --mode live is the act; --broker alpaca alone is paper.
                confirmed=options.mode == "live",
            ),
        )
    if options.json:
        sys.stdout.write(json.dumps(as_json(account)) + "\n")
    else:
        sys.stdout.write(f"Added {account.name}: {account.broker}, {account.mode}, {source} data\n")
    return 0


def run_list(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services

    with Services(settings, say=say) as services:
        accounts = services.accounts.all(services.user.id)
    if options.json:
        sys.stdout.write(json.dumps({"accounts": [as_json(one) for one in accounts]}) + "\n")
        return 0
    for one in accounts:
        reason = f" ({one.state_reason})" if one.state_reason else ""
        sys.stdout.write(f"{one.name:20} {one.broker:8} {one.mode:6} {one.state}{reason}\n")
    if not accounts:
        sys.stdout.write("No accounts: 'sluice account add NAME --broker paper' adds one.\n")
    return 0


def run_check(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services
    from core.trading.broker_account import check_connection

    with Services(settings, say=say) as services:
        account = services.accounts.get(services.user.id, options.name)
        found = check_connection(services, account)
    _told(found, options)
    return 0


def run_keys(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services
    from core.errors import BadInput
    from core.trading.broker_account import change_keys

    with Services(settings, say=say) as services:
        account = services.accounts.get(services.user.id, options.name)
        if account.broker == "paper":
            raise BadInput("NAME", f"{account.name} is built in and has no keys.")
        found = change_keys(services, account, _keys())
    _told(found, options)
    return 0


def run_remove(options: argparse.Namespace, settings: Settings) -> int:
    from core.bootstrap import Services
    from core.trading.broker_account import remove_account

    with Services(settings, say=say) as services:
        account = services.accounts.get(services.user.id, options.name)
        remove_account(services, account)
    if options.json:
        sys.stdout.write(json.dumps({"removed": account.name}) + "\n")
    else:
        sys.stdout.write(f"Removed {account.name}\n")
    return 0


def _told(found: Connection, options: argparse.Namespace) -> None:
    if options.json:
        told = {
            "name": options.name,
            "broker": found.broker,
            "mode": found.mode,
            "number": masked(found.number),
            "equity": str(found.equity),
            "currency": found.currency,
            "blocked": found.blocked,
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{found}\n")


def as_json(account: Account) -> dict[str, object]:
    """An account without its keys."""
    return {
        "name": account.name,
        "broker": account.broker,
        "mode": account.mode,
        "number": masked(account.number),
        "source": account.source,
        "windows": list(account.slots),
        "state": account.state,
        "reason": account.state_reason,
    }


def _keys() -> dict[str, str]:
    """From the environment, or typed where nobody sees them."""
    from core.errors import NeedsOperator

    key, secret = os.environ.get(KEY_ID, ""), os.environ.get(SECRET, "")
    if not (key and secret) and sys.stdin.isatty():
        key = key or getpass.getpass("Alpaca key id: ")
        secret = secret or getpass.getpass("Alpaca secret key: ")
    if not (key and secret):
        raise NeedsOperator(f"Alpaca needs keys: set {KEY_ID} and {SECRET}.")
    return {"key_id": key, "secret_key": secret}


def _numbers(text: str) -> tuple[int, ...]:
    from core.errors import BadInput

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            "--windows", f"'{text}' is no list of minutes.", "Write 10 or 30,10."
        ) from None


def _cash(text: str) -> Decimal:
    from core.errors import BadInput

    try:
        cash = Decimal(text)
    except InvalidOperation:
        cash = Decimal(0)
    if not cash.is_finite() or cash <= 0:
        raise BadInput("--cash", f"'{text}' is no amount.", "Write it as 100000.") from None
    return cash
