"""What the money of an account is in at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, series_colours

MOST_BARS = 25


def allocation_now_chart(
    worth: Mapping[str, Decimal], cash: Decimal, colours: Palette
) -> go.Figure:
    """A bar for each name, the largest on top, and one for cash; what is beyond is one bar."""
    total = float(sum(worth.values(), cash)) or 1.0
    ordered = sorted(worth.items(), key=lambda item: -abs(item[1]))
    shown, rest = ordered[:MOST_BARS], ordered[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} more", sum((value for _, value in rest), Decimal(0))))
    if cash:
        shown.append(("Cash", cash))
    names = [name for name, _ in shown]
    colour = series_colours(tuple(names), colours)
    shares = [float(value) / total for _, value in shown]
    figure = frame(colours, height=max(140, 60 + 26 * len(shown)), barmode="relative")
    figure.add_bar(
        x=shares, y=names, orientation="h", text=[f"{share:.1%}" for share in shares],
        marker={"color": [colours.line if n == "Cash" else colour[n] for n in names]},
        textposition="outside", cliponaxis=False, customdata=[float(value) for _, value in shown],
        hovertemplate="%{y}: %{customdata:,.2f} (%{x:.1%})<extra></extra>",
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(tickformat=".0%", range=[min(0.0, *shares) * 1.1, max(shares) * 1.15])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
