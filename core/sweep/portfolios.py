"""The portfolios a sweep chooses between, and what going from one to another earns and costs.

At the top of most flows stand nodes that only choose: gates, switches. What they choose between,
a *portfolio*, is a ticker or a weighted part of the flow, and has few versions: those of its own
variables. Where costs do not depend on the path (no drift threshold), a session's net return is a
function of the session, the portfolio held before and the one chosen. It is tabulated once, with
the arithmetic of ``core.backtest.accounting``, and a run only looks it up.
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
from core.sweep.prepare import Prepared, SubtreeRunner

MOST_BYTES = 96_000_000
"""Of the table, and of the portfolios' weights: beyond it lookups miss the caches, and building
it takes longer than it saves."""
MOST_CHOICES = 250

EARNED, TURNOVER, GROSS = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Portfolios:
    """The distinct portfolios of a sweep; number 0 is nothing but cash.

    ``versions``  for each portfolio of the plan, int32 [combinations]: number of the portfolio
    ``targets``   float64 [L, T, N]: what each decides
    """

    versions: tuple[npt.NDArray[np.int32], ...]
    targets: Float

    def __len__(self) -> int:
        return len(self.targets)


def find_portfolios(ready: Prepared) -> Portfolios | None:
    """The portfolios of a sweep; None where there are too many to keep."""
    plan = ready.plan
    numbers = [plan.nodes[root].count for root in plan.portfolios]
    nothing = np.zeros((len(ready.sessions), len(ready.values.held)))
    limit = MOST_BYTES // max(nothing.nbytes, 1)
    if len(numbers) > MOST_CHOICES or sum(numbers) > limit:
        return None
    weights: dict[bytes, int] = {nothing.tobytes(): 0}
    versions = []
    for root in plan.portfolios:
        found = np.zeros(plan.nodes[root].count, dtype=np.int32)
        for version, decided in enumerate(_decided(ready, root)):
            found[version] = weights.setdefault(decided.tobytes(), len(weights))
        versions.append(found)
    targets = [np.frombuffer(w).reshape(nothing.shape) for w in weights]
    return Portfolios(tuple(versions), np.stack(targets))


def tabulate(ready: Prepared, portfolios: Portfolios) -> Float | None:
    """What each pair earns, float64 [T, L * L, 3] with pair = before * L + chosen.

    The return of the next session, the turnover and the gross exposure of this one. None where
    the table would be too large, or costs depend on the path.
    """
    size = len(portfolios) ** 2 * len(ready.sessions) * 24
    if ready.terms.threshold >= 0 or size > MOST_BYTES:
        return None
    return _fill(ready, portfolios.targets)


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


def _fill(ready: Prepared, targets: Float) -> Float:
    count, sessions, symbols = targets.shape
    table = np.zeros((sessions, count * count, 3))
    alone = Alone(
        growth=np.ones((count, sessions, 2)),
        closing=np.zeros(targets.shape),
        opening=np.zeros(targets.shape),
        aimed=np.zeros(targets.shape),
    )
    for i in range(count):
        one = Alone(alone.growth[i], alone.closing[i], alone.opening[i], alone.aimed[i])
        hold_alone(targets[i], ready.due, ready.moves, ready.terms, np.zeros(symbols), one)
    fill_pairs(ready.due, ready.terms, alone, table)
    return table


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
def fill_pairs(due, terms, alone, table):
    """What each pair earns; see ``tabulate``. Between trades a portfolio only follows itself."""
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
                entry = table[t, p * count + c]
                entry[TURNOVER], entry[GROSS] = turnover, gross
                if not last:
                    kept = 1.0 - terms.cost * turnover
                    if terms.next_open and due[t]:
                        worth = alone.growth[p, t + 1, 0] * kept * alone.growth[c, t + 1, 1]
                    else:
                        worth = kept * alone.growth[c, t + 1, 1]
                    entry[EARNED] = worth - 1.0 if worth > 0.0 else -1.0
