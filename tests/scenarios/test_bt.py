"""The peer library bt earns the same with the same weights at zero cost."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.clock import clock_from
from core.flow.examples import example_flows
from core.market.sources.demo import DemoSource

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import bt

FLOWS = example_flows()
CLOCK = clock_from(pd.Timestamp("2024-07-01 21:00", tz="UTC").to_pydatetime())


@pytest.mark.parametrize("name", ["risk-on-risk-off", "sector-momentum", "storm-watch"])
def test_equity_equals_bt(name):
    source = DemoSource(CLOCK)
    settings = parse_settings(
        start="2012-01-03", end="2023-12-29", slippage_bps=0, commission_bps=0,
        rebalance={"every": "daily"}, benchmark="none",
    )  # fmt: skip
    result = run_backtest(FLOWS[name], source, settings, find=FLOWS.__getitem__).result
    days = pd.DatetimeIndex(result.sessions.astype("datetime64[ns]"))
    bars = source.bars(result.symbols, start=result.start, end=result.end)
    prices = pd.DataFrame(bars.close, days, list(result.symbols))
    weights = pd.DataFrame(result.weights, days, list(result.symbols))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bt's own, about pandas
        strategy = bt.Strategy(
            "same weights",
            [bt.algos.RunDaily(), bt.algos.WeighTarget(weights), bt.algos.Rebalance()],
        )
        test = bt.Backtest(strategy, prices, integer_positions=False, progress_bar=False)
        theirs = bt.run(test).prices["same weights"]
    # bt puts one row in front, on which it has not traded yet.
    equity = theirs.reindex(days) / theirs.loc[days[0]]
    assert len(equity) == len(result.equity)
    np.testing.assert_allclose(result.equity, equity, rtol=1e-6)
    assert result.equity[-1] != pytest.approx(1, rel=1e-3), "nothing was earned: it proves nothing"
