"""What was traded lately, and what selling made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd
import streamlit as st

from app.account_reading import Names, read_names
from app.components.downloads import csv_button
from app.resources import services
from core.accounts.account import Account
from core.portfolio import tables
from core.portfolio.ledger import ZERO
from core.portfolio.trades import Trade, sold_by, trades

SPANS = {"24 h": timedelta(days=1), "7 d": timedelta(days=7), "30 d": timedelta(days=30)}
MOST = 5_000
MONEY = st.column_config.NumberColumn(format="accounting")


def trades_view(account: Account) -> None:
    """Every trade of the span, and per strategy what selling made."""
    span = st.segmented_control(
        "Span", list(SPANS), default="7 d", required=True, key="dash_span",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    since = services().clock() - SPANS[span or "7 d"]
    found = trades(
        services().ledger.movements(
            account.id, kinds=("trade", "cross"), since=since, priced=True, limit=MOST
        )
    )
    if not found:
        st.info(f"Nothing was traded in the last {span}.", icon=":material/swap_horiz:")
        return
    names = read_names(account)
    realised = sum((one.realised or ZERO for one in found), ZERO)
    worth = sum((one.worth for one in found), ZERO)
    st.markdown(
        f"**{len(found):,} trades** worth {worth:,.2f} {account.currency}; selling made "
        f"**{realised:+,.2f}**"
        + (f". Only the newest {MOST:,} are read." if len(found) == MOST else "")
    )
    frame = pd.DataFrame([_line(one, names) for one in found])
    left, right = st.columns([2, 1], gap="medium")
    left.dataframe(
        frame, hide_index=True, placeholder="", height="content" if len(frame) < 12 else 440,
        key="dash_trades",
        column_config={
            "At": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Price": st.column_config.NumberColumn(format="%.4f"),
            "Quantity": st.column_config.NumberColumn(format="%.6g"),
            "Worth": MONEY,
            "Made": st.column_config.NumberColumn(
                format="accounting", help="What was sold brought over what it had cost."
            ),
            "How": st.column_config.TextColumn(
                help="crossed: with another strategy inside the account, at the mark."
            ),
        },
    )  # fmt: skip
    sold = _by_owner(found, names)
    right.dataframe(
        sold, hide_index=True, key="dash_sold", placeholder="",
        height="content" if len(sold) < 12 else 440,
        column_config={"Made": MONEY, "Bought": MONEY, "Sold": MONEY},
    )  # fmt: skip
    csv_button("dash", "Trades", account.name, lambda: tables.trades(found, names.by_book))


def _line(one: Trade, names: Names) -> dict[str, object]:
    return {
        "At": one.at,
        "Owner": names[one.book],
        "Side": one.side,
        "Symbol": one.symbol,
        "Quantity": float(one.quantity),
        "Price": float(one.price),
        "Worth": round(float(one.worth), 2),
        "Made": None if one.realised is None else round(float(one.realised), 2),
        "How": one.how,
    }


def _by_owner(found: Sequence[Trade], names: Names) -> pd.DataFrame:
    rows = [
        {
            "Owner": names[book],
            "Made": round(float(one.realised), 2),
            "Won": f"{one.won} of {one.closed}",
            "Bought": round(float(one.bought), 2),
            "Sold": round(float(one.sold), 2),
        }
        for book, one in sold_by(found).items()
    ]
    return pd.DataFrame(rows).sort_values("Made", ascending=False)
