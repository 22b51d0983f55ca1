"""Everything of an account as tables, read when somebody asks for them."""

from __future__ import annotations

from app.account_reading import ALL, read_marks, read_names, read_overview
from app.resources import services
from core.accounts.account import Account
from core.export import Table
from core.portfolio import tables
from core.portfolio.holdings import agreement, holdings
from core.portfolio.trades import trades

MOST_ROWS = 100_000


def account_tables(account: Account) -> dict[str, Table]:
    """By the name of their sheet."""
    shared = services()
    names = read_names(account).by_book
    balances = shared.ledger.balances(account.id)
    held = holdings(
        balances, shared.ledger.lots(account.id), read_marks(account, balances), account.currency
    )
    moved = shared.ledger.movements(
        account.id, kinds=("trade", "cross"), priced=True, limit=MOST_ROWS
    )
    return {
        "Strategies": tables.strategies(read_overview(account, ALL).rows),
        "Equity": tables.equity(shared.equity.snapshots(account.id), names),
        "Holdings": tables.holdings(held, names),
        "Lots": tables.lots(held, names),
        "Proof": tables.proof(agreement(balances, None, account.differences)),
        "Trades": tables.trades(trades(moved), names),
        "Orders": tables.orders(shared.orders.recent(account.id, limit=MOST_ROWS)),
    }
