"""Compiled loops for the indicators that neither TA-Lib nor numpy has."""

from __future__ import annotations

import numpy as np

from core.jit import kernel


@kernel
def fill_max_drawdown(close, window, out):
    """Write the deepest fall inside each ``window`` closes, in percent, to ``out`` [T]."""
    for t in range(window - 1, close.size):
        peak, worst = 0.0, 0.0
        for i in range(t - window + 1, t + 1):
            peak = max(peak, close[i])
            worst = max(worst, 1.0 - close[i] / peak)
        out[t] = 100.0 * worst


@kernel
def fill_ultimate_smoother(close, window, out):
    """Write the smoothed closes [T] to ``out``, from the fourth on."""
    a = np.exp(-1.414 * np.pi / window)
    c2, c3 = 2 * a * np.cos(1.414 * np.pi / window), -a * a
    c1 = (1 + c2 - c3) / 4
    before, last = close[0], close[0]
    for t in range(close.size):
        value = close[t]
        if t >= 3:
            value = (
                (1 - c1) * close[t]
                + (2 * c1 - c2) * close[t - 1]
                - (c1 + c3) * close[t - 2]
                + c2 * last
                + c3 * before
            )
            out[t] = value
        before, last = last, value
