"""Accounting: target weights become equity, with drift, costs, leverage and interest.

Weights are shares of equity; what they leave over is cash, and below zero it is borrowed. Time is
axis 0, symbols axis 1.

Timing. A weight decided at the close of session t is traded at that close, or at the next open,
and earns from there on. The cost of a trade falls into the return of the session after the
decision, so ``returns[t + 1] = (1 - cost · turnover[t]) · (1 + gain) - 1`` when trading at the
close. Positions drift with their prices until the next trade.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.jit import inlined_kernel, kernel
from core.market.bars import Float


class Terms(NamedTuple):
    """What trading and holding costs, and what limits it. Rates are per session."""

    cost: float
    """Fraction of traded notional: slippage and commission together."""
    cash_rate: float
    borrow_rate: float
    leverage: float
    """Every target weight is multiplied by it."""
    max_leverage: float
    """Targets whose gross exposure is above it are scaled down to it."""
    threshold: float
    """Trade only when a weight has drifted further than this from target; negative: always."""
    next_open: bool
    """Trade at the next open instead of the close."""


class Books(NamedTuple):
    """What a simulation writes.

    ``returns``   float64 [T]: net return of each session on the one before; 0 on the first
    ``equity``    float64 [T]: at each close, before that close's trade; 1 on the first
    ``held``      float64 [T, N]: weights at the end of each session, its trade included
    ``before``    float64 [T, N]: weights just before the session's trade; 0 where there was none
    ``after``     float64 [T, N]: weights just after it
    ``worth``     float64 [T]: equity at that moment
    ``turnover``  float64 [T]: sum of absolute weight changes
    ``capped``    bool [T]: targets decided here were scaled down to ``max_leverage``
    """

    returns: Float
    equity: Float
    held: Float
    before: Float
    after: Float
    worth: Float
    turnover: Float
    capped: npt.NDArray[np.bool_]


def empty_books(sessions: int, symbols: int) -> Books:
    """Zeroed books for so many sessions and symbols."""
    return Books(
        returns=np.zeros(sessions),
        equity=np.zeros(sessions),
        held=np.zeros((sessions, symbols)),
        before=np.zeros((sessions, symbols)),
        after=np.zeros((sessions, symbols)),
        worth=np.zeros(sessions),
        turnover=np.zeros(sessions),
        capped=np.zeros(sessions, dtype=np.bool_),
    )


def simulate(
    targets: Float,
    due: npt.NDArray[np.bool_],
    moves: Float,
    overnight: Float,
    intraday: Float,
    carry: Float,
    terms: Terms,
    books: Books,
) -> None:
    """Hold ``targets`` through time; see ``hold_through``, which gets room to work in here."""
    room = np.zeros(targets.shape[1])
    hold_through(targets, due, moves, overnight, intraday, carry, terms, room, room.copy(), books)


@kernel
def hold_through(targets, due, moves, overnight, intraday, carry, terms, held, target, books):
    """Hold ``targets`` through time; the result is written to ``books``.

    targets    float64 [T, N]  decided at each close
    due        bool [T]        sessions whose decision may be acted upon
    moves      float64 [T, N]  return of each session on the close before, 0 where unknown
    overnight, intraday        the same in two parts, to the open and from it; [0, N] unless
                               trading at the open
    carry      float64 [T, N]  what holding costs in a session beyond its move (funding); or [0, N]
    held, target  float64 [N]  room to work in; held is zeroed by the caller

    Equity that falls to zero or below stays zero.
    """
    sessions = targets.shape[0]
    equity, paid, pending = 1.0, 0.0, False
    books.equity[0] = 1.0
    for t in range(sessions):
        if t > 0:
            growth = 1.0 - paid  # the cost of the trade at the last close
            paid = 0.0
            interest = interest_of(held, terms)
            if pending:
                growth *= hold(held, overnight[t], interest)
                books.worth[t] = equity * growth
                growth *= 1.0 - terms.cost * _trade(held, target, t, books)
                pending = False
                growth *= hold(held, intraday[t], -carried_cost(held, carry, t))
            else:
                growth *= hold(held, moves[t], interest - carried_cost(held, carry, t))
            if not growth > 0.0:
                books.returns[t] = -1.0
                return
            equity *= growth
            books.returns[t] = growth - 1.0
            books.equity[t] = equity
        if due[t]:
            books.capped[t] = aim(target, targets[t], terms)
            if terms.threshold < 0.0 or _drifted(held, target, terms.threshold):
                if terms.next_open:
                    pending = True
                else:
                    books.worth[t] = equity
                    paid = terms.cost * _trade(held, target, t, books)
        for i in range(held.size):
            books.held[t, i] = held[i]


@inlined_kernel
def interest_of(held, terms):
    """Gain of one session on uninvested cash; a loss while it is borrowed."""
    cash = 1.0
    for i in range(held.size):
        cash -= held[i]
    return cash * (terms.cash_rate if cash > 0.0 else terms.borrow_rate)


@inlined_kernel
def carried_cost(held, carry, t):
    """What holding costs in session t beyond its move: funding."""
    cost = 0.0
    if carry.shape[0]:
        for i in range(held.size):
            cost += held[i] * carry[t, i]
    return cost


@inlined_kernel
def hold(held, moves, extra):
    """Let weights drift by one move; returns the growth of equity."""
    growth = 1.0 + extra
    for i in range(held.size):
        growth += held[i] * moves[i]
    for i in range(held.size):
        # Divided, not multiplied by 1 / growth: a single holding has to stay exactly whole.
        held[i] *= (1.0 + moves[i]) / growth
    return growth


@kernel
def set_weights(held, weights):
    """Write ``weights`` to ``held``."""
    for i in range(held.size):
        held[i] = weights[i]


@inlined_kernel
def _trade(held, target, t, books):
    """Change ``held`` to ``target``; returns the turnover."""
    turnover = 0.0
    for i in range(held.size):
        books.before[t, i] = held[i]
        books.after[t, i] = target[i]
        turnover += abs(target[i] - held[i])
        held[i] = target[i]
    books.turnover[t] = turnover
    return turnover


@inlined_kernel
def aim(target, weights, terms):
    """Write the leveraged, capped weights to ``target``; True when the cap took effect."""
    gross = 0.0
    for i in range(weights.size):
        target[i] = weights[i] * terms.leverage
        gross += abs(target[i])
    capped = gross > terms.max_leverage * (1.0 + 1e-9)
    if capped:
        for i in range(weights.size):
            target[i] *= terms.max_leverage / gross
    return capped


@inlined_kernel
def _drifted(held, target, threshold):
    """True when a weight is further than ``threshold`` from target, or the symbols held change."""
    for i in range(held.size):
        if abs(held[i] - target[i]) > threshold or (held[i] != 0.0) != (target[i] != 0.0):
            return True
    return False
