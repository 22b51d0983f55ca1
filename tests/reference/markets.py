"""Prices for Hypothesis to draw: the awkward markets a flow has to survive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from core.market.bars import FIELDS, Bars, Provenance

SYMBOLS = ("ALFA", "BRAVO", "CORAL", "DELTA", "ECHO", "FOX")
BEHAVIOURS = ("walk", "crash", "flat", "late", "gone", "holes", "twin", "never moves")
OFTEN = ("walk", "walk", "walk", "walk", "crash", "twin", "holes", *BEHAVIOURS)


class Market(dict[str, pd.DataFrame]):
    """Prices by field that print as the call which makes them."""

    recipe = ""

    def __repr__(self) -> str:
        return self.recipe or super().__repr__()


def make_market(
    sessions: int,
    seed: int,
    volatility: float,
    on_grid: bool,
    behaviours: Sequence[str],
    start: str = "2019-12-02",
    symbols: Sequence[str] = SYMBOLS,
) -> Market:
    """Daily bars of ``symbols``: random walks that do what ``behaviours`` says.

    They crash, stand still, are listed midway, stop, miss bars, or copy the first to the last bit.
    ``on_grid`` makes closes multiples of an eighth, so that sums of them are exact and different
    prices often meet.
    """
    generator = np.random.default_rng(seed)
    fields = {name: np.full((sessions, len(symbols)), np.nan) for name in FIELDS}
    for column, behaviour in enumerate(behaviours):
        if behaviour == "twin" and column > 0:
            for values in fields.values():
                values[:, column] = values[:, 0]
            continue
        one = _walk(generator, sessions, volatility, behaviour, on_grid)
        for name, values in one.items():
            fields[name][:, column] = values
    dates = pd.bdate_range(start, periods=sessions)
    market = Market({name: pd.DataFrame(values, dates, symbols) for name, values in fields.items()})
    market.recipe = (
        f"make_market({sessions}, {seed}, {volatility}, {on_grid}, {behaviours!r}, {start!r})"
    )
    return market


def markets(low: int = 30, high: int = 110) -> st.SearchStrategy[Market]:
    """Markets of all kinds over ``SYMBOLS``, ``low`` to ``high`` sessions long."""
    return st.builds(
        make_market,
        sessions=st.integers(low, high),
        seed=st.integers(0, 2**32 - 1),
        volatility=st.sampled_from((0.01, 0.002, 0.04)),
        on_grid=st.booleans(),
        behaviours=st.tuples(*[st.sampled_from(OFTEN)] * len(SYMBOLS)),
        start=st.sampled_from(("2019-11-25", "2020-02-10", "2021-06-21")),
    )


def _walk(
    generator: np.random.Generator, count: int, volatility: float, behaviour: str, on_grid: bool
) -> dict[str, Any]:
    steps = generator.normal(0.0003, volatility, count)
    edge = int(generator.integers(1, count))
    if behaviour == "crash":
        steps[edge] = np.log(0.4)
    if behaviour == "flat":
        steps[edge : edge + count // 2] = 0.0
    if behaviour == "never moves":
        steps[:] = 0.0
    close = generator.choice([20.0, 50.0, 100.0]) * np.exp(np.cumsum(steps))
    if on_grid:
        close = np.maximum(np.round(close * 8), 1) / 8
    before = np.concatenate([close[:1], close[:-1]])
    gap = generator.normal(0, volatility / 2, count) * (before != close)
    opening = before * np.exp(gap)
    high = np.maximum(opening, close) * np.exp(np.abs(gap))
    low = np.minimum(opening, close) * np.exp(-np.abs(gap))
    volume = np.round(generator.lognormal(10, 0.5, count))
    one = {"open": opening, "high": high, "low": low, "close": close, "volume": volume}
    missing = np.zeros(count, dtype=bool)
    if behaviour == "late":
        missing[:edge] = True
    if behaviour == "gone":
        missing[edge:] = True
    if behaviour == "holes":
        missing = generator.random(count) < 0.12
    return {name: np.where(missing, np.nan, values) for name, values in one.items()}


def bars_of(prices: Mapping[str, pd.DataFrame]) -> Bars:
    """The same prices as the engine reads them."""
    frame = prices["close"]
    return Bars(
        symbols=tuple(frame.columns),
        sessions=frame.index.to_numpy().astype("datetime64[D]"),
        calendar="XNYS",
        provenance=Provenance(
            source="hypothesis",
            feed="random",
            adjustment="adjusted",
            as_of=datetime(2025, 1, 1, tzinfo=UTC),
            synthetic=True,
        ),
        **{name: prices[name].to_numpy(dtype=np.float64) for name in FIELDS},
    )
