"""Open an account: its row, its keys, and what it holds taken up into the ledger."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from core.accounts.account import Account, BrokerName, masked
from core.brokers.base import Mode
from core.brokers.paper import PaperOptions
from core.errors import BadInput, SluiceError
from core.portfolio.deployment import checked_name
from core.risk.limits import Limits
from core.trading.broker_account import read_first_equity, stripped, try_free_keys
from core.trading.settle import settle

if TYPE_CHECKING:
    from core.bootstrap import Services

ALPACA_ALLOWANCE_BPS = 50.0
"""Alpaca reserves more than the price for a market buy: so much of equity is not planned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What a person says of an account; ``keys`` stay out of every representation."""

    name: str
    broker: BrokerName = "paper"
    mode: Mode = "paper"
    source: str = "demo"
    path: str | None = None
    slots: tuple[int, ...] = (10,)
    cash: Decimal = Decimal(100_000)
    slippage_bps: float = 1.0
    keys: dict[str, str] | None = field(default=None, repr=False)
    confirmed: bool = False
    """A person said that a live account is what they want."""


def open_account(services: Services, wanted: NewAccount) -> Account:
    """Add the account and reconcile it for the first time.

    An account whose broker does not answer is not added: raises Unavailable, or NeedsOperator where
    a setting is in the way. Raises BadInput for a name that is taken, numbers that cannot be, keys
    that are wrong or open an account that is here already, and a live account nobody ``confirmed``.
    """
    options: dict[str, object] = {}
    allowance = ALPACA_ALLOWANCE_BPS
    if wanted.broker == "paper":
        paper = PaperOptions(cash=wanted.cash, slippage_bps=wanted.slippage_bps)
        options = paper.model_dump(mode="json")
        # Twice: what is bought pays it, and what is sold to pay for it paid it before.
        allowance = 2 * wanted.slippage_bps
    name = checked_name(wanted.name)
    if wanted.source == "files" and wanted.path is None:
        raise BadInput("--data", "the source 'files' needs a file or folder.", "Add --data PATH.")
    if wanted.mode == "live" and not wanted.confirmed:
        raise BadInput(
            "mode",
            "a live account trades real money.",
            "Say so: --mode live on the command line, or the confirmation on the page.",
        )
    number = None
    if wanted.broker != "paper":
        number = try_free_keys(services, wanted.broker, wanted.mode, wanted.keys).number
    services.source(wanted.source, path=None if wanted.path is None else Path(wanted.path))
    account = services.accounts.add(
        services.user.id,
        name,
        broker=wanted.broker,
        mode=wanted.mode,
        source=wanted.source,
        path=wanted.path,
        slots=wanted.slots,
        limits=Limits(cost_allowance_bps=allowance),
        options=options,
        sealed=None if wanted.keys is None else services.vault.seal(stripped(wanted.keys)),
        number=number,
    )
    try:
        desk = services.desk(account)
        with closing(desk.broker):
            settle(desk, 0)
    except SluiceError:
        services.accounts.delete(account.id)
        raise
    which = f" {masked(number)}" if number else ""
    text = f"{name} ({account.kind.capitalize()}{which}) is added."
    services.events.add([desk.event("account_added", text)])
    read_first_equity(services, account)
    return services.accounts.by_id(account.id)
