"""Monthly returns as a table of colours."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette
from core.metrics.periods import MonthlyReturns

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROW_PIXELS = 26


def monthly_chart(table: MonthlyReturns, colours: Palette) -> go.Figure:
    """Years down, months across, the year's total last; newest year on top."""
    values = np.column_stack([table.months, table.totals])[::-1]
    years = [str(year) for year in table.years][::-1]
    figure = frame(colours, height=60 + ROW_PIXELS * len(years))
    limit = max(float(np.nanpercentile(np.abs(table.months), 95)), 0.01)
    text = [["" if np.isnan(v) else f"{v:.1%}" for v in row] for row in values]
    figure.add_heatmap(
        x=[*MONTHS, "Year"], y=years, z=np.clip(values, -limit, limit), text=text,
        texttemplate="%{text}", showscale=False, xgap=1, ygap=1, zmin=-limit, zmax=limit,
        colorscale=[[0, colours.loss], [0.5, colours.raised], [1, colours.gain]],
        hovertemplate="%{x} %{y}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(side="top")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
