"""The account at the broker behind one of Sluice's: which it is, whether its keys open it, its end.

A broker's account belongs to one account here, or each would take all of it for its own. It is
known by the broker's own number: keys may differ for one account, and the same variable of the
environment may hold another account's keys tomorrow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from core.accounts.account import Account, BrokerName, kind_of, lease_of, masked
from core.accounts.events import event_of
from core.brokers.base import Broker, BrokerAccount, Mode
from core.db.session import transaction
from core.errors import BadInput, KeysRefused, NeedsOperator, Unavailable
from core.logs import hide
from core.trading.desk import Desk
from core.trading.snapshots import add_equity_points, value_now

if TYPE_CHECKING:
    from core.bootstrap import Services

log = logging.getLogger(__name__)

Keys = Mapping[str, str]
"""``key_id`` and ``secret_key``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the broker says of the account that keys open; ``str`` is a sentence without secrets."""

    broker: BrokerName
    mode: Mode
    number: str | None
    equity: Decimal
    currency: str
    blocked: str | None

    def __str__(self) -> str:
        kind = kind_of(self.broker, self.mode)
        which = f" {masked(self.number)}" if self.number else ""
        money = "real money" if self.mode == "live" else "paper money"
        orders = f"It takes no orders: {self.blocked}." if self.blocked else "It takes orders."
        return (
            f"{kind[0].upper()}{kind[1:]} account{which} answers: equity {self.equity:,.2f} "
            f"{self.currency}, {money}. {orders}"
        )


def try_keys(services: Services, broker: BrokerName, mode: Mode, keys: Keys | None) -> Connection:
    """Ask the broker what these keys open (None: those of the environment). It reads, nothing more.

    Raises BadInput naming the key that is wrong, Unavailable where the broker does not answer,
    NeedsOperator for a setting that contradicts.
    """
    for value in (keys or {}).values():
        hide(value)
    try:
        shown = _asked(lambda: services.broker_with(mode, keys))
    except KeysRefused as err:
        raise BadInput(err.field, err.message, err.fix) from err
    return _connection(broker, mode, shown)


def check_connection(services: Services, account: Account) -> Connection:
    """The same for an account with the keys it has; NeedsOperator where they open another one.

    Reads its equity where nothing did yet.
    """
    found = _own_connection(services, account)
    read_first_equity(services, account)
    return found


def _own_connection(services: Services, account: Account) -> Connection:
    shown = _asked(lambda: services.broker(account, hasty=True))
    refuse_another(account, shown)
    if shown.number and account.number is None:
        services.accounts.identify(account, shown.number)
    return _connection(account.broker, account.mode, shown)


def read_first_equity(services: Services, account: Account) -> None:
    """What the account is worth now, where that was never read.

    The scheduler reads it during sessions only; an account that is added on a Friday evening would
    have none until Monday. Left to the scheduler where the broker does not answer.
    """
    if services.equity.total(account.id) is not None:
        return
    desk = services.desk(account)
    with closing(desk.broker):
        try:
            limit = timedelta(seconds=account.limits.quote_age_seconds)
            add_equity_points(desk, value_now(desk, oldest=desk.clock() - limit))
        except (Unavailable, NeedsOperator) as err:
            log.warning("no equity of %s yet: %s", account.name, err)


def try_free_keys(
    services: Services, broker: BrokerName, mode: Mode, keys: Keys | None
) -> Connection:
    """``try_keys``, and BadInput where one of Sluice's accounts is that account already."""
    found = try_keys(services, broker, mode, keys)
    if found.number is not None:
        _identify_others(services, broker)
        services.accounts.refuse_taken(services.user.id, broker, found.number)
    return found


