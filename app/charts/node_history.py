"""A block's indicators over time, what they are compared with, and when it held."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.frame import style
from app.theme import Palette, translucent
from core.flow.history import NodeHistory, Panel

MOST_PANELS, MOST_LINES = 6, 8
PANEL_PIXELS, SHARE_PIXELS = 190, 90


def node_history_chart(history: NodeHistory, colours: Palette) -> go.Figure:
    """A panel for each scale, shaded while the block held, and its share of the whole below."""
    panels = history.panels[:MOST_PANELS]
    rows = len(panels) + 1
    heights = [*[PANEL_PIXELS] * len(panels), SHARE_PIXELS]
    figure = make_subplots(
        rows=rows, cols=1, shared_xaxes=True, row_heights=heights,
        vertical_spacing=0.06 / rows, specs=[[{"secondary_y": True}]] * rows,
    )  # fmt: skip
    style(figure, colours, height=sum(heights) + 80)
    colour = _series(colours)
    for row, panel in enumerate(panels, 1):
        _shade(figure, history, colours, row)
        for line in panel.lines[:MOST_LINES]:
            figure.add_scatter(
                x=history.sessions, y=line.values, name=escape(line.text, quote=False),
                line={"color": next(colour), "width": 1.4}, hovertemplate="%{y:,.4g}",
                row=row, col=1,
            )  # fmt: skip
        _levels(figure, history, panel, colours, row)
        figure.update_yaxes(title=panel.title, row=row, col=1, secondary_y=False)
    figure.add_scatter(
        x=history.sessions, y=history.share, name="Share of the whole", row=rows, col=1,
        line={"width": 0, "shape": "hv", "color": colours.strategy}, fill="tozeroy",
        fillcolor=translucent(colours.strategy, 0.45), hovertemplate="%{y:.1%}",
    )  # fmt: skip
    figure.update_yaxes(
        title="Share", tickformat=".0%", range=[0, 1.02], row=rows, col=1, secondary_y=False
    )
    figure.update_layout(margin_r=96 if any(panel.levels for panel in panels) else 8)
    figure.update_xaxes(range=[history.sessions[0], history.sessions[-1]])
    figure.update_yaxes(title_font_size=11, secondary_y=False)
    figure.update_yaxes(
        visible=False, range=[0, 1], fixedrange=True, showgrid=False, secondary_y=True
    )
    return figure


def _series(colours: Palette) -> Iterator[str]:
    """Colours for lines, over and over."""
    while True:
        yield from colours.series


def _shade(figure: go.Figure, history: NodeHistory, colours: Palette, row: int) -> None:
    """The sessions when it held, behind the lines."""
    figure.add_scatter(
        x=history.sessions, y=history.held, name=history.means, showlegend=row == 1,
        legendgroup="held", line={"width": 0, "shape": "hv", "color": colours.gain},
        fill="tozeroy", fillcolor=translucent(colours.gain, 0.16), hoverinfo="skip",
        row=row, col=1, secondary_y=True,
    )  # fmt: skip


def _levels(
    figure: go.Figure, history: NodeHistory, panel: Panel, colours: Palette, row: int
) -> None:
    """What the lines are compared with; traces, so that the axis reaches them."""
    ends = [history.sessions[0], history.sessions[-1]]
    for level in panel.levels:
        figure.add_scatter(
            x=ends, y=[level.value] * 2, name=level.text, mode="lines", row=row, col=1,
            line={"color": colours.muted, "width": 1.2, "dash": "dash"}, hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip
        figure.add_annotation(
            text=level.text, x=1.004, xref="x domain", xanchor="left", y=level.value,
            showarrow=False, font={"color": colours.muted, "size": 11}, row=row, col=1,
        )  # fmt: skip
