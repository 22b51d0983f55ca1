"""A metric over two variables, as colours: how a map looks, without its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.theme import Palette, translucent
from core.market.bars import Float
from core.metrics.definitions import Metric


def heat_look(
    across: Sequence[str],
    down: Sequence[str],
    names: tuple[str, str],
    metric: Metric,
    span: tuple[float, float],
    colours: Palette,
) -> dict[str, Any]:
    """What the browser needs to draw and to label a map: names and labels of both variables, the
    metric, the values at which colours end (``span``) and the colours, as CSS.
    """
    scale = [
        translucent(colours.loss, 0.85),
        translucent(colours.raised, 1),
        translucent(colours.gain, 0.85),
    ]
    return {
        "across": {"name": names[0], "labels": list(across)},
        "down": {"name": names[1], "labels": list(down)},
        "metric": {"label": metric.label, "unit": metric.unit},
        "span": span,
        "scale": scale if metric.better >= 0 else scale[::-1],
        "raised": colours.raised,
        "line": colours.line,
    }


def span_of(*maps: Float) -> tuple[float, float]:
    """The ends of the colours for one or more maps: their 2 % and 98 % quantiles."""
    known = np.concatenate([m[~np.isnan(m)] for m in maps])
    if not len(known):
        return 0.0, 1.0
    low, high = np.quantile(known, [0.02, 0.98])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)
