"""Attribution: which position, and which block of the flow, earned what.

In money. Within one session a position earns equity × weight × move, and that is exact; so the
money of many sessions adds up to the change of equity, whatever happened in between. Divided by
the equity at the beginning of a range, the parts are fractions that sum to the range's total
return. Contributions so linked are those of A. Frongello, "Linking Single Period Attribution
Results" (Journal of Performance Measurement, spring 2002), for a portfolio without a benchmark:
each session's part counts as much as equity had grown before it.

A block earns what the positions it asked for earn. Two blocks that hold one symbol share its
result as they shared its weight when it was last traded; drift does not change that, for both
parts move alike. The cost of a trade falls on the blocks whose part of the symbol changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from core.calendar import Sessions
from core.flow import opcodes as op
from core.flow.evaluate import Observation, shares_of
from core.flow.program import Program
from core.market.bars import Float

if TYPE_CHECKING:
    from core.backtest.accounting import Books, Terms
    from core.backtest.market import Moves

Whole = npt.NDArray[np.int64]
_SESSIONS_AT_ONCE = 256


@dataclass(frozen=True, eq=False, slots=True)
class Ledger:
    """What each session did to equity, in multiples of the starting equity; losses are negative.

    ``equity``       float64 [T], at each close
    ``gains``        float64 [2, T, N]: price moves of the positions carried into the session, and
                     of those a trade at its open left
    ``funding``      float64 [2, T, N]: the same for what perpetuals pay
    ``costs``        float64 [T, N]: slippage and commission, in the session they fall into
    ``interest``     float64 [T]: on cash
    ``borrowing``    float64 [T]: on what is borrowed
    ``written_off``  float64 [T]: a loss beyond all there was, which nobody paid
    """

    equity: Float
    gains: Float
    funding: Float
    costs: Float
    interest: Float
    borrowing: Float
    written_off: Float


def ledger_of(books: Books, moves: Moves, terms: Terms) -> Ledger:
    """The money in ``books``, which were simulated over ``moves`` on ``terms``."""
    carried = _shifted(books.held)
    at_close = _shifted(books.equity)
    carry = moves.carry if len(moves.carry) else np.zeros_like(carried)
    traded = (books.worth != 0)[:, None]
    changed = np.where(traded, np.abs(books.after - books.before), 0.0)
    costs = -terms.cost * changed * books.worth[:, None]
    gains, funding = np.zeros((2, 2, *carried.shape))
    if terms.next_open:
        invested = at_close
        stake = np.where(traded, (books.worth + costs.sum(axis=1))[:, None] * books.after, 0.0)
        early = np.where(traded, moves.overnight, moves.session)
        gains[1], funding[1] = stake * moves.intraday, -stake * carry
        carry = np.where(traded, 0.0, carry)
    else:
        costs = _shifted(costs)
        invested = at_close + costs.sum(axis=1)
        early = moves.session
    stake = invested[:, None] * carried
    gains[0], funding[0] = stake * early, -stake * carry
    cash = invested * (1.0 - carried.sum(axis=1))
    interest = terms.cash_rate * np.maximum(cash, 0.0)
    borrowing = terms.borrow_rate * np.minimum(cash, 0.0)
    explained = (gains + funding).sum(axis=(0, 2)) + costs.sum(axis=1) + interest + borrowing
    ruined = (books.equity <= 0) & (at_close > 0)
    written_off = np.where(ruined, -at_close - explained, 0.0)
    return Ledger(books.equity, gains, funding, costs, interest, borrowing, written_off)


def _shifted(values: Float) -> Float:
    """Each row one session later; the first is 0."""
    later = np.zeros_like(values)
    later[1:] = values[:-1]
    return later


@dataclass(frozen=True, eq=False, slots=True)
class Attribution:
    """The parts of the return from one close to another, as fractions of equity at the first.

    ``gains``, ``funding``, ``costs``  float64 [N], by symbol
    ``interest``, ``borrowing``        of the account as a whole
    ``written_off``                    a loss beyond all there was
    ``total``                          what all of them sum to: the return
    """

    gains: Float
    funding: Float
    costs: Float
    interest: float
    borrowing: float
    written_off: float
    total: float

    @property
    def positions(self) -> Float:
        """Each symbol's whole contribution [N]."""
        net: Float = self.gains + self.funding + self.costs
        return net

    @property
    def account(self) -> tuple[tuple[str, float], ...]:
        """What no position earned or cost, by name; only what there was."""
        parts = (
            ("Interest on cash", self.interest),
            ("Borrowing", self.borrowing),
            ("Written off", self.written_off),
        )
        return tuple(part for part in parts if part[1])


