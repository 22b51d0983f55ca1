"""What was held over time: weights, positions with their entries and exits, how long each was."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.charts.performance import allocation_chart
from app.charts.spells import MOST_SYMBOLS, spells_chart
from app.components.downloads import csv_button
from app.theme import palette
from core import export
from core.backtest.holdings import Spell, changes_of, spells_of
from core.backtest.result import Result

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
PERCENT = st.column_config.NumberColumn(format="percent")
PRICE = st.column_config.NumberColumn(format="%.4f")


@st.fragment
def holdings_view(key: str, result: Result) -> None:
    """The weights decided, now and over time, and every position there was."""
    colours = palette(st.context.theme.type)
    figure = allocation_chart(result.sessions, result.weights, result.symbols, colours)
    st.plotly_chart(figure, key=f"{key}_allocation", config=CHART, theme=None)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        _now(result)
    spells = spells_of(result)
    with right:
        _by_symbol(result, spells)
    if spells:
        _positions(key, result, spells)
    _weights(key, result)


def _now(result: Result) -> None:
    st.markdown(f"**Decided on {result.end}**")
    weights = sorted(result.final_weights.items(), key=lambda item: -item[1])
    cash = 1 - sum(result.final_weights.values())
    rows = weights + ([("Cash", cash)] if abs(cash) > 1e-9 else [])
    st.dataframe(
        pd.DataFrame(rows, columns=["Symbol", "Weight"]), hide_index=True,
        column_config={"Weight": PERCENT},
    )  # fmt: skip


def _by_symbol(result: Result, spells: tuple[Spell, ...]) -> None:
    st.markdown("**How long each was held**")
    rows = []
    for symbol in result.symbols:
        mine = [s.sessions for s in spells if s.symbol == symbol]
        if mine:
            rows.append(
                {
                    "Symbol": symbol,
                    "Positions": len(mine),
                    "Share of time": sum(mine) / max(len(result.sessions) - 1, 1),
                    "Sessions, mean": sum(mine) / len(mine),
                    "Sessions, longest": max(mine),
                }
            )
    if not rows:
        st.info("Nothing was ever held.", icon=":material/info:")
        return
    frame = pd.DataFrame(rows).sort_values("Share of time", ascending=False)
    st.dataframe(
        frame, hide_index=True, height="content" if len(frame) < 9 else 320,
        column_config={
            "Share of time": PERCENT,
            "Sessions, mean": st.column_config.NumberColumn(format="%.1f"),
        },
    )  # fmt: skip


def _positions(key: str, result: Result, spells: tuple[Spell, ...]) -> None:
    st.markdown("**Positions, from entry to exit**")
    figure = spells_chart(result, spells, palette(st.context.theme.type))
    st.plotly_chart(figure, key=f"{key}_spells", config=CHART, theme=None)
    held = len({spell.symbol for spell in spells})
    if held > MOST_SYMBOLS:
        st.caption(f"The {MOST_SYMBOLS} symbols held longest of {held}; the table has all.")
    header, rows = export.positions(result)
    frame = pd.DataFrame(rows, columns=[_heading(str(name)) for name in header])
    st.dataframe(
        frame.iloc[::-1], hide_index=True, height="content" if len(frame) < 9 else 400,
        lazy=len(frame) > 20_000 or None, placeholder="",
        column_config={"Bought": PRICE, "Sold": PRICE, "Price return": PERCENT,
                       "Largest weight": PERCENT,
                       "Left": st.column_config.DateColumn(help="Empty: still held.")},
    )  # fmt: skip
    csv_button(key, "Positions", result.flow.name, lambda: export.positions(result))


def _weights(key: str, result: Result) -> None:
    st.markdown("**Weights over time**")
    changed = st.toggle(
        "Only sessions that changed the weights", value=True, key=f"{key}_changed",
        persist_state="session",
    )  # fmt: skip
    rows = changes_of(result) if changed else range(len(result.sessions))
    frame = pd.DataFrame(result.weights[rows], columns=list(result.symbols))
    frame.insert(0, "Date", result.sessions[rows])
    frame["Cash"] = 1 - result.weights[rows].sum(axis=1)
    shown = dict.fromkeys((*result.symbols, "Cash"), PERCENT)
    st.dataframe(
        frame.iloc[::-1], hide_index=True, height="content" if len(frame) < 9 else 400,
        lazy=len(frame) > 20_000 or None,
        column_config={**shown, "Date": st.column_config.DateColumn(format="YYYY-MM-DD")},
    )  # fmt: skip
    csv_button(key, "Holdings", result.flow.name, lambda: export.holdings(result))


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()
