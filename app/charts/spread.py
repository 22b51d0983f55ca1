"""How a metric spreads over the runs of batch tests, one box each."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, translucent
from core.metrics.definitions import Metric


def spread_chart(
    spreads: Mapping[str, Mapping[str, float]], metric: Metric, colours: Palette
) -> go.Figure:
    """A box from the lower to the upper quartile, whiskers from 5 % to 95 %, the best and worst.

    ``spreads`` has what ``Runs.summary`` finds, by the batch tests' names.
    """
    figure = frame(colours, height=90 + 46 * len(spreads))
    for i, (name, found) in enumerate(spreads.items()):
        colour = colours.series[i % len(colours.series)]
        figure.add_box(
            y=[name], q1=[found["q25"]], median=[found["median"]], q3=[found["q75"]],
            lowerfence=[found["q05"]], upperfence=[found["q95"]], orientation="h", name=name,
            line={"color": colour}, fillcolor=translucent(colour, 0.2), showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=[found["smallest"], found["largest"]], y=[name, name], mode="markers",
            marker={"color": colour, "symbol": "line-ns-open", "size": 10}, showlegend=False,
            hovertemplate="%{x}<extra></extra>",
        )  # fmt: skip
    tick = ".0%" if metric.unit == "fraction" else ",.4~g"
    figure.update_xaxes(title=metric.label, tickformat=tick)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
