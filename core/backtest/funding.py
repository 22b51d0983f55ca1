"""What holding perpetuals costs: funding settlements summed by session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.calendar import Sessions
from core.market.bars import Float
from core.market.source import PerpetualSource, Progress, silent

_DAY = np.timedelta64(1, "D")


def daily_funding(
    source: PerpetualSource,
    symbols: Sequence[str],
    sessions: Sessions,
    progress: Progress = silent,
) -> Float:
    """Funding [T, N] that a long of weight 1 pays in each session; NaN where none is known.

    A position held into a settlement pays it, so the settlement at 00:00 UTC, where one session
    ends and the next begins, belongs to the session that ends.
    """
    paid = np.full((len(sessions), len(symbols)), np.nan)
    if not len(sessions):
        return paid
    first, last = sessions[0].item(), (sessions[-1] + _DAY).item()
    for i, symbol in enumerate(symbols):
        progress(i / len(symbols), f"Funding of {symbol}")
        funding = source.funding(symbol, start=first, end=last)
        day = (funding.settled - np.timedelta64(1, "ms")).astype("datetime64[D]")
        rows = np.searchsorted(sessions, day)
        inside = (rows < len(sessions)) & (day >= sessions[0])
        known = np.unique(rows[inside])
        paid[known, i] = 0.0
        np.add.at(paid[:, i], rows[inside], funding.rate[inside])
    return paid
