"""The light backtest's curve is small enough never to be kept by the browser."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from app.components.builder.preview import MOST_POINTS, _sparkline
from app.theme import DARK, LIGHT

KEPT_FROM_BYTES = 10_000


def test_the_curve_is_light_and_ends_where_the_equity_does():
    count = 8_000
    sessions = np.datetime64("1995-01-03") + np.arange(count)
    equity = 1 + np.arange(count) / 777.7
    result = SimpleNamespace(sessions=sessions, equity=equity)
    for colours in (LIGHT, DARK):
        figure = _sparkline(result, colours, current=True)
        curve = figure.data[0]
        assert len(curve.x) == MOST_POINTS
        assert (curve.x[0], curve.x[-1]) == (str(sessions[0]), str(sessions[-1]))
        assert curve.y[-1] == round(equity[-1], 4)
        assert len(figure.to_json()) < 0.8 * KEPT_FROM_BYTES


def test_a_short_history_is_whole():
    result = SimpleNamespace(
        sessions=np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]"),
        equity=np.array([1.0, 1.0]),
    )
    assert len(_sparkline(result, LIGHT, current=False).data[0].x) == 2
