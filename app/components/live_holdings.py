"""What the account holds: by strategy and in total, what it cost, and that it is the broker's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import pandas as pd
import streamlit as st

from app.account_reading import Names, read_marks, read_names
from app.charts.allocation_now import allocation_now_chart
from app.components.age import age
from app.components.downloads import export_link
from app.components.plain import plain
from app.components.problems import show_error
from app.resources import services
from app.theme import palette
from core.accounts.account import Account
from core.errors import SluiceError
from core.portfolio.holdings import Agreement, Holding, agreement, holdings
from core.portfolio.ledger import EXTERNAL, OTHER_SIDES, ZERO, Balances

MOST_NAMED = 5
"""Owners and assets that are named where books and broker differ; the table has all."""
_ASKED = "dash_broker_asked"
MONEY = st.column_config.NumberColumn(format="accounting")
PRICE = st.column_config.NumberColumn(format="%.4f")


def holdings_view(account: Account) -> None:
    """The proof on top, then what each strategy holds."""
    _proof(account)
    _holdings(account)


# -- the proof -----------------------------------------------------------------------------------


def _proof(account: Account) -> None:
    """Books against the broker; asked again only by a click, else as last reconciled."""
    balances = services().ledger.balances(account.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Books against the broker**", width="content")
        asked = st.button(
            "Compare now", icon=":material/fact_check:", key="dash_compare",
            help="Asks the broker and changes nothing.",
        )  # fmt: skip
    if asked:
        try:
            st.session_state[_ASKED] = (account.id, balances, _ask(account), services().clock())
        except SluiceError as err:
            show_error(err)
    broker, when = _last_asked(account, balances)
    if when is None:
        st.info("Not compared yet: the first window does.", icon=":material/fact_check:")
        return
    rows = agreement(balances, broker, account.differences)
    _verdict(account, rows, age(when, services().clock()), balances)
    st.dataframe(
        pd.DataFrame([_agreement(row) for row in rows]), hide_index=True, placeholder="",
        height="content" if len(rows) < 9 else 320, key="dash_proof",
    )  # fmt: skip
    export_link(account, "Proof")


def _last_asked(
    account: Account, balances: Balances
) -> tuple[dict[str, Decimal] | None, datetime | None]:
    """What the broker said to a click, while it is the newest and the books are still the same;
    else None and when it was last reconciled."""
    kept = st.session_state.get(_ASKED)
    if kept is not None and kept[:2] == (account.id, balances):
        broker, when = kept[2:]
        if account.reconciled_at is None or when > account.reconciled_at:
            return broker, when
    return None, account.reconciled_at


def _ask(account: Account) -> dict[str, Decimal]:
    with closing(services().broker(account, hasty=True)) as broker:
        held = {one.symbol: one.quantity for one in broker.positions()}
        return {**held, account.currency: broker.account().cash}


def _verdict(account: Account, rows: Sequence[Agreement], when: str, balances: Balances) -> None:
    apart = [row for row in rows if row.difference]
    if not apart:
        st.success(
            f"All {len(rows)} agree to the last decimal: what the strategies, the reserve and "
            f"external positions have together is what the broker has. Compared {when}.",
            icon=":material/verified:",
        )
        return
    names = read_names(account)
    lines = []
    for row in apart[:MOST_NAMED]:
        owned_by = [
            f"{plain(names[book])} {held[row.asset].normalize():f}"
            for book, held in sorted(balances.items())
            if book not in OTHER_SIDES and held.get(row.asset)
        ]
        owners = ", ".join(owned_by[:MOST_NAMED])
        if len(owned_by) > MOST_NAMED:
            owners += f" and {len(owned_by) - MOST_NAMED} more"
        less = "less" if row.difference < 0 else "more"
        lines.append(
            f"- **{plain(row.asset)}**: the broker has {abs(row.difference).normalize():f} {less} "
            f"than the books ({owners or 'none'})."
        )
    if len(apart) > MOST_NAMED:
        lines.append(f"- {len(apart) - MOST_NAMED} more, in the table")
    st.error(
        f"{len(apart)} of {len(rows)} differ, compared {when}. They are not traded until they "
        "agree: take back what was traded by hand, or wait for an open order to end.\n\n"
        + "\n".join(lines),
        icon=":material/error:",
    )


def _agreement(row: Agreement) -> dict[str, str]:
    # As text: a number of the table would round the last decimals, which are the point.
    return {
        "Asset": row.asset,
        "Strategies and reserve": _exact(row.strategies),
        "External": _exact(row.external) if row.external else "",
        "Books": _exact(row.books),
        "Broker": _exact(row.broker),
        "Difference": _exact(row.difference) if row.difference else "0",
        "": "✗ differs" if row.difference else "✓ equal",
    }


def _exact(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"


# -- what is held --------------------------------------------------------------------------------


def _holdings(account: Account) -> None:
    names, found = read_holdings(account)
    st.markdown("**Holdings**")
    if not found:
        st.info("Nothing is held.", icon=":material/donut_small:")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        owners = sorted({names[one.book] for one in found})
        chosen = st.selectbox(
            "Owner", ["Everybody together", "Each strategy", *owners], key="dash_owner",
            label_visibility="collapsed", width=260, persist_state="session",
        )  # fmt: skip
        show_lots = st.toggle("Lots", key="dash_lots", persist_state="session",
                              help="What each purchase has left, oldest first.")  # fmt: skip
    if chosen not in ("Everybody together", "Each strategy"):
        found = tuple(one for one in found if names[one.book] == chosen)
    if show_lots:
        frame = _lots(found, names)
    elif chosen == "Everybody together":
        frame = _together(found)
    else:
        frame = pd.DataFrame([_holding(one, names) for one in found])
    st.dataframe(
        frame, hide_index=True, placeholder="–", height="content" if len(frame) < 12 else 440,
        key=f"dash_holdings_{show_lots}",
        column_config={"Price": PRICE, "Cost": MONEY, "Worth": MONEY, "Gain": MONEY,
                       "Quantity": st.column_config.NumberColumn(format="%.6g"),
                       "Paid": PRICE,
                       "Opened": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
    )  # fmt: skip
    marked = [one.mark.at for one in found if one.mark]
    if marked:
        now = services().clock()
        st.caption(f"Prices are the newest known, {age(min(marked), now)}; gains are not realised.")
    with st.container(horizontal=True, gap="small"):
        export_link(account, "Holdings")
        export_link(account, "Lots")


def read_holdings(account: Account) -> tuple[Names, tuple[Holding, ...]]:
    """What every book holds, at the newest prices known."""
    balances = services().ledger.balances(account.id)
    lots = services().ledger.lots(account.id)
    marks = read_marks(account, balances)
    return read_names(account), holdings(balances, lots, marks, account.currency)


def _holding(one: Holding, names: Names) -> dict[str, object]:
    return {
        "Owner": names[one.book] + (" (never sold)" if one.book == EXTERNAL else ""),
        "Symbol": one.symbol,
        "Quantity": float(one.quantity),
        "Price": _number(one.mark.price if one.mark else None),
        "Worth": _money(one.worth),
        "Cost": _money(one.cost) if one.lots else None,
        "Gain": _money(one.gain),
    }


def _together(found: Sequence[Holding]) -> pd.DataFrame:
    by_symbol: dict[str, list[Holding]] = {}
    for one in found:
        by_symbol.setdefault(one.symbol, []).append(one)
    rows = []
    for symbol, some in sorted(by_symbol.items()):
        worths = [one.worth for one in some]
        gains = [one.gain for one in some]
        rows.append(
            {
                "Symbol": symbol,
                "Quantity": float(sum((one.quantity for one in some), ZERO)),
                "Price": _number(some[0].mark.price if some[0].mark else None),
                "Worth": _money(_sum(worths)),
                "Cost": _money(sum((one.cost for one in some), ZERO)),
                "Gain": _money(_sum(gains)),
                "Owners": len(some),
            }
        )
    return pd.DataFrame(rows)


def _lots(found: Sequence[Holding], names: Names) -> pd.DataFrame:
    rows = [
        {
            "Owner": names[one.book],
            "Symbol": one.symbol,
            "Opened": lot.opened_at,
            "Quantity": float(lot.quantity),
            "Paid": float(lot.price),
            "Price": _number(one.mark.price if one.mark else None),
            "Cost": _money(lot.quantity * lot.price),
            "Gain": _money(lot.quantity * (one.mark.price - lot.price) if one.mark else None),
        }
        for one in found
        for lot in one.lots
    ]
    columns = ["Owner", "Symbol", "Opened", "Quantity", "Paid", "Price", "Cost", "Gain"]
    return pd.DataFrame(rows, columns=columns)


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if known else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _money(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)


# -- allocation ----------------------------------------------------------------------------------


def allocation_view(account: Account) -> None:
    """What the money is in, by symbol or by strategy."""
    by = st.segmented_control(
        "By", ["Symbol", "Strategy"], default="Symbol", required=True, key="dash_by",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    names, found = read_holdings(account)
    balances = services().ledger.balances(account.id)
    worth: dict[str, Decimal] = {}
    for one in found:
        name = one.symbol if by == "Symbol" else names[one.book]
        worth[name] = worth.get(name, ZERO) + (one.worth or one.cost)
    cash = _cash(balances, account.currency)
    if not worth and not cash:
        st.info("The account holds nothing.", icon=":material/pie_chart:")
        return
    figure = allocation_now_chart(worth, cash, palette(st.context.theme.type))
    st.plotly_chart(figure, key="dash_allocation", config={"displaylogo": False}, theme=None)


def _cash(balances: Balances, currency: str) -> Decimal:
    held: Mapping[str, Decimal] = {
        book: one.get(currency, ZERO) for book, one in balances.items() if book not in OTHER_SIDES
    }
    return sum(held.values(), ZERO)
