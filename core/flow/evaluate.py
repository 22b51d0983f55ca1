"""Evaluate: what a bound program sees in bars, and what it decides for every session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.calendar import Sessions
from core.flow.binding import Binding
from core.flow.program import Int
from core.flow.walk import Slots, fill_truths, scratch, simulate_inner, walk_sessions, walk_shares
from core.indicators.columns import ColumnSpec, ColumnTable
from core.market.bars import Bars, Float


@dataclass(frozen=True, eq=False)
class Observation:
    """Everything a bound program sees of the market, before it decides.

    ``columns``   float64 [C, T], rows as ``binding.columns``
    ``truths``    int8 [conditions, T]
    ``priced``    bool [T, N]: the symbol can be held, columns as ``binding.held``
    ``equity``    float64 [inner flows, T]: simulated equity of the flows that are measured
    """

    binding: Binding
    sessions: Sessions
    columns: Float
    truths: npt.NDArray[np.int8]
    priced: npt.NDArray[np.bool_]
    equity: Float

    def first_complete(self) -> int:
        """The first session on which every column is known and every symbol can be held.

        From there on a flow lacks nothing unless bars go missing. The number of sessions if there
        is no such session.
        """
        complete = ~np.isnan(self.columns).any(axis=0) & self.priced.all(axis=1)
        found = np.flatnonzero(complete)
        return int(found[0]) if len(found) else len(self.sessions)


@dataclass(frozen=True, eq=False)
class Decisions:
    """Target weights for every session from number ``start`` on.

    ``weights``  float64 [T, N], decided at the close of each session, columns as ``binding.held``
    ``unknown``  int32 [T]: the first node of the walk that lacked something, or -1
    """

    start: int
    weights: Float
    unknown: Int


def slots_of(binding: Binding) -> Slots:
    """A binding's values as the kernels read them."""
    return Slots(binding.asset, binding.column, binding.value)


def observe(binding: Binding, bars: Bars, signal_bars: Bars | None = None) -> Observation:
    """Compute every column and condition, inner flows first.

    ``bars`` are adjusted and hold every symbol of the binding; ``signal_bars``, on the same axis,
    are what indicators read where the flow asks for another adjustment.
    """
    program, code, slots = binding.program, binding.program.code, slots_of(binding)
    table = ColumnTable(signal_bars or bars)
    priced = np.ascontiguousarray(~np.isnan(bars.close[:, [bars.column(s) for s in binding.held]]))
    months = (bars.sessions.astype("datetime64[M]").astype(np.int64) % 12 + 1).astype(np.int8)
    columns = np.full((len(binding.columns), len(bars)), np.nan)
    truths = np.empty((len(code.conditions), len(bars)), dtype=np.int8)
    equity = np.full((len(program.inner), len(bars)), np.nan)
    stage_of_column = np.array([_stage(spec) for spec in binding.columns], dtype=np.int32)
    for stage in range(len(equity) + 1):
        for number in np.flatnonzero(stage_of_column == stage):
            table.fill(columns[number], binding.columns[number], equity)
        wanted = np.flatnonzero(program.stage_of_condition == stage).astype(np.int32)
        fill_truths(code, slots, columns, months, wanted, truths)
        if stage < len(equity):
            root, memory = program.inner[stage], scratch(len(code.kind))
            returns = session_returns(bars, binding.held)
            weights = np.empty(len(binding.held))
            simulate_inner(
                code, slots, columns, truths, priced, returns, root, memory, weights, equity[stage]
            )
    return Observation(binding, bars.sessions, columns, truths, priced, equity)


def _stage(spec: ColumnSpec) -> int:
    """How many inner flows must be known before the column can be computed."""
    return spec.subject + 1 if isinstance(spec.subject, int) else 0


def decide(seen: Observation, start: int = 0) -> Decisions:
    """Walk the flow on every session from number ``start``; earlier weights are zero."""
    code = seen.binding.program.code
    weights = np.zeros(seen.priced.shape)
    unknown = np.full(len(weights), -1, dtype=np.int32)
    walk_sessions(
        code,
        slots_of(seen.binding),
        seen.columns,
        seen.truths,
        seen.priced,
        0,
        start,
        scratch(len(code.kind)),
        weights,
        unknown,
    )
    return Decisions(start, weights, unknown)


def shares_of(seen: Observation, nodes: Int, sessions: Int) -> Float:
    """What reaches each of ``nodes`` [K] on the sessions numbered in ``sessions`` [S]: [S, K].

    Shares of the whole of the flow the nodes are in (all of one: the main flow, or one that is
    measured); 0 where the walk did not go.
    """
    program, binding = seen.binding.program, seen.binding
    root = int(nodes[0])
    while program.parents[root] >= 0:
        root = int(program.parents[root])
    shares = np.empty((len(sessions), len(nodes)))
    walk_shares(
        program.code, slots_of(binding), seen.columns, seen.truths, seen.priced, root,
        sessions, nodes,
        scratch(len(program.code.kind), trace=True), np.empty(len(binding.held)), shares,
    )  # fmt: skip
    return shares


def carried(prices: Float) -> Float:
    """Prices [T, N] with each missing one replaced by the last known before it, to value with."""
    rows = np.where(np.isnan(prices), -1, np.arange(len(prices))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    filled = np.take_along_axis(prices, np.maximum(rows, 0), axis=0)
    filled[rows < 0] = np.nan
    return filled


def session_returns(bars: Bars, symbols: tuple[str, ...]) -> Float:
    """Close-to-close returns [T, N] of ``symbols``; 0 on the first bar and where there is none.

    After missing bars the next one carries the whole move.
    """
    close = carried(bars.close[:, [bars.column(s) for s in symbols]])
    returns = np.zeros_like(close, order="C")
    returns[1:] = close[1:] / close[:-1] - 1
    returns[np.isnan(returns)] = 0.0
    return returns
