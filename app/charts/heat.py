"""A metric over two variables, as colours; every cell can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app.charts.frame import frame
from app.theme import Palette, translucent
from core.market.bars import Float
from core.metrics.definitions import Metric, shown

MOST_WORDS = 5_000
"""Cells that get a text of their own each."""


def heat_chart(
    values: Float,
    across: Sequence[str],
    down: Sequence[str],
    names: tuple[str, str],
    metric: Metric,
    colours: Palette,
    *,
    span: tuple[float, float] | None = None,
    chosen: tuple[int, int] | None = None,
    height: int = 520,
) -> go.Figure:
    """``values`` [down, across] under the names of their variables.

    ``span`` fixes the ends of the colours, so that two maps can be compared; ``chosen`` (across,
    down) is marked.
    """
    low, high = span or span_of(values)
    figure = frame(colours, height=height)
    scale: list[tuple[float, str]] = [
        (0, translucent(colours.loss, 0.85)),
        (0.5, translucent(colours.raised, 1)),
        (1, translucent(colours.gain, 0.85)),
    ]
    figure.add_heatmap(
        z=values.astype(np.float32), x=np.arange(len(across), dtype=np.int16),
        y=np.arange(len(down), dtype=np.int16), zmin=low, zmax=high,
        colorscale=scale if metric.better >= 0 else [(1 - at, c) for at, c in reversed(scale)],
        hoverinfo="skip", colorbar={"title": metric.label, "thickness": 12, "outlinewidth": 0},
    )  # fmt: skip
    # Clicks on a heatmap never reach Python: points that nobody sees take them.
    cells = np.argwhere(~np.isnan(values))
    figure.add_trace(
        (go.Scattergl if len(cells) > MOST_WORDS else go.Scatter)(
            x=cells[:, 1].astype(np.int16), y=cells[:, 0].astype(np.int16), mode="markers",
            showlegend=False, marker={"opacity": 0, "size": 14, "symbol": "square"},
            unselected={"marker": {"opacity": 0}}, selected={"marker": {"opacity": 0}},
            **_hover(cells, values, across, down, names, metric),
        )
    )  # fmt: skip
    if chosen is not None:
        x, y = chosen
        figure.add_shape(
            type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5,
            line={"color": colours.text, "width": 2},
        )  # fmt: skip
    figure.update_layout(hovermode="closest", clickmode="event+select", dragmode=False)
    figure.update_xaxes(title=names[0], range=[-0.5, len(across) - 0.5], **_ticks(across))
    figure.update_yaxes(title=names[1], range=[-0.5, len(down) - 0.5], **_ticks(down))
    figure.update_yaxes(showgrid=False, zeroline=False)
    figure.update_xaxes(zeroline=False)
    return figure


def _hover(
    cells: npt.NDArray[np.int64],
    values: Float,
    across: Sequence[str],
    down: Sequence[str],
    names: tuple[str, str],
    metric: Metric,
) -> dict[str, object]:
    """What a cell says under the pointer: a text each, or, of many with numbers for labels, the
    numbers, which take a tenth of the room and the time."""
    numbers = _numbers(across), _numbers(down)
    if len(cells) <= MOST_WORDS or numbers[0] is None or numbers[1] is None:
        words = [_words(across[j], down[i], names, metric, values[i, j]) for i, j in cells]
        return {"text": words, "hovertemplate": "%{text}<extra></extra>"}
    data = np.column_stack(
        [numbers[0][cells[:, 1]], numbers[1][cells[:, 0]], values[cells[:, 0], cells[:, 1]]]
    )
    form = {"fraction": ".2%", "ratio": ",.2f"}.get(metric.unit, ",.0f")
    return {
        "customdata": data.astype(np.float32),
        "hovertemplate": f"{names[0]} %{{customdata[0]}}, {names[1]} %{{customdata[1]}}<br>"
        f"{metric.label} %{{customdata[2]:{form}}}<extra></extra>",
    }


def _numbers(labels: Sequence[str]) -> Float | None:
    """The labels as numbers, where all are."""
    try:
        return np.array([float(label) for label in labels])
    except ValueError:
        return None


def span_of(*maps: Float) -> tuple[float, float]:
    """The ends of the colours for one or more maps: their 2 % and 98 % quantiles."""
    known = np.concatenate([m[~np.isnan(m)] for m in maps])
    if not len(known):
        return 0.0, 1.0
    low, high = np.quantile(known, [0.02, 0.98])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _words(x: str, y: str, names: tuple[str, str], metric: Metric, value: float) -> str:
    return f"{names[0]} {x}, {names[1]} {y}<br>{metric.label} {shown(metric.name, value)}"


def _ticks(labels: Sequence[str]) -> dict[str, object]:
    """At most some 25 of the labels, evenly spread."""
    step = -(-len(labels) // 25)
    places = list(range(0, len(labels), step))
    return {"tickmode": "array", "tickvals": places, "ticktext": [labels[i] for i in places]}
