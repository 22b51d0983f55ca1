"""The equity of an account over time, its strategies beside it, its drawdown below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.frame import style
from app.charts.performance import drawdown
from app.theme import Palette, series_colours, translucent
from core.market.bars import Float

When = Sequence[date] | Sequence[datetime]
LEGEND_LINES = 12
"""More lines than this have no legend: it would hide the chart. Their names show on hover."""


def live_equity_chart(
    when: When,
    equity: Float,
    growth: Float,
    colours: Palette,
    *,
    currency: str,
    lines: Mapping[str, tuple[When, Float]] | None = None,
    limit: float | None = None,
) -> go.Figure:
    """Equity in money above (with ``lines``: growth of each strategy, in percent instead), the
    drawdown of ``growth`` below, shaded; ``limit`` is the drawdown that halts the account."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.05
    )
    if lines:
        colour = series_colours(tuple(lines), colours)
        for name, (days, values) in lines.items():
            figure.add_scatter(
                x=list(days), y=values / values[0] - 1.0, name=name, mode="lines",
                line={"color": colour[name], "width": 1}, row=1, col=1,
                hovertemplate="%{y:.2%}", showlegend=len(lines) <= LEGEND_LINES,
            )  # fmt: skip
    shown = growth / growth[0] - 1.0 if lines else equity
    figure.add_scatter(
        x=list(when), y=shown, name="Account", mode="lines",
        line={"color": colours.strategy, "width": 2.2}, row=1, col=1,
        hovertemplate="%{y:.2%}" if lines else f"%{{y:,.2f}} {currency}", showlegend=bool(lines),
    )  # fmt: skip
    fall = drawdown(growth)
    figure.add_scatter(
        x=list(when), y=fall, name="Drawdown", mode="lines", fill="tozeroy",
        line={"color": colours.loss, "width": 1}, fillcolor=translucent(colours.loss, 0.22),
        hovertemplate="%{y:.2%}", showlegend=False, row=2, col=1,
    )  # fmt: skip
    deepest = float(fall.min()) if len(fall) else 0.0
    if limit is not None and -deepest > limit / 2:
        # Far from it the line would only squeeze what is to be read.
        figure.add_hline(
            y=-limit, line={"color": colours.loss, "width": 1, "dash": "dash"}, row=2, col=1
        )
    style(figure, colours, height=380)
    figure.update_layout(
        hovermode="closest" if lines and len(lines) > LEGEND_LINES else "x unified"
    )
    figure.update_yaxes(tickformat=".1%" if lines else ",.0f", row=1, col=1)
    figure.update_yaxes(tickformat=".1%", range=[min(deepest * 1.15, -0.005), 0], row=2, col=1)
    return figure


def growth_chart(
    lines: Mapping[str, tuple[When, Float]], colours: Palette, *, height: int = 340
) -> go.Figure:
    """Growth of one unit of a few lines, the first as the strategy and the second beside it."""
    figure = go.Figure()
    kinds = (colours.strategy, colours.series[1], colours.benchmark)
    for (name, (days, values)), colour in zip(lines.items(), kinds, strict=False):
        figure.add_scatter(
            x=list(days), y=np.asarray(values) - 1.0, name=name, mode="lines",
            line={"color": colour, "width": 2}, hovertemplate="%{y:.2%}",
        )  # fmt: skip
    style(figure, colours, height=height)
    figure.update_yaxes(tickformat=".1%")
    return figure
