"""Equity against its benchmark with the drawdown below, and where the capital stood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.frame import frame, style
from app.theme import Palette, series_colours, translucent
from core.calendar import Sessions
from core.market.bars import Float

MAX_BANDS = 12
"""Symbols drawn by themselves in the allocation chart; the rest are one band."""


def performance_chart(
    sessions: Sessions,
    equity: Float,
    capital: float,
    colours: Palette,
    *,
    name: str,
    benchmark: tuple[str, Float] | None = None,
    logarithmic: bool = False,
) -> go.Figure:
    """Equity [T] (1 at the start) in money above, drawdown below, on one time axis."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.04
    )
    lines = [] if benchmark is None else [(*benchmark, colours.benchmark, 1.4)]
    lines.append((name, equity, colours.strategy, 2.0))
    for label, values, colour, width in lines:
        line = {"color": colour, "width": width}
        figure.add_scatter(
            x=sessions, y=values * capital, name=label, line=line, legendgroup=label,
            hovertemplate="%{y:,.0f}", row=1, col=1,
        )  # fmt: skip
        figure.add_scatter(
            x=sessions, y=drawdown(values), name=label, line={"color": colour, "width": 1},
            legendgroup=label, showlegend=False, hovertemplate="%{y:.1%}",
            fill="tozeroy" if values is equity else None,
            fillcolor=translucent(colour, 0.22), row=2, col=1,
        )  # fmt: skip
    style(figure, colours, height=460)
    figure.update_yaxes(type="log" if logarithmic else "linear", title="Equity", row=1, col=1)
    figure.update_yaxes(tickformat=".0%", title="Drawdown", row=2, col=1)
    return figure


def drawdown(equity: Float) -> Float:
    """How far below its highest value so far equity stands, as a negative fraction."""
    peak = np.maximum.accumulate(equity)
    fall: Float = np.divide(equity, peak, out=np.ones_like(equity), where=peak > 0) - 1.0
    return fall


def allocation_chart(
    sessions: Sessions, held: Float, symbols: Sequence[str], colours: Palette
) -> go.Figure:
    """Weights [T, N] at the end of each session as bands; what they leave over is cash."""
    figure = frame(colours, height=340)
    mean = held.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    shown = [int(i) for i in order[:MAX_BANDS] if mean[i] > 0]
    rest = [int(i) for i in order[MAX_BANDS:] if mean[i] > 0]
    colour = series_colours(tuple(symbols), colours)
    bands = [(symbols[i], held[:, i], colour[symbols[i]]) for i in shown]
    if rest:
        bands.append((f"{len(rest)} more", held[:, rest].sum(axis=1), colours.muted))
    cash = 1.0 - held.sum(axis=1)
    if (cash > 1e-9).any():
        bands.append(("Cash", np.maximum(cash, 0.0), colours.line))
    for label, values, band in bands:
        figure.add_scatter(
            x=sessions, y=values, name=label, stackgroup="held", mode="lines",
            line={"width": 0, "shape": "hv", "color": band}, fillcolor=band,
            hovertemplate="%{y:.1%}",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
