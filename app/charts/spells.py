"""Positions over time: a bar from purchase to sale, a row a symbol."""

from __future__ import annotations

import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, series_colours
from core.backtest.holdings import Spell
from core.backtest.result import Result

MOST_SYMBOLS, ROW_PIXELS = 30, 26


def spells_chart(result: Result, spells: tuple[Spell, ...], colours: Palette) -> go.Figure:
    """The symbols held longest, each position as a bar; they stop where it was left."""
    held = dict.fromkeys(result.symbols, 0)
    for spell in spells:
        held[spell.symbol] += spell.sessions
    order = [s for s in sorted(held, key=lambda s: -held[s]) if held[s] > 0][:MOST_SYMBOLS]
    colour = series_colours(result.symbols, colours)
    figure = frame(colours, height=70 + ROW_PIXELS * max(len(order), 2))
    days = result.sessions
    for row, symbol in enumerate(order):
        x, text = [], []
        for spell in (s for s in spells if s.symbol == symbol):
            start, end = days[spell.entered], days[spell.entered + spell.sessions]
            told = f"{symbol}: {start} to {end if spell.left is not None else 'now'}"
            x += [start, end, None]
            text += [f"{told}, {spell.sessions:,} sessions"] * 2 + [""]
        figure.add_scatter(
            x=x, y=[row] * len(x), mode="lines", name=symbol, showlegend=False, text=text,
            line={"color": colour[symbol], "width": 11}, hovertemplate="%{text}<extra></extra>",
            connectgaps=False,
        )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(order))), ticktext=order, showgrid=False,
        zeroline=False, range=[len(order) - 0.4, -0.6],
    )  # fmt: skip
    figure.update_xaxes(range=[days[0], days[-1]])
    return figure
