"""What each part contributed, as bars from nothing to the left and the right."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette

ROW_PIXELS = 26


def contributions_chart(
    parts: Sequence[tuple[str, float]], colours: Palette, *, keep_order: bool = False
) -> go.Figure:
    """One bar a part, ``(label, fraction)``; best on top, or in the order given."""
    ordered = list(parts) if keep_order else sorted(parts, key=lambda part: -part[1])
    values = [value for _, value in ordered]
    figure = frame(colours, height=70 + ROW_PIXELS * max(len(ordered), 2))
    figure.add_bar(
        x=values, y=list(range(len(ordered))), orientation="h",
        marker={"color": [colours.gain if v >= 0 else colours.loss for v in values]},
        text=[f"{v:+.1%}" for v in values], textposition="outside", cliponaxis=False,
        textfont={"color": colours.text}, customdata=[label for label, _ in ordered],
        hovertemplate="%{customdata}: %{x:.2%}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(hovermode="closest", showlegend=False, bargap=0.35)
    figure.update_xaxes(tickformat=".0%", showgrid=True, zeroline=True)
    # Room for the figures beside the bars.
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.12 * ((high - low) or 1.0)
    figure.update_xaxes(range=[low - room, high + room])
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(ordered))), showgrid=False, zeroline=False,
        ticktext=[label for label, _ in ordered], autorange="reversed",
    )  # fmt: skip
    return figure
