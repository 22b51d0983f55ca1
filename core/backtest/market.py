"""What a backtest and a sweep read of the market, and what trading in it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.backtest.accounting import Terms
from core.backtest.funding import daily_funding
from core.backtest.settings import BacktestSettings
from core.backtest.span import settled
from core.calendar import calendar
from core.errors import BadInput
from core.flow.evaluate import carried, session_returns
from core.flow.nodes import Costs, Flow, Rebalance
from core.market.bars import Adjustment, Bars, Float
from core.market.source import MarketSource, PerpetualSource, Progress


@dataclass(frozen=True, eq=False)
class Market:
    """Adjusted bars, and those that indicators read where the flow asks for other ones."""

    bars: Bars
    signals: Bars | None


def read_market(
    flow: Flow,
    symbols: Sequence[str],
    source: MarketSource,
    settings: BacktestSettings,
    progress: Progress,
) -> Market:
    """All settled history of ``symbols`` up to the end asked for."""
    bars = settled(_read(source, symbols, "adjusted", progress), settings.end)
    if flow.signal_prices == "adjusted":
        return Market(bars, None)
    signals = _read(source, symbols, flow.signal_prices, progress).between(None, settings.end)
    return Market(bars, _same_axis(signals, bars))


def _read(
    source: MarketSource, symbols: Sequence[str], adjustment: Adjustment, progress: Progress
) -> Bars:
    """All the history there is: what a session decides must not depend on where a test starts."""
    return source.bars(
        symbols,
        adjustment=adjustment,
        progress=lambda share, doing: progress(0.8 * share, doing),
    )


def _same_axis(signals: Bars, bars: Bars) -> Bars:
    """Signal bars on the sessions of ``bars``; both come from one source, so they overlap."""
    aligned = signals.between(bars.sessions[0].item(), bars.sessions[-1].item())
    if not np.array_equal(aligned.sessions, bars.sessions):
        raise BadInput(
            "signal_prices",
            f"{bars.provenance.source} has other sessions for {signals.provenance.adjustment} "
            "prices than for adjusted ones.",
            "Use 'adjusted'.",
        )
    return aligned


def carry_of(source: MarketSource, held: tuple[str, ...], bars: Bars, first: int) -> Float | None:
    """Funding a long pays in each session, where the source knows of any; NaN while unknown."""
    if bars.calendar != "24/7" or not isinstance(source, PerpetualSource):
        return None
    return daily_funding(source, held, bars.sessions[first:])


def terms_of(settings: BacktestSettings, costs: Costs, rebalance: Rebalance, bars: Bars) -> Terms:
    periods = calendar(bars.calendar).periods_per_year
    return Terms(
        cost=costs.total,
        cash_rate=(1 + settings.cash_rate) ** (1 / periods) - 1,
        borrow_rate=(1 + settings.borrow_rate) ** (1 / periods) - 1,
        leverage=settings.leverage,
        max_leverage=settings.max_leverage,
        threshold=-1.0 if rebalance.threshold is None else rebalance.threshold,
        next_open=settings.execution == "next_open",
    )


class Moves(NamedTuple):
    """How prices moved, float64 [T, N], from the first session of a backtest on.

    ``session``              return on the last close; 0 where there is no bar
    ``overnight, intraday``  the same in two parts, to the open and from it; [0, N] unless trading
                             at the open
    ``carry``                what holding costs beyond its move (funding); or [0, N]
    ``prices``               prices trades are made at
    """

    session: Float
    overnight: Float
    intraday: Float
    carry: Float
    prices: Float


def moves_of(
    bars: Bars, held: tuple[str, ...], first: int, carry: Float | None, next_open: bool
) -> Moves:
    """The moves of ``held`` from session number ``first`` on."""
    columns = [bars.column(s) for s in held]
    close = carried(bars.close[:, columns])
    moves = session_returns(bars, held)[first:]
    none = np.zeros((0, len(held)))
    overnight = intraday = none
    prices = np.ascontiguousarray(close[first:])
    if next_open:
        previous = np.vstack([close[:1], close[:-1]])
        # A session without a bar neither gaps nor moves: it opens where the last one closed.
        opened = np.where(np.isnan(bars.open[:, columns]), previous, bars.open[:, columns])
        overnight = np.ascontiguousarray(np.nan_to_num(opened / previous - 1)[first:])
        intraday = (1 + moves) / (1 + overnight) - 1
        prices = np.ascontiguousarray(opened[first:])
    paid = none if carry is None else np.nan_to_num(carry)
    return Moves(np.ascontiguousarray(moves), overnight, intraday, paid, prices)
