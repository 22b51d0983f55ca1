"""The backtests page: results as they were saved."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.components.age import age
from app.components.backtest_result import backtest_result
from app.components.plain import plain
from app.resources import services
from core.library.backtests import BacktestSummary
from core.library.results import from_saved

PAGE_ROWS = 50
PERCENT = st.column_config.NumberColumn(format="percent")
RATIO = st.column_config.NumberColumn(format="%.2f")


def backtests_view() -> None:
    """A table, newest first; the row chosen is shown below it."""
    total = services().backtests.count(services().user.id)
    if not total:
        st.info(
            "No backtest is saved yet. Open a strategy in the library and press "
            "**Run backtest**: every result is kept here.",
            icon=":material/history:",
        )
        return
    page = 1
    if total > PAGE_ROWS:
        page = st.pagination(-(-total // PAGE_ROWS), key="backtests_page")
    rows = services().backtests.recent(
        services().user.id, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
    )
    days = services().settings.backtest_retention_days
    st.caption(f"{total:,} saved, newest first; kept for {days} days, pinned ones for ever.")
    table = _table(rows)
    event = st.dataframe(
        table, hide_index=True, key=f"backtests_{page}", on_select="rerun",
        selection_mode="single-row", height=min(36 * (len(rows) + 1) + 4, 320),
        column_config={"CAGR": PERCENT, "Max drawdown": PERCENT, "Sharpe": RATIO,
                       "Total return": PERCENT},
    )  # fmt: skip
    st.download_button(
        "CSV", lambda: table.to_csv(index=False), "backtests.csv", "text/csv",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    chosen = event["selection"]["rows"]
    if not chosen:
        st.caption("Choose a row to see its result.")
        return
    _show(rows[chosen[0]])


def _table(rows: list[BacktestSummary]) -> pd.DataFrame:
    now = services().clock()
    return pd.DataFrame(
        {
            "Strategy": row.flow_name,
            "Version": row.version,
            "Source": row.provenance["source"],
            "Total return": row.metrics.get("total_return"),
            "CAGR": row.metrics.get("cagr"),
            "Sharpe": row.metrics.get("sharpe"),
            "Max drawdown": row.metrics.get("max_drawdown"),
            "Saved": age(row.finished_at, now),
            "Pinned": row.pinned,
        }
        for row in rows
    )


def _show(row: BacktestSummary) -> None:
    user, now = services().user.id, services().clock()
    saved = services().backtests.get(user, row.id)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader(plain(row.flow_name), anchor=False)
        st.space("stretch")
        st.button(
            "Unpin" if row.pinned else "Pin", icon=":material/push_pin:",
            help="A pinned result is kept whatever its age.",
            on_click=services().backtests.pin, args=(user, row.id),
            kwargs={"pinned": not row.pinned},
        )  # fmt: skip
        st.button(
            "Delete", icon=":material/delete:", on_click=services().backtests.delete,
            args=(user, row.id),
        )  # fmt: skip
    backtest_result(
        f"saved_{row.id}", from_saved(saved), now=now, ran=f"saved {age(row.finished_at, now)}"
    )
