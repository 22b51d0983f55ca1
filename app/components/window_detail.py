"""One trade window: its steps, what each strategy decided and why, its orders and their fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pandas as pd
import streamlit as st

from app.account_reading import Names, read_names
from app.components.live_trace import trace_table
from app.components.plain import plain
from app.resources import services
from app.theme import DECISIONS, ORDERS, WINDOWS
from core.portfolio.records import DecisionRecord, OrderRecord, Window

REFRESH_SECONDS = 3
TABLE_EPOCH = "windows_epoch"
BPS = st.column_config.NumberColumn(format="%.1f", help="Worse than the mark, in basis points.")


def window_detail(window_id: UUID) -> None:
    """Everything of it; polled only while it is under way."""
    window = services().windows.by_id(window_id)
    if window.finished_at is None:
        _polled(window_id)
    else:
        _shown(window_id)


@st.fragment(run_every=REFRESH_SECONDS)
def _polled(window_id: UUID) -> None:
    _draw(window_id)


@st.fragment
def _shown(window_id: UUID) -> None:
    _draw(window_id)


def _draw(window_id: UUID) -> None:
    window = services().windows.by_id(window_id)
    names = read_names(services().accounts.by_id(window.account_id))
    style = WINDOWS[window.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(f"Window of {window.session}", anchor=False, width="content")
        st.badge(style.label, icon=f":material/{style.icon}:", color=style.colour)
        st.space("stretch")
        if st.button("Close", icon=":material/close:", key="window_close"):
            st.query_params.pop("window", None)
            # Another table: the row chosen in this one would open it again.
            st.session_state[TABLE_EPOCH] = st.session_state.get(TABLE_EPOCH, 0) + 1
            st.rerun(scope="app")
    if window.error:
        st.error(plain(window.error), icon=":material/error:")
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _timeline(window)
    with right:
        _reading(window.reading)
    _decisions(window, names)
    _orders(window)


def _timeline(window: Window) -> None:
    st.markdown("**Timeline**")
    rows = steps(window)
    st.dataframe(
        pd.DataFrame(rows, columns=["At", "Step", "Detail", "Took"]), hide_index=True,
        placeholder="", height="content" if len(rows) < 12 else 420,
        column_config={"At": st.column_config.TextColumn("At (UTC)")},
    )  # fmt: skip


def steps(window: Window) -> list[dict[str, str]]:
    """What happened when, each with how long it took until what came next."""
    marks: list[tuple[datetime, int, str, str]] = [(window.due_at, 0, "due", "")]
    if window.claimed_at is not None:
        marks.append((window.claimed_at, 1, "claimed", window.host))
    for one in window.timeline:
        # Instants may be equal: orders are sent after they were recorded.
        place = 4 if one["step"].startswith("sending") else 2
        marks.append((datetime.fromisoformat(one["at"]), place, one["step"], one.get("detail", "")))
    if window.planned_at is not None:
        marks.append((window.planned_at, 3, "recorded", "before anything was sent"))
    if window.finished_at is not None:
        marks.append((window.finished_at, 5, window.state, ""))
    marks.sort(key=lambda mark: mark[:2])
    ends = [mark[0] for mark in marks[1:]]
    took = [
        f"{(end - at).total_seconds():.2f} s" for (at, *_), end in zip(marks, ends, strict=False)
    ]
    return [
        {"At": f"{at:%H:%M:%S.%f}"[:-3], "Step": step, "Detail": detail, "Took": lasted}
        for (at, _, step, detail), lasted in zip(marks, [*took, ""], strict=True)
    ]


def _reading(reading: Mapping[str, Any]) -> None:
    st.markdown("**What it read**")
    if not reading:
        st.caption("Nothing was read.")
        return
    quotes = reading.get("quotes", {})
    oldest = max((quote["age_seconds"] for quote in quotes.values()), default=0.0)
    said = [
        f"equity {float(reading['equity']):,.2f}, cash {float(reading['cash']):,.2f}",
        f"{len(quotes)} quotes, the oldest {oldest:.0f} s old",
    ]
    if reading.get("stale"):
        said.append(f"too old: {', '.join(sorted(reading['stale']))}")
    if reading.get("in_flight"):
        said.append(f"with an open order: {', '.join(reading['in_flight'])}")
    if reading.get("stopped"):
        said.append(f"not traded, books and broker differ: {', '.join(reading['stopped'])}")
    st.caption(plain(" · ".join(said)))
    rows = [
        {"Symbol": s, "Price": float(q["price"]), "Age (s)": q["age_seconds"], "Feed": q["feed"]}
        for s, q in quotes.items()
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Symbol", "Price", "Age (s)", "Feed"]), hide_index=True,
        height="content" if len(rows) < 8 else 300,
        column_config={"Price": st.column_config.NumberColumn(format="%.4f")},
    )  # fmt: skip


# -- decisions -----------------------------------------------------------------------------------


def weights_text(weights: Mapping[str, float] | None) -> str:
    """The largest first; what is left over is cash."""
    if weights is None:
        return ""
    parts = [f"{s} {w:.1%}" for s, w in sorted(weights.items(), key=lambda kv: -kv[1])]
    cash = 1 - sum(weights.values())
    if abs(cash) > 1e-6:
        parts.append(f"cash {cash:.1%}")
    return " · ".join(parts)


def _decisions(window: Window, names: Names) -> None:
    found = services().windows.decisions(window.id)
    st.markdown("**Decisions**")
    if not found:
        st.caption("No strategy decided in it.")
        return
    found = tuple(sorted(found, key=lambda one: names[str(one.deployment_id)]))
    colours = {style.label: style.colour for style in DECISIONS.values()}
    picked = st.dataframe(
        pd.DataFrame([_decision(one, names) for one in found]), hide_index=True, placeholder="–",
        on_select="rerun", selection_mode="single-row", key=f"decisions_{window.id}",
        height="content" if len(found) < 9 else 340,
        column_config={
            "State": st.column_config.MultiselectColumn(
                options=list(colours), color=list(colours.values()), width="small"
            ),
            "Equity": st.column_config.NumberColumn(format="accounting"),
            "Weights": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    rows = picked["selection"]["rows"]
    if not rows:
        st.caption("Choose a row to see the path its flow took and how far each gate was from "
                   "flipping.")  # fmt: skip
        return
    one = services().windows.decision(window.id, found[rows[0]].deployment_id)
    if one is None or one.trace is None:
        st.caption("No path was recorded: it did not decide.")
        return
    st.markdown(f"**Path of {plain(names[str(one.deployment_id)])}**")
    trace_table(one.trace, key=f"trace_{window.id}_{one.deployment_id}")


def _decision(one: DecisionRecord, names: Names) -> dict[str, object]:
    return {
        "Strategy": names[str(one.deployment_id)],
        "State": [DECISIONS[one.state].label],
        "Weights": weights_text(one.weights),
        "Reason": one.reason,
        "Equity": None if one.equity is None else round(float(one.equity), 2),
        "Version": one.version,
    }


# -- orders --------------------------------------------------------------------------------------


def _orders(window: Window) -> None:
    found = services().orders.of_window(window.id)
    sent = [one for one in found if one.state != "refused"]
    refused = [one for one in found if one.state == "refused"]
    st.markdown("**Orders**")
    if not sent:
        st.caption("None was sent." if window.finished_at else "None yet.")
    else:
        _table([_order(one) for one in sent])
        _costs(sent)
    if refused:
        st.markdown("**Refused, never sent**")
        _table([_refusal(one) for one in refused])


def _table(rows: Sequence[Mapping[str, object]]) -> None:
    colours = {style.label: style.colour for style in ORDERS.values()}
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, placeholder="–",
        height="content" if len(rows) < 12 else 440,
        column_config={
            "State": st.column_config.MultiselectColumn(
                options=list(colours), color=list(colours.values()), width="small"
            ),
            "Quantity": st.column_config.NumberColumn(format="%.6g"),
            "Filled": st.column_config.NumberColumn(format="%.6g"),
            "Mark": st.column_config.NumberColumn(format="%.4f"),
            "Price": st.column_config.NumberColumn(format="%.4f"),
            "Worth": st.column_config.NumberColumn(format="accounting"),
            "Slippage (bps)": BPS,
            "Latency (s)": st.column_config.NumberColumn(
                format="%.2f", help="From sending to its last state."
            ),
        },
    )  # fmt: skip


def _order(one: OrderRecord) -> dict[str, object]:
    price = one.average_price
    return {
        "Side": one.side,
        "Symbol": one.symbol,
        "State": [ORDERS[one.state].label],
        "Quantity": float(one.quantity),
        "Mark": float(one.price),
        "Filled": float(one.filled_quantity),
        "Price": None if price is None else float(price),
        "Worth": round(float(one.filled_cash), 2),
        "Slippage (bps)": one.slippage_bps,
        "Latency (s)": one.latency_seconds,
        "Reason": one.reason,
        "Order id": one.client_order_id,
    }


def _refusal(one: OrderRecord) -> dict[str, object]:
    return {
        "Side": one.side,
        "Symbol": one.symbol,
        "Rule": one.status.replace("_", " "),
        "Reason": one.reason,
        "Quantity": float(one.quantity),
        "Mark": float(one.price),
        "Worth": round(float(one.notional), 2),
    }


def _costs(sent: Sequence[OrderRecord]) -> None:
    """What trading cost against the marks, in money."""
    traded = sum(abs(float(one.filled_cash)) for one in sent)
    lost = sum(
        (one.slippage_bps or 0.0) / 1e4 * float(one.filled_quantity * one.price) for one in sent
    )
    if traded:
        st.caption(
            f"Traded {traded:,.2f}; fills were {lost:,.2f} worse than the marks "
            f"({lost / traded * 1e4:.1f} bps)."
        )
