"""The portfolios a sweep chooses between, and what going from one to another earns and costs.

What is below a flow's top (``core.sweep.top``), a *portfolio*, is a ticker or a weighted part of
the flow, and has few versions: those of its own variables. Where the top only chooses one and costs
do not depend on the path (no drift threshold), a session's net return is a function of the session,
the portfolio held before and the one chosen. It is tabulated once, with the arithmetic of
``core.backtest.accounting``, and a run only looks it up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.backtest.accounting import aim, carried_cost, hold, interest_of, set_weights
from core.flow.walk import walk_sessions
from core.jit import kernel
from core.market.bars import Float
from core.metrics.measure import ROUNDING
from core.sweep.grid import Digits
from core.sweep.observe import SubtreeRunner
from core.sweep.prepare import Prepared
from core.sweep.top import Top, find_top

MOST_BYTES = 96_000_000
"""Of the table, and of the portfolios' weights: beyond it lookups miss the caches, and building
it takes longer than it saves."""

TURNOVER, GROSS, TRADED, EARNED = 0, 1, 2, 3
"""What a session brings; the first three are summed up over a run."""


class Kept(NamedTuple):
    """What portfolios decide.

    ``weights``  float64 [L, T, N]
    ``symbols``  uint32 [L, N], and ``counts`` uint32 [L]: those each ever holds, the others behind
    """

    weights: Float
    symbols: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Portfolios:
    """The distinct portfolios of a sweep; number 0 is nothing but cash.

    ``top``       what is decided above them
    ``versions``  for each of its portfolios, int32 [combinations]: number of the portfolio
    """

    top: Top
    versions: tuple[npt.NDArray[np.int32], ...]
    kept: Kept

    def __len__(self) -> int:
        return len(self.kept.weights)

    def chosen(self, digits: Digits) -> npt.NDArray[np.uint32]:
        """The number of the portfolio behind each choice [n, choices] at points; of 0, cash."""
        found = np.zeros((len(digits), len(self.versions) + 1), dtype=np.uint32)
        for i, root in enumerate(self.top.portfolios):
            found[:, i + 1] = self.versions[i][self.top.plan.nodes[root].numbers(digits)]
        return found


def find_portfolios(ready: Prepared) -> Portfolios | None:
    """The portfolios of a sweep; None where there are too many to keep."""
    nothing = np.zeros((len(ready.sessions), len(ready.values.held)))
    top = find_top(ready.values, MOST_BYTES // max(nothing.nbytes, 1))
    if top is None:
        return None
    weights: dict[bytes, int] = {nothing.tobytes(): 0}
    versions = []
    for root in top.portfolios:
        found = np.zeros(ready.plan.nodes[root].count, dtype=np.int32)
        for version, one in enumerate(_decided(ready, root)):
            found[version] = weights.setdefault(one.tobytes(), len(weights))
        versions.append(found)
    return Portfolios(
        top,
        tuple(versions),
        _kept(np.stack([np.frombuffer(w).reshape(nothing.shape) for w in weights])),
    )


def _kept(weights: Float) -> Kept:
    held = (weights != 0).any(axis=1)
    symbols = np.argsort(~held, axis=1, kind="stable").astype(np.uint32)
    return Kept(weights, symbols, held.sum(axis=1, dtype=np.uint32))


class Earnings(NamedTuple):
    """What a session brings, by the portfolio held before and the one chosen.

    Most sessions keep the portfolio. What those bring is summed up ahead for each portfolio; going
    from one to another then takes no more than a correction of that sum, whatever lies between.

    ``keeping``    float64 [T, L]: return of the next session where the portfolio stays the same
    ``kept``       float64 [T + 1, L, 3]: TURNOVER, GROSS and TRADED of all sessions before, ditto
    ``switching``  float64 [T, L, L, 4]: going from one to another, EARNED of the next session;
                   of the others, this session's and the old portfolio's ``kept``, less the new's
    ``ruinous``    whether any return is the loss of everything
    """

    keeping: Float
    kept: Float
    switching: Float
    ruinous: bool


def tabulate(ready: Prepared, portfolios: Portfolios) -> Earnings | None:
    """What each pair of portfolios earns on each session.

    None where the tables would be too large, capital is divided, or costs depend on the path.
    """
    size = len(portfolios) ** 2 * len(ready.sessions) * 32
    if portfolios.top.mixes or ready.terms.threshold >= 0 or size > MOST_BYTES:
        return None
    return _tabulated(ready, portfolios.kept.weights)


def _decided(ready: Prepared, root: int) -> Iterable[Float]:
    """The weights [T, N] a portfolio decides, in each of its versions."""
    part, values = ready.plan.nodes[root], ready.values
    runner = SubtreeRunner(values, ready.columns, ready.priced, ready.months, root, part)
    weights = np.zeros((len(ready.months), len(values.held)))
    unknown = np.zeros(len(weights), dtype=np.int32)
    for version in range(part.count):
        slots = runner.slots(version)
        walk_sessions(
            runner.code, slots, ready.columns, runner.truths, ready.priced, root, ready.first,
            runner.memory, weights, unknown,
        )  # fmt: skip
        yield weights[ready.first :][ready.in_force]


def _tabulated(ready: Prepared, targets: Float) -> Earnings:
    count, sessions, symbols = targets.shape
    alone = Alone(
        growth=np.ones((count, sessions, 2)),
        closing=np.zeros(targets.shape),
        opening=np.zeros(targets.shape),
        aimed=np.zeros(targets.shape),
    )
    for i in range(count):
        one = Alone(alone.growth[i], alone.closing[i], alone.opening[i], alone.aimed[i])
        hold_alone(targets[i], ready.due, ready.moves, ready.terms, np.zeros(symbols), one)
    pairs = np.zeros((sessions, count, count, 4))
    fill_pairs(ready.due, ready.terms, alone, pairs)
    same = np.arange(count)
    keeping = np.ascontiguousarray(pairs[:, same, same, EARNED])
    kept = np.zeros((sessions + 1, count, 3))
    np.cumsum(pairs[:, same, same, :EARNED], axis=0, out=kept[1:])
    pairs[..., :EARNED] += kept[:-1, :, None]
    pairs[..., :EARNED] -= kept[1:, None, :]
    return Earnings(keeping, kept, pairs, bool((pairs[..., EARNED] <= -1.0).any()))


class Alone(NamedTuple):
    """Portfolios held through time, each by itself, without costs, traded whenever that is due.

    ``growth``   float64 [L, T, 2]: of each session up to its open and from there, where a trade is
                 made at the open; otherwise all of it in the second
    ``closing``  float64 [L, T, N]: weights at each close, before the trade of that close
    ``opening``  float64 [L, T, N]: weights at the next open, before the trade of that open
    ``aimed``    float64 [L, T, N]: weights after the trade decided at t, at the close or the open
    """

    growth: Float
    closing: Float
    opening: Float
    aimed: Float


@kernel
def hold_alone(targets, due, moves, terms, held, alone):
    """Fill the rows ``alone`` of the one portfolio that decides ``targets`` [T, N]."""
    for t in range(targets.shape[0]):
        if t > 0:
            interest = interest_of(held, terms)
            if terms.next_open and due[t - 1]:
                alone.growth[t, 0] = hold(held, moves.overnight[t], interest)
                set_weights(alone.opening[t - 1], held)
                set_weights(held, alone.aimed[t - 1])
                cost = carried_cost(held, moves.carry, t)
                alone.growth[t, 1] = hold(held, moves.intraday[t], -cost)
            else:
                cost = carried_cost(held, moves.carry, t)
                alone.growth[t, 1] = hold(held, moves.session[t], interest - cost)
        set_weights(alone.closing[t], held)
        if due[t]:
            aim(alone.aimed[t], targets[t], terms)
            if not terms.next_open:
                set_weights(held, alone.aimed[t])


@kernel
def fill_pairs(due, terms, alone, pairs):
    """What pairs earn, float64 [T, L, L, 4]; between trades a portfolio only follows itself."""
    count, sessions, symbols = alone.aimed.shape
    for t in range(sessions):
        last = t + 1 == sessions
        for p in range(count):
            for c in range(count):
                if p != c and not due[t]:
                    continue
                turnover, gross = 0.0, 0.0
                for i in range(symbols):
                    before = alone.opening[p, t, i] if terms.next_open else alone.closing[p, t, i]
                    turnover += abs(alone.aimed[c, t, i] - before)
                    traded = due[t] and not terms.next_open
                    gross += abs(alone.aimed[c, t, i] if traded else alone.closing[p, t, i])
                if not due[t] or (terms.next_open and last):
                    turnover = 0.0
                pairs[t, p, c, TURNOVER] = turnover
                pairs[t, p, c, TRADED] = turnover > ROUNDING
                if last:
                    continue
                # Of the last session nobody sees the return, so its exposure does not count.
                pairs[t, p, c, GROSS] = gross
                kept = 1.0 - terms.cost * turnover
                if terms.next_open and due[t]:
                    worth = alone.growth[p, t + 1, 0] * kept * alone.growth[c, t + 1, 1]
                else:
                    worth = kept * alone.growth[c, t + 1, 1]
                pairs[t, p, c, EARNED] = worth - 1.0 if worth > 0.0 else -1.0
