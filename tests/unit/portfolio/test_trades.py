"""Trades and what selling made; an account's tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

from core.export import to_csv, to_workbook
from core.portfolio import tables
from core.portfolio.records import OrderRecord
from core.portfolio.trades import sold_by, trades

D = Decimal
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def moved(book, amount, price, realised=None, kind="trade"):
    return SimpleNamespace(
        at=NOON, kind=kind, book=book, asset="SPY", amount=D(amount),
        price=None if price is None else D(price), session=NOON.date(),
        realised=None if realised is None else D(realised),
    )  # fmt: skip


def test_movements_at_a_price_are_trades():
    found = trades([moved("a", 2, 10), moved("a", -1, 12, 2, "cross"), moved("a", 5, None)])
    assert [(t.side, t.quantity, t.worth, t.how) for t in found] == [
        ("buy", 2, 20, "market"), ("sell", 1, 12, "crossed"),
    ]  # fmt: skip


def test_what_selling_made_is_summed_for_each_owner():
    found = trades(
        [moved("a", 2, 10), moved("a", -1, 12, 2), moved("a", -1, 9, -1), moved("b", 1, 5)]
    )
    sums = sold_by(found)
    a = sums["a"]
    assert (a.realised, a.closed, a.won, a.bought, a.sold) == (1, 2, 1, 20, 21)
    assert (sums["b"].closed, sums["b"].bought) == (0, 5)


def order(**more) -> OrderRecord:
    fields = {
        "id": uuid4(), "account_id": uuid4(), "window_id": uuid4(), "session": NOON.date(),
        "slot": 10, "symbol": "SPY", "side": "buy", "leg": 0, "client_order_id": "x",
        "quantity": D(2), "price": D(100), "quoted_at": NOON, "state": "filled",
        "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return OrderRecord(**fields | more)


def test_slippage_is_what_was_worse_than_the_mark_on_either_side():
    bought = order(filled_quantity=D(2), filled_cash=D("200.2"))
    sold = order(side="sell", filled_quantity=D(2), filled_cash=D("199.8"))
    assert round(bought.slippage_bps, 6) == round(sold.slippage_bps, 6) == 10
    assert order().slippage_bps is None
    assert order(sent_at=NOON, final_at=NOON.replace(second=3)).latency_seconds == 3
    assert order(sent_at=NOON).latency_seconds is None


def test_tables_keep_amounts_in_full_and_open_in_excel():
    found = trades([moved("=book", "2.123456789", "10.1")])
    table = tables.trades(found, {"=book": "=1+1"})
    assert "2.123456789,10.1" in to_csv(table)
    from io import BytesIO

    from openpyxl import load_workbook

    book = load_workbook(
        BytesIO(to_workbook({"Trades": table, "Orders": tables.orders([order()])}))
    )
    assert book.sheetnames == ["Trades", "Orders"]
    assert [cell.value for cell in book["Trades"][1]][:3] == ["at", "session", "owner"]