def attribute(ledger: Ledger, first: int, last: int) -> Attribution:
    """The parts of the return from the close of session ``first`` to that of ``last``.

    Raises ValueError where there was no equity to begin with.
    """
    begun = float(ledger.equity[first])
    if not begun > 0:
        raise ValueError(f"there is no equity at session {first}")
    rows = slice(first + 1, last + 1)
    return Attribution(
        gains=ledger.gains[:, rows].sum(axis=(0, 1)) / begun,
        funding=ledger.funding[:, rows].sum(axis=(0, 1)) / begun,
        costs=ledger.costs[rows].sum(axis=0) / begun,
        interest=float(ledger.interest[rows].sum()) / begun,
        borrowing=float(ledger.borrowing[rows].sum()) / begun,
        written_off=float(ledger.written_off[rows].sum()) / begun,
        total=float(ledger.equity[last]) / begun - 1.0,
    )


def years_of(sessions: Sessions, ledger: Ledger) -> list[tuple[int, int, int]]:
    """Each calendar year with the sessions its return runs from and to, while there is equity."""
    years = sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    found = []
    for year in np.unique(years).tolist():
        inside = np.flatnonzero(years == year)
        first, last = max(int(inside[0]) - 1, 0), int(inside[-1])
        if last > first and ledger.equity[first] > 0:
            found.append((year, first, last))
    return found


# -- branches ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class _Parts:
    """Fractions of a symbol's position by trade and asset node, [E] each; only those above 0."""

    trade: Whole
    node: Whole
    column: Whole
    fraction: Float


@dataclass(frozen=True, eq=False, slots=True)
class Branches:
    """Which blocks each position came from.

    ``source``  int64 [T]: the trade whose positions stand at the end of each session, from 0; -1
                before the first
    ``paid``    int64 [trades]: the session the cost of each trade falls into
    ``held``    fractions of each symbol's position after each trade
    ``moved``   fractions of each symbol's trade
    """

    program: Program
    source: Whole
    paid: Whole
    held: _Parts
    moved: _Parts


@dataclass(frozen=True, eq=False, slots=True)
class BranchAttribution:
    """Each node's part of a return, [nodes]; a node's is the sum of its children's.

    ``nodes``  those that earned or cost anything, in reading order
    ``gains``  price moves and funding
    ``costs``  slippage and commission
    """

    nodes: tuple[int, ...]
    gains: Float
    costs: Float

    @property
    def net(self) -> Float:
        whole: Float = self.gains + self.costs
        return whole


def branches_of(seen: Observation, offset: int, books: Books, terms: Terms) -> Branches:
    """The blocks behind every trade in ``books``, whose first session is number ``offset``."""
    program, code = seen.binding.program, seen.binding.program.code
    traded = np.flatnonzero(books.worth)
    decided = traded - terms.next_open
    nodes = np.array(program.reading_order)
    leaves = nodes[code.kind[nodes] == op.ASSET]
    column = seen.binding.asset[code.arg[leaves, 0]].astype(np.int64)
    trade, leaf, weight = _weights(seen, leaves, column, offset + decided)
    by_symbol = np.zeros((len(traded), len(seen.binding.held)))
    np.add.at(by_symbol, (trade, column[leaf]), weight)
    held = _Parts(trade, leaves[leaf], column[leaf], weight / by_symbol[trade, column[leaf]])
    sessions = np.arange(len(books.equity))
    return Branches(
        program=program,
        source=np.searchsorted(traded, sessions, side="right") - 1,
        paid=traded + (not terms.next_open),
        held=held,
        moved=_moved(held, books, traded, len(code.kind)),
    )


