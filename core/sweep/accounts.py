"""Accounts of eight runs at once, for flows whose costs depend on the path.

The arithmetic is that of ``core.backtest.accounting``, step by step: each lane comes to what that
run's backtest comes to.
"""

from __future__ import annotations

from typing import NamedTuple

from core.jit import inlined_kernel, kernel
from core.lanes import LANES, every, in_any, larger, load, store, where
from core.market.bars import Float
from core.metrics.measure import ROUNDING
from core.metrics.passes import in_lines
from core.sweep.portfolios import GROSS, TRADED, TURNOVER

STRETCH = 32
"""Sessions whose targets are written before they are accounted for: they fit into the caches."""

ALIVE, PAID, PENDING = 3, 4, 5
"""Rows of ``Accounts.state`` behind TURNOVER, GROSS and TRADED."""


class Accounts(NamedTuple):
    """Working memory of a block of runs; N symbols, the runs side by side.

    ``targets``  float64 [STRETCH * N * LANES]: weights decided, by session and symbol
    ``held``, ``target``, ``opened``  float64 [N * LANES]: weights held, aimed at, held at the open
    ``state``    float64 [6 * LANES]: the sums of turnover, gross exposure and sessions traded; 1
                 while not ruined, the cost of the last close, 1 while a trade waits for the open
    """

    targets: Float
    held: Float
    target: Float
    opened: Float
    state: Float


def accounts_for(symbols: int) -> Accounts:
    row = symbols * LANES
    return Accounts(
        targets=in_lines(STRETCH * row),
        held=in_lines(row),
        target=in_lines(row),
        opened=in_lines(row),
        state=in_lines(6 * LANES),
    )


@inlined_kernel
def open_accounts(accounts):
    """Begin with nothing but cash."""
    accounts.held[:] = 0.0
    accounts.state[:] = 0.0
    store(accounts.state, ALIVE, every(1.0))


@kernel
def keep_accounts(begin, end, due, moves, terms, accounts, returns):
    """Hold targets through the sessions from ``begin`` to ``end``, at most STRETCH of them.

    returns  float64 [T * LANES], written: of each session, at the row of the one before

    See ``core.backtest.accounting.hold_through``. A run that loses everything has no returns and
    no trades after that.
    """
    sessions, symbols = moves.session.shape
    held, target, state = accounts.held, accounts.target, accounts.state
    zero, one = every(0.0), every(1.0)
    alive, paid, pending = load(state, ALIVE), load(state, PAID), load(state, PENDING)
    turnover_sum, gross_sum, traded = load(state, TURNOVER), load(state, GROSS), load(state, TRADED)
    paying = terms.cash_rate != 0.0 or terms.borrow_rate != 0.0
    for t in range(begin, end):
        if t > 0:
            interest = _interest(held, symbols, terms) if paying else zero
            carried = _carried(held, moves.carry, t)
            if terms.next_open and in_any(pending > 0.5):
                opened = accounts.opened
                growth = _hold(held, opened, moves.overnight[t], interest)
                turnover = where(pending > 0.5, _turnover(opened, target, symbols), zero)
                growth = growth * (1.0 - terms.cost * turnover)
                for i in range(symbols):
                    store(opened, i, load(target, i))
                after = _carried(opened, moves.carry, t)
                growth = growth * _hold(opened, opened, moves.intraday[t], 0.0 - after)
                whole = _hold(held, held, moves.session[t], interest - carried)
                growth = where(pending > 0.5, growth, whole)
                for i in range(symbols):
                    store(held, i, where(pending > 0.5, load(opened, i), load(held, i)))
                turnover = where(alive > 0.5, turnover, zero)
                turnover_sum = turnover_sum + turnover
                traded = traded + where(turnover > ROUNDING, one, zero)
                pending = zero
            else:
                growth = _hold(held, held, moves.session[t], interest - carried)
                growth = (1.0 - paid) * growth
            paid = zero
            earned = where(growth > 0.0, growth - 1.0, every(-1.0))
            store(returns, t - 1, where(alive > 0.5, earned, zero))
            alive = where(growth > 0.0, alive, zero)
        if due[t]:
            _aim(accounts.targets, t - begin, target, symbols, terms)
            moved = alive
            if terms.threshold >= 0.0:
                moved = where(alive > 0.5, _drifted(held, target, symbols, terms), zero)
            if terms.next_open:
                pending = moved
            else:
                turnover = _trade(held, target, symbols, moved)
                paid = terms.cost * turnover
                turnover_sum = turnover_sum + turnover
                traded = traded + where(turnover > ROUNDING, one, zero)
        if t + 1 < sessions:
            gross_sum = gross_sum + where(alive > 0.5, _gross(held, symbols), zero)
    store(state, TURNOVER, turnover_sum)
    store(state, GROSS, gross_sum)
    store(state, TRADED, traded)
    store(state, ALIVE, alive)
    store(state, PAID, paid)
    store(state, PENDING, pending)


