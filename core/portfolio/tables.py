"""An account as tables for export: amounts in full, instants in ISO form. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from core.portfolio.equity import Snapshot
from core.portfolio.holdings import Agreement, Holding
from core.portfolio.overview import Row as Strategy
from core.portfolio.records import OrderRecord
from core.portfolio.trades import Trade

Table = tuple[Sequence[object], Iterable[Sequence[object]]]


def strategies(rows: Sequence[Strategy]) -> Table:
    header = (
        "strategy", "state", "reason", "version", "capital", "equity", "cash", "today",
        "today_share", "total", "drawdown", "sharpe", "as_of", "symbols", "deployed_at",
    )  # fmt: skip
    lines = []
    for row in rows:
        one, now = row.deployment, row.now
        values = (
            (None,) * 6
            if now is None
            else (now.equity, now.result, now.share, now.total, now.drawdown, _iso(now.at))
        )
        equity, result, share, total, drawdown, at = values
        lines.append(
            (one.name, one.state, one.state_reason, one.version, one.capital, equity, row.cash,
             result, share, total, drawdown, row.sharpe, at, " ".join(row.symbols),
             _iso(one.created_at))
        )  # fmt: skip
    return header, lines


def holdings(found: Iterable[Holding], names: Mapping[str, str]) -> Table:
    header = ("owner", "symbol", "quantity", "cost", "price", "price_at", "worth", "gain")
    return header, (
        (names.get(one.book, one.book), one.symbol, one.quantity, one.cost,
         one.mark and one.mark.price, one.mark and _iso(one.mark.at), one.worth, one.gain)
        for one in found
    )  # fmt: skip


def lots(found: Iterable[Holding], names: Mapping[str, str]) -> Table:
    header = ("owner", "symbol", "quantity", "price", "cost", "opened_at")
    return header, (
        (names.get(one.book, one.book), one.symbol, lot.quantity, lot.price,
         lot.quantity * lot.price, _iso(lot.opened_at))
        for one in found
        for lot in one.lots
    )  # fmt: skip


def proof(rows: Iterable[Agreement]) -> Table:
    header = ("asset", "strategies", "external", "books", "broker", "difference")
    return header, (
        (r.asset, r.strategies, r.external, r.books, r.broker, r.difference) for r in rows
    )


def trades(found: Iterable[Trade], names: Mapping[str, str]) -> Table:
    header = (
        "at", "session", "owner", "side", "symbol", "quantity", "price", "worth", "realised",
        "how",
    )  # fmt: skip
    return header, (
        (_iso(one.at), one.session, names.get(one.book, one.book), one.side, one.symbol,
         one.quantity, one.price, one.worth, one.realised, one.how)
        for one in found
    )  # fmt: skip


def equity(found: Iterable[Snapshot], names: Mapping[str, str]) -> Table:
    header = ("session", "book", "equity", "cash", "flow", "return", "growth", "drawdown")
    return header, (
        (one.session, names.get(one.book, one.book), one.equity, one.cash, one.flow, one.result,
         one.growth, one.drawdown)
        for one in found
    )  # fmt: skip


def orders(found: Iterable[OrderRecord]) -> Table:
    header = (
        "session", "created_at", "symbol", "side", "quantity", "mark", "state", "reason",
        "filled_quantity", "average_price", "slippage_bps", "sent_at", "final_at",
        "client_order_id", "broker_order_id",
    )  # fmt: skip
    return header, (
        (one.session, _iso(one.created_at), one.symbol, one.side, one.quantity, one.price,
         one.state, one.reason, one.filled_quantity, one.average_price, one.slippage_bps,
         _iso(one.sent_at), _iso(one.final_at), one.client_order_id, one.broker_order_id)
        for one in found
    )  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
