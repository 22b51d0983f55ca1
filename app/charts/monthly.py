"""Monthly returns as a table of colours."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, translucent
from core.market.bars import Float
from core.metrics.periods import MonthlyReturns

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROW_PIXELS = 26
STRONGEST = 0.6
"""Of a cell's colour: text on it stays readable in both modes."""


def monthly_chart(table: MonthlyReturns, colours: Palette) -> go.Figure:
    """Years down, months across, the year's total last; newest year on top."""
    values = np.column_stack([table.months, table.totals])[::-1]
    years = [str(year) for year in table.years][::-1]
    figure = frame(colours, height=60 + ROW_PIXELS * len(years))
    scaled = np.column_stack([_scaled(table.months), _scaled(table.totals[:, None])])[::-1]
    text = [["" if np.isnan(v) else f"{v:.1%}" for v in row] for row in values]
    figure.add_heatmap(
        x=[*MONTHS, "Year"], y=years, z=scaled, text=text,
        texttemplate="%{text}", showscale=False, xgap=1, ygap=1, zmin=-1, zmax=1,
        colorscale=[
            [0, translucent(colours.loss, STRONGEST)],
            [0.5, translucent(colours.raised, 1)],
            [1, translucent(colours.gain, STRONGEST)],
        ],
        textfont={"color": colours.text},
        hovertemplate="%{x} %{y}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(side="top")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _scaled(values: Float) -> Float:
    """Returns as -1 to 1: one in twenty is as strong as colours get."""
    limit = max(float(np.nanpercentile(np.abs(values), 95)), 0.01)
    bounded: Float = np.clip(values / limit, -1, 1)
    return bounded
