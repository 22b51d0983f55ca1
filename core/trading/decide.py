"""Decide: what every live strategy wants, from bars that end with today's unfinished one. Pure.

The same program, columns and walk as a backtest's; the decision is the last row a backtest of the
same bars would have. Nothing here reads a clock, a network or a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from core.calendar import period_starts
from core.flow.binding import Binding, bind
from core.flow.compile import compile_flow
from core.flow.evaluate import Observation, decide, observe
from core.flow.formats.native import from_json
from core.flow.nodes import Flow, Rebalance
from core.flow.trace import trace
from core.market.bars import Adjustment, Bars
from core.portfolio.deployment import Deployment
from core.trading.completing import Owed


@dataclass(frozen=True, eq=False)
class Ready:
    """A deployment's flow, compiled and bound: done once for each content."""

    flow: Flow
    binding: Binding

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol it holds or measures."""
        return self.binding.symbols

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        other = self.flow.signal_prices
        return ("adjusted",) if other == "adjusted" else ("adjusted", other)


def prepare(deployment: Deployment) -> Ready:
    """Raises FlowInvalid for a flow this version of Sluice cannot run."""
    flow = from_json(deployment.flow, deployment.name)
    frozen = deployment.references
    program = compile_flow(flow, lambda slug: from_json(frozen[slug], slug))
    return Ready(flow, bind(program))


@dataclass(frozen=True, slots=True)
class Decision:
    """``decided``: trade towards ``weights``; ``held``: not due, keep; ``aborted``: no order may
    follow, ``reason`` says why; ``failed``: the same, and it is Sluice or the stored flow that has
    to be mended.

    ``weights``    target weights in force, zeros left out; None when aborted or failed
    ``threshold``  trade only where a weight drifted further than this from its target
    ``trace``      every node's inputs and choice, as JSON
    """

    state: Literal["decided", "held", "aborted", "failed"]
    reason: str = ""
    weights: Mapping[str, float] | None = None
    threshold: float | None = None
    trace: Mapping[str, Any] | None = None
    owed: Owed | None = None
    """What failed of its last target and is completed where it does not trade anew."""


def failed(err: Exception) -> Decision:
    """The decision of a strategy that ended with an error nobody foresaw."""
    said = f"{type(err).__name__}: {err}".removesuffix(": ")
    return Decision("failed", f"it failed and holds what it has ({said})")


def decide_one(
    ready: Ready,
    bars: Mapping[Adjustment, Bars],
    session: date,
    last: date | None,
    *,
    traced: bool = True,
) -> Decision:
    """The decision of ``session``, whose bar is the last of ``bars`` and may be unfinished.

    ``last`` is the session it decided in before; None if it never did.
    """
    due = is_due(ready.flow.rebalance, session, last)
    if not due and ready.flow.rebalance.threshold is None and not traced:
        return Decision("held", "not due")
    problem = _missing(ready, bars["adjusted"], session)
    if problem:
        return Decision("aborted", problem)
    seen = observed(ready, bars)
    last_row = len(seen.sessions) - 1
    decisions = decide(seen, last_row)
    row = decisions.weights[last_row]
    if not np.isfinite(row).all():
        return Decision("aborted", "a weight it decided is not a number")
    weights = {s: float(w) for s, w in zip(ready.binding.held, row, strict=True) if w}
    told = as_json(seen, last_row) if traced else None
    state: Literal["decided", "held"] = "decided" if due else "held"
    reason = "" if due else f"not due: it rebalances {ready.flow.rebalance.every}"
    return Decision(state, reason, weights, ready.flow.rebalance.threshold, told)


def observed(ready: Ready, bars: Mapping[Adjustment, Bars]) -> Observation:
    """What the flow sees: its own symbols, from the first session on which one of them trades."""
    own = _own(bars["adjusted"], ready.symbols)
    other = ready.flow.signal_prices
    if other == "adjusted":
        return observe(ready.binding, own)
    first, final = own.sessions[0].item(), own.sessions[-1].item()
    return observe(ready.binding, own, bars[other].select(ready.symbols).between(first, final))


def _own(bars: Bars, symbols: tuple[str, ...]) -> Bars:
    own = bars.select(symbols)
    known = np.flatnonzero(~np.isnan(own.close).all(axis=1))
    return own.between(own.sessions[known[0]].item(), None) if len(known) else own


def as_json(seen: Observation, t: int) -> dict[str, Any]:
    """The trace of one session: what the pages show and the nightly parity compares."""
    told = trace(seen, t)
    nodes = [
        {name: value for name, value in asdict(node).items() if not _nothing(value)}
        for node in told.nodes
    ]
    return {"session": told.session.isoformat(), "cash": told.cash, "nodes": nodes}


def _nothing(value: object) -> bool:
    """What need not be stored; 0 is something: a node's number, a share, a distance."""
    return value is None or value is False or value == () or value == ""


def is_due(rebalance: Rebalance, session: date, last: date | None) -> bool:
    """Whether a new period began since the strategy last decided: a missed window is made up."""
    if last is None or last > session:
        return True
    days = np.array([last, session], dtype="datetime64[D]")
    return bool(period_starts(days, rebalance.every)[1])


def _missing(ready: Ready, bars: Bars, session: date) -> str:
    """What today lacks that yesterday had: deciding without it would be a guess."""
    if not len(bars) or bars.sessions[-1] != np.datetime64(session):
        newest = "none" if not len(bars) else str(bars.sessions[-1])
        return f"the data has no bar of {session} (the newest is of {newest})"
    if len(bars) < 2:
        return ""
    gone = [
        symbol
        for symbol in ready.symbols
        if np.isnan(bars.close[-1, bars.column(symbol)])
        and not np.isnan(bars.close[-2, bars.column(symbol)])
    ]
    if not gone:
        return ""
    names = ", ".join(gone[:5]) + (", …" if len(gone) > 5 else "")
    return f"the data has no bar of {names} for {session}"


def drifted(actual: Mapping[str, float], weights: Mapping[str, float], threshold: float) -> bool:
    """Whether a weight is further than ``threshold`` from its target, or other symbols are held."""
    return any(
        abs(actual.get(symbol, 0.0) - weights.get(symbol, 0.0)) > threshold
        or (actual.get(symbol, 0.0) != 0.0) != (weights.get(symbol, 0.0) != 0.0)
        for symbol in actual.keys() | weights.keys()
    )


def bars_wanted(ready: Iterable[Ready]) -> dict[Adjustment, tuple[str, ...]]:
    """Every symbol that some flow needs, by adjustment."""
    wanted: dict[Adjustment, set[str]] = {}
    for one in ready:
        for adjustment in one.adjustments:
            wanted.setdefault(adjustment, set()).update(one.symbols)
    return {adjustment: tuple(sorted(symbols)) for adjustment, symbols in wanted.items()}
