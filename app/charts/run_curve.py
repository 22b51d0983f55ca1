"""The equity of one run, small enough to be there at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.charts.performance import drawdown
from app.theme import Palette, translucent
from core.backtest.result import Result
from core.market.bars import Float

MOST_SESSIONS = 2_000
"""More than a chart has pixels across."""


def run_curve(result: Result, name: str, most: int = MOST_SESSIONS) -> dict[str, Any]:
    """What the browser draws, as JSON: the run's equity, after its benchmark's.

    ``sessions`` in days since 1970; of each line its ``label``, ``equity`` in money, ``drawdown``
    as a negative fraction. Of more than ``most`` sessions those that make out the shape
    (``telling``), each with its own numbers.
    """
    other = result.benchmark
    lines = [] if other is None else [(other.label, other.equity, False)]
    lines.append((name, result.equity, True))
    rows = telling([equity for _, equity, _ in lines], most)
    return {
        "name": name,
        "sessions": result.sessions[rows].astype("datetime64[D]").astype(int).tolist(),
        "lines": [
            {
                "label": label,
                "own": own,
                "equity": np.round(equity[rows] * result.settings.capital, 2).tolist(),
                "drawdown": np.round(drawdown(equity)[rows], 5).tolist(),
            }
            for label, equity, own in lines
        ],
    }


def curve_look(colours: Palette) -> dict[str, str]:
    """The colours of a curve, as CSS."""
    return {
        "own": colours.strategy,
        "under": translucent(colours.strategy, 0.22),
        "benchmark": colours.benchmark,
        "text": colours.text,
        "line": colours.line,
        "raised": colours.raised,
    }


def telling(curves: Sequence[Float], most: int) -> npt.NDArray[np.intp]:
    """The rows of curves [T] side by side that make out their shape, in order, at most ``most``.

    The first, the last, and the lowest and highest of each curve in stretches of equal length.
    """
    count = len(curves[0])
    if count <= most:
        return np.arange(count)
    wide = -(-count // max((most - 2) // (2 * len(curves)), 1))
    begins = np.arange(0, count, wide)
    kept = [np.array([0, count - 1])]
    for curve in curves:
        # The last value again and again fills the last stretch: the first of equals is found.
        stretches = np.pad(curve, (0, len(begins) * wide - count), "edge").reshape(-1, wide)
        kept += [begins + stretches.argmin(axis=1), begins + stretches.argmax(axis=1)]
    return np.unique(np.concatenate(kept))
