"""A matrix of correlations as colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, translucent
from core.market.bars import Float

WITH_NUMBERS = 12
"""Up to so many names the numbers fit into their cells."""


def correlation_chart(names: Sequence[str], values: Float, colours: Palette) -> go.Figure:
    """``values`` [N, N] from -1 to 1; unknown ones stay empty."""
    places = list(range(len(names)))
    scale: list[tuple[float, str]] = [
        (0, translucent(colours.loss, 0.85)),
        (0.5, translucent(colours.raised, 1)),
        (1, translucent(colours.strategy, 0.85)),
    ]
    figure = frame(colours, height=int(min(max(260, 110 + 34 * len(names)), 760)))
    known = np.where(np.isnan(values), None, np.round(values, 2))  # type: ignore[call-overload]
    words = [[f"{a} and {b}" for a in names] for b in names]
    figure.add_heatmap(
        z=known, x=places, y=places, zmin=-1, zmax=1, colorscale=scale, hoverongaps=False,
        text=words, hovertemplate="%{text}: %{z:.2f}<extra></extra>",
        texttemplate="%{z:.2f}" if len(names) <= WITH_NUMBERS else None,
        colorbar={"thickness": 12, "outlinewidth": 0},
    )  # fmt: skip
    short = [name if len(name) <= 22 else f"{name[:21]}…" for name in names]
    ticks = {"tickmode": "array", "tickvals": places, "ticktext": short, "showgrid": False}
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(zeroline=False, tickangle=-40, **ticks)
    figure.update_yaxes(zeroline=False, autorange="reversed", **ticks)
    return figure
