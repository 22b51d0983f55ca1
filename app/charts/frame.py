"""The frame every chart stands in: fonts, grid, hover and colours of the palette."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from app.theme import Palette


def frame(colours: Palette, *, height: int, **layout: Any) -> go.Figure:
    """An empty figure in the app's look, ``height`` pixels high."""
    figure = go.Figure()
    style(figure, colours, height=height, **layout)
    return figure


def style(figure: go.Figure, colours: Palette, *, height: int, **layout: Any) -> None:
    """Give an existing figure the app's look."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 28},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours.text, "size": 12},
        hovermode="x unified",
        hoverlabel={
            "bgcolor": colours.raised,
            "bordercolor": colours.line,
            "font": {"color": colours.text},
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        **layout,
    )
    axis = {"gridcolor": colours.line, "zerolinecolor": colours.line, "linecolor": colours.line}
    figure.update_xaxes(showgrid=False, automargin=True, **axis)
    figure.update_yaxes(automargin=True, **axis)