@inlined_kernel
def _interest(held, symbols, terms):
    """Gain of one session on uninvested cash; a loss while it is borrowed."""
    cash = every(1.0)
    for i in range(symbols):
        cash = cash - load(held, i)
    return cash * where(cash > 0.0, every(terms.cash_rate), every(terms.borrow_rate))


@inlined_kernel
def _carried(held, carry, t):
    """What holding costs in session t beyond its move: funding."""
    cost = every(0.0)
    for i in range(carry.shape[1] if carry.shape[0] else 0):
        cost = cost + load(held, i) * carry[t, i]
    return cost


@inlined_kernel
def _hold(held, after, moves, extra):
    """Let weights drift by one move, from ``held`` to ``after``; returns the growth of equity."""
    growth = 1.0 + extra
    for i in range(moves.size):
        growth = growth + load(held, i) * moves[i]
    for i in range(moves.size):
        store(after, i, load(held, i) * (every(1.0 + moves[i]) / growth))
    return growth


@inlined_kernel
def _turnover(held, target, symbols):
    turnover = every(0.0)
    for i in range(symbols):
        change = load(target, i) - load(held, i)
        turnover = turnover + larger(change, 0.0 - change)
    return turnover


@inlined_kernel
def _trade(held, target, symbols, moved):
    """Go from ``held`` to ``target`` where ``moved`` is 1; returns the turnover."""
    turnover = every(0.0)
    for i in range(symbols):
        now, then = load(held, i), load(target, i)
        change = then - now
        turnover = turnover + larger(change, 0.0 - change)
        store(held, i, where(moved > 0.5, then, now))
    return where(moved > 0.5, turnover, every(0.0))


@inlined_kernel
def _gross(held, symbols):
    gross = every(0.0)
    for i in range(symbols):
        weight = load(held, i)
        gross = gross + larger(weight, 0.0 - weight)
    return gross


@inlined_kernel
def _aim(targets, t, target, symbols, terms):
    """Write the leveraged, capped weights of session t to ``target``."""
    gross = every(0.0)
    for i in range(symbols):
        weight = load(targets, t * symbols + i) * terms.leverage
        store(target, i, weight)
        gross = gross + larger(weight, 0.0 - weight)
    capped = gross > terms.max_leverage * (1.0 + 1e-9)
    if in_any(capped):
        for i in range(symbols):
            weight = load(target, i)
            store(target, i, where(capped, weight * (terms.max_leverage / gross), weight))


@inlined_kernel
def _drifted(held, target, symbols, terms):
    """1 where a weight is further than the threshold from target, or the symbols held change."""
    zero, one = every(0.0), every(1.0)
    moved = zero
    for i in range(symbols):
        now, then = load(held, i), load(target, i)
        change = now - then
        moved = where(larger(change, 0.0 - change) > terms.threshold, one, moved)
        same = where(now == 0.0, one, zero) == where(then == 0.0, one, zero)
        moved = where(same, moved, one)
    return moved
