"""QuantStats' HTML tear sheet of a backtest."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np

from core.calendar import Sessions
from core.market.bars import Float


def tearsheet(
    returns: Float,
    sessions: Sessions,
    periods: int,
    *,
    title: str,
    benchmark: tuple[str, Float] | None = None,
    risk_free_rate: float = 0.0,
) -> str:
    """A whole HTML page about ``returns`` [T]; takes a few seconds, most of them in its charts.

    ``benchmark`` is its label and its returns [T].
    """
    # Heavy, and wanted by nobody who does not ask for a tear sheet.
    import matplotlib

    matplotlib.use("Agg")
    import pandas as pd
    import quantstats

    index = pd.DatetimeIndex(sessions.astype("datetime64[ns]"))
    against = None
    if benchmark is not None:
        # A benchmark whose returns never fall below zero would be taken for prices.
        against = pd.Series(np.asarray(benchmark[1]), index, name=benchmark[0])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # QuantStats' own, about fonts and undefined ratios
        page = Path(folder) / "tearsheet.html"
        quantstats.reports.html(  # type: ignore[no-untyped-call]
            pd.Series(np.asarray(returns), index, name="Strategy"),
            benchmark=against,
            rf=risk_free_rate,
            periods_per_year=periods,
            title=title,
            output=str(page),
            benchmark_title=benchmark[0] if benchmark else None,
            strategy_title="Strategy",
            match_dates=False,
        )
        return page.read_text(encoding="utf-8")