def change_keys(services: Services, account: Account, keys: Keys) -> Connection:
    """Use these keys from now on. They have to open the account it is: BadInput where they do not,
    and the old ones stay."""
    found = try_keys(services, account.broker, account.mode, keys)
    if account.number is not None and found.number not in (None, account.number):
        raise BadInput(
            "keys",
            f"they open the broker's account {masked(found.number)}; {account.name} is "
            f"{masked(account.number)}, and its books belong to that one.",
            "Use keys of that account, or add the other one as an account of its own.",
        )
    if found.number is not None and account.number is None:
        services.accounts.identify(account, found.number)
    sealed = services.vault.seal(stripped(keys))
    which = f", of the broker's account {masked(found.number)}" if found.number else ""
    text = f"{account.name} has other keys{which}."
    told = event_of(account, services.clock(), "keys_changed", text, severity="warning")
    with transaction(services.database.engine) as db:
        services.accounts.change(account.id, sealed=sealed, db=db)
        services.events.add([told], db=db)
    log.info("keys changed", extra={"action": "keys", "account": account.name})
    read_first_equity(services, services.accounts.by_id(account.id))
    return found


def remove_account(services: Services, account: Account) -> None:
    """Forget an account, its keys and its history; at the broker nothing happens.

    Raises BadInput while a strategy runs in it, or while another process works on it.
    """
    lease = services.lease(lease_of(account.id))
    if not lease.take():
        raise BadInput("account", "it is being worked on.", "Try again in a few seconds.")
    number = f" {masked(account.number)}" if account.number else ""
    which = f"{account.name} ({account.kind.capitalize()}{number})"
    text = f"{which} is removed, its keys and its history with it."
    told = event_of(account, services.clock(), "account_removed", text, severity="warning")
    # Of no account: it stays in the log when everything of the account is gone.
    told = replace(told, account_id=None)
    try:
        with transaction(services.database.engine) as db:
            if services.accounts.delete(account.id, db=db):
                services.events.add([told], db=db)
    finally:
        lease.give_back()
    log.info("account removed", extra={"action": "remove", "account": account.name})


def require_own(desk: Desk) -> None:
    """Before anything is asked or traded: the keys open the account whose books these are.

    Once a desk. Raises NeedsOperator where they open another one, or one that belongs to another
    account: there, every order of ours would look as if the broker had never had it.
    """
    if desk.recognised.is_set():
        return
    shown = desk.broker.account()
    account = desk.accounts.by_id(desk.account.id)
    refuse_another(account, shown)
    if shown.number and account.number is None:
        try:
            desk.accounts.identify(account, shown.number)
        except BadInput as err:
            raise NeedsOperator(f"Its keys cannot be used: {err.message} {err.fix}") from err
    desk.recognised.set()


def refuse_another(account: Account, shown: BrokerAccount) -> None:
    """NeedsOperator where the broker shows another account than this one."""
    if account.number and shown.number and account.number != shown.number:
        raise NeedsOperator(
            f"The keys of {account.name} open another account ({masked(shown.number)}) than the "
            f"one its books belong to ({masked(account.number)}): nothing is traded. "
            "Enter keys of that account."
        )


def stripped(keys: Keys) -> dict[str, str]:
    """Without the blanks that copying leaves around them."""
    return {name: value.strip() for name, value in keys.items()}


def _identify_others(services: Services, broker: BrokerName) -> None:
    """Learn the numbers of accounts that were added before numbers were kept."""
    for one in services.accounts.all():
        if one.broker == broker and one.number is None:
            try:
                _own_connection(services, one)
            except (NeedsOperator, BadInput) as err:
                raise BadInput(
                    "keys",
                    f"which account at the broker '{one.name}' is, is not known yet, and its own "
                    "keys do not say. It might be the same one.",
                    f"Change the keys of '{one.name}', or remove it, first.",
                ) from err


def _asked(open_broker: Callable[[], Broker]) -> BrokerAccount:
    with closing(open_broker()) as broker:
        return broker.account()


def _connection(broker: BrokerName, mode: Mode, shown: BrokerAccount) -> Connection:
    return Connection(
        broker=broker,
        mode=mode,
        number=shown.number,
        equity=shown.equity,
        currency=shown.currency,
        blocked=shown.blocked,
    )