def _weights(
    seen: Observation, leaves: Whole, column: Whole, sessions: Whole
) -> tuple[Whole, Whole, Float]:
    """Decided weights that are not 0: number of the session, of the leaf, and the weight."""
    if not len(leaves) or not len(sessions):  # nothing to hold, or nothing was traded
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    rows, places, weights = [], [], []
    for begin in range(0, len(sessions), _SESSIONS_AT_ONCE):
        part = sessions[begin : begin + _SESSIONS_AT_ONCE]
        shares = (
            shares_of(seen, leaves.astype(np.int32), part.astype(np.int32))
            * seen.priced[part][:, column]
        )
        row, place = np.nonzero(shares)
        rows.append(row + begin)
        places.append(place)
        weights.append(shares[row, place])
    return np.concatenate(rows), np.concatenate(places), np.concatenate(weights)


def _moved(held: _Parts, books: Books, traded: Whole, nodes: int) -> _Parts:
    """How each trade of a symbol divides over its asset nodes: by how much the part of each
    changed, whichever way."""
    last = held.trade < len(traded) - 1
    trade = np.concatenate([held.trade, held.trade[last] + 1])
    node = np.concatenate([held.node, held.node[last]])
    column = np.concatenate([held.column, held.column[last]])
    rows = traded[trade]
    weight = np.concatenate([held.fraction, -held.fraction[last]])
    new = np.arange(len(trade)) < len(held.trade)
    weight *= np.where(new, books.after[rows, column], books.before[rows, column])
    keys, first, place = np.unique(trade * nodes + node, return_index=True, return_inverse=True)
    change = np.abs(np.bincount(place, weight, minlength=len(keys)))
    trade, node, column = trade[first], node[first], column[first]
    by_symbol = np.zeros((len(traded), books.held.shape[1]))
    np.add.at(by_symbol, (trade, column), change)
    some = change > 0
    fraction = change[some] / by_symbol[trade, column][some]
    return _Parts(trade[some], node[some], column[some], fraction)


def attribute_branches(
    ledger: Ledger, branches: Branches, first: int, last: int
) -> BranchAttribution:
    """Each node's part of the return from the close of session ``first`` to that of ``last``.

    The root's is the sum of all positions'; interest and borrowing are the account's, not a
    block's. Raises ValueError where there was no equity to begin with.
    """
    begun = float(ledger.equity[first])
    if not begun > 0:
        raise ValueError(f"there is no equity at session {first}")
    earned = np.zeros((len(branches.paid), ledger.costs.shape[1]))
    rows = np.arange(first + 1, last + 1)
    for source, part in ((branches.source[rows - 1], 0), (branches.source[rows], 1)):
        known = source >= 0
        money = ledger.gains[part, rows[known]] + ledger.funding[part, rows[known]]
        np.add.at(earned, source[known], money)
    spent = np.zeros_like(earned)
    inside = (branches.paid > first) & (branches.paid <= last)
    spent[inside] = ledger.costs[branches.paid[inside]]
    gains = _up(branches.program, branches.held, earned) / begun
    costs = _up(branches.program, branches.moved, spent) / begun
    some = tuple(n for n in branches.program.reading_order if gains[n] or costs[n])
    return BranchAttribution(some, gains, costs)


def _up(program: Program, parts: _Parts, money: Float) -> Float:
    """``money`` [trades, N] divided over the asset nodes and summed up to the root: [nodes]."""
    shared = parts.fraction * money[parts.trade, parts.column]
    sums: Float = np.bincount(parts.node, shared, minlength=len(program.parents)).astype(float)
    for node in range(len(sums) - 1, 0, -1):
        if program.parents[node] >= 0:
            sums[program.parents[node]] += sums[node]
    return sums
