"""Everything of an account as tables, read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from app.account_reading import ALL, read_marks, read_names, read_overview
from app.resources import services
from core.accounts.account import Account
from core.accounts.events import KINDS, SEVERITIES
from core.export import Table
from core.library.strategies import slug_of
from core.metrics.correlation import correlation
from core.portfolio import tables
from core.portfolio.holdings import Holding, agreement, holdings
from core.portfolio.trades import trades

MOST_ROWS = 100_000


def account_tables(account: Account) -> dict[str, Table]:
    """All of a workbook, by the name of their sheet."""
    return {name: read(account) for name, read in TABLES.items() if name != "Log"}


def account_table_of(account: Account, slug: str, filters: Mapping[str, str]) -> Table:
    """The table of that short name; ``filters`` are the log page's."""
    if slug == "log":
        return _log(account, filters)
    return next(read(account) for name, read in TABLES.items() if slug_of(name) == slug)


def _strategies(account: Account) -> Table:
    return tables.strategies(read_overview(account, ALL).rows)


def _equity(account: Account) -> Table:
    found = services().equity.snapshots(account.id)
    return tables.equity(found, read_names(account).by_book)


def _held(account: Account) -> tuple[Holding, ...]:
    balances, lots = services().ledger.balances(account.id), services().ledger.lots(account.id)
    return holdings(balances, lots, read_marks(account, balances), account.currency)


def _holdings(account: Account) -> Table:
    return tables.holdings(_held(account), read_names(account).by_book)


def _lots(account: Account) -> Table:
    return tables.lots(_held(account), read_names(account).by_book)


def _proof(account: Account) -> Table:
    balances = services().ledger.balances(account.id)
    return tables.proof(agreement(balances, None, account.differences))


def _trades(account: Account) -> Table:
    moved = services().ledger.movements(
        account.id, kinds=("trade", "cross"), priced=True, limit=MOST_ROWS
    )
    return tables.trades(trades(moved), read_names(account).by_book)


def _orders(account: Account) -> Table:
    return tables.orders(services().orders.recent(account.id, limit=MOST_ROWS))


def read_returns(account: Account, since: date | None) -> dict[str, dict[date, float]]:
    """Daily returns of the strategies that run, by name."""
    running = {one.book: one.name for one in services().deployments.of(account.id)}
    series: dict[str, dict[date, float]] = {name: {} for name in running.values()}
    for one in services().equity.snapshots(account.id, books=list(running), since=since):
        if one.result is not None:
            series[running[one.book]][one.session] = one.result
    return series


def _correlation(account: Account) -> Table:
    series = read_returns(account, None)
    found = correlation(series).tolist() if series else []
    rows = ([name, *row] for name, row in zip(series, found, strict=True))
    return ("strategy", *series), rows


def _log(account: Account, filters: Mapping[str, str]) -> Table:
    severity = filters.get("severity", "info")
    kinds = [kind for kind in filters.get("kinds", "").split(",") if kind in KINDS]
    found = services().events.page(
        services().user.id,
        account=None if filters.get("everywhere") else account.id,
        kinds=kinds,
        severity=severity if severity in SEVERITIES else "info",
        text=filters.get("words", ""),
        limit=MOST_ROWS,
    )
    header = ("at", "severity", "kind", "text", "account", "strategy")
    return header, (
        (one.event.at.isoformat(), one.event.severity, one.event.kind, one.event.text, one.account,
         one.deployment)
        for one in found
    )  # fmt: skip


TABLES: dict[str, Callable[[Account], Table]] = {
    "Strategies": _strategies,
    "Equity": _equity,
    "Holdings": _holdings,
    "Lots": _lots,
    "Proof": _proof,
    "Trades": _trades,
    "Orders": _orders,
    "Correlation": _correlation,
    "Log": lambda account: _log(account, {}),
}
"""By the name of their sheet; their addresses have its short form."""
