"""The walk: one compiled program, one session, one path from the root to target weights.

These kernels are the only implementation of what a flow decides. The backtest, the sweep, the live
trade window and the explanation of a day all run them.

Time is axis 0 of prices and weights and axis 1 of columns and truths (so that one column is
contiguous). Everything at session t reads sessions up to t only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.flow import opcodes as op
from core.flow.program import Int
from core.jit import inlined_kernel, kernel
from core.market.bars import Float


class Slots(NamedTuple):
    """A binding's values as the kernels read them.

    ``asset``   int32 [assets]: column of the weights
    ``column``  int32 [slots]: row of ``columns``, or -1
    ``value``   float64 [slots]: the number where there is no column
    """

    asset: Int
    column: Int
    value: Float


@inlined_kernel
def slot_value(slots, columns, slot, t):
    """The number a slot stands for at session t; NaN while its column is unknown."""
    row = slots.column[slot]
    return slots.value[slot] if row < 0 else columns[row, t]


# -- conditions ----------------------------------------------------------------------------------


@kernel
def fill_truths(code, slots, columns, months, wanted, truths):
    """Decide the conditions numbered in ``wanted``, for every session.

    columns  float64 [C, T]
    months   int8 [T], 1 to 12
    wanted   int32 [W], ascending, so that parts are decided before what joins them
    truths   int8 [conditions, T], written: 1 true, 0 false, -1 unknown

    Truth is three-valued (Kleene): a comparison with an unknown number is unknown; ``all`` is
    false as soon as one part is false, ``any`` true as soon as one is true, whatever the rest.
    """
    sessions = truths.shape[1]
    for number in wanted:
        operation, a, b, c = code.conditions[number]
        out = truths[number]
        if operation <= op.LESS_EQUAL:
            compare(
                operation,
                columns,
                slots.column[a],
                slots.value[a],
                slots.column[b],
                slots.value[b],
                0,
                out,
            )
        elif operation == op.FOR_DAYS:
            hold_for(truths[a], int(slots.value[b]), out)
        elif operation == op.NOT:
            for t in range(sessions):
                truth = truths[a, t]
                out[t] = truth if truth == op.UNKNOWN else 1 - truth
        elif operation == op.MONTH:
            for t in range(sessions):
                out[t] = (a >> (months[t] - 1)) & 1
        elif operation == op.LATCH:
            latch(truths[a], truths[b], out)
        else:
            needed = b if operation == op.ALL_OF else 1
            if operation == op.AT_LEAST:
                needed = int(slots.value[c])
            count_true(truths, code.refs[a : a + b], needed, out)


@kernel
def compare(operation, columns, left, left_value, right, right_value, begin, out):
    """Compare two numbers in each session from number ``begin`` on.

    A side is a row of ``columns``; below 0, its value. Less is greater from the other side, so
    that few loops are left; none has a branch, so that they run many sessions at a time.
    """
    if operation == op.LESS or operation == op.LESS_EQUAL:
        left, left_value, right, right_value = right, right_value, left, left_value
    equal = operation == op.GREATER_EQUAL or operation == op.LESS_EQUAL
    truths = out[begin:]
    if left >= 0 and right >= 0:
        _compare_columns(columns[left, begin:], columns[right, begin:], equal, truths)
    elif left >= 0:
        _compare_with(columns[left, begin:], right_value, 1.0, equal, truths)
    elif right >= 0:
        _compare_with(columns[right, begin:], left_value, -1.0, equal, truths)
    else:
        truths[:] = left_value > right_value or (equal and left_value == right_value)
    if (left < 0 and np.isnan(left_value)) or (right < 0 and np.isnan(right_value)):
        truths[:] = op.UNKNOWN


@inlined_kernel
def _compare_columns(x, y, equal, out):
    """Where ``x`` is above ``y``, or ``equal`` and they are."""
    for t in range(out.size):
        holds = (x[t] > y[t]) | (equal & (x[t] == y[t]))
        unknown = (x[t] != x[t]) | (y[t] != y[t])
        out[t] = np.int8(holds) - np.int8(unknown)  # op.UNKNOWN, as nothing holds


@inlined_kernel
def _compare_with(x, value, sign, equal, out):
    """Where ``x`` is above ``value``, or ``equal`` and it is; with a ``sign`` of -1, below."""
    for t in range(out.size):
        a, b = sign * x[t], sign * value
        holds = (a > b) | (equal & (a == b))
        out[t] = np.int8(holds) - np.int8(a != a)


@kernel
def hold_for(truth, days, out):
    """True when true on each of the last ``days`` sessions, false when false on one of them.

    Sessions before the first count as unknown.
    """
    since_false, since_unknown = days, 0  # sessions since; the one before the first is unknown
    for t in range(out.size):
        since_false = 0 if truth[t] == op.FALSE else since_false + 1
        since_unknown = 0 if truth[t] == op.UNKNOWN else since_unknown + 1
        if since_false < days:
            out[t] = op.FALSE
        else:
            out[t] = op.TRUE if since_unknown >= days else op.UNKNOWN


@kernel
def latch(enter, leave, out):
    """On from a session whose ``enter`` holds until one whose ``leave`` does; ``leave`` wins.

    It is unknown until one of them is first known to decide it; an unknown one changes nothing.
    """
    state = op.UNKNOWN
    for t in range(out.size):
        if leave[t] == op.TRUE:
            state = op.FALSE
        elif enter[t] == op.TRUE:
            state = op.TRUE
        elif state == op.UNKNOWN and enter[t] == op.FALSE:
            state = op.FALSE
        out[t] = state


@kernel
def count_true(truths, parts, needed, out):
    """True once ``needed`` of the parts are true, false once they no longer can be."""
    for t in range(out.size):
        true = unknown = 0
        for part in parts:
            true += truths[part, t] == op.TRUE
            unknown += truths[part, t] == op.UNKNOWN
        if true >= needed:
            out[t] = op.TRUE
        else:
            out[t] = op.FALSE if true + unknown < needed else op.UNKNOWN


# -- the walk ------------------------------------------------------------------------------------


class Scratch(NamedTuple):
    """Working memory of a walk; ``share_of`` is its trace when it is not empty.

    ``node``, ``share``  int32, float64 [nodes]: the stack
    ``pick``             int32 [nodes]: a sort's items, best first
    ``share_of``         float64 [nodes]: what reached each node; NaN where the walk did not go
    """

    node: Int
    share: Float
    pick: Int
    share_of: Float


def scratch(nodes: int, *, trace: bool = False) -> Scratch:
    """Working memory for a program of so many nodes."""
    kept = nodes if trace else 0
    return Scratch(
        node=np.empty(nodes, dtype=np.int32),
        share=np.empty(nodes),
        pick=np.empty(nodes, dtype=np.int32),
        share_of=np.full(kept, np.nan),
    )


@inlined_kernel
def walk(code, slots, columns, truths, priced, t, root, scratch, weights):
    """Add the target weights of session t to ``weights``; returns the first unknown node or -1.

    columns  float64 [C, T]
    truths   int8 [conditions, T]
    priced   bool [T, N]: the symbol has a bar in that session, so it can be traded
    weights  float64 [N], zeroed by the caller

    Whatever a node cannot place, because something it needs is unknown, stays in cash. The cost
    grows with the path taken, not with the size of the flow.
    """
    unknown = -1
    scratch.node[0], scratch.share[0] = root, 1.0
    top = 1
    while top > 0:
        top -= 1
        node, share = scratch.node[top], scratch.share[top]
        if scratch.share_of.size:
            scratch.share_of[node] = share
        kind, first, n = code.kind[node], code.first[node], code.arity[node]
        arg = code.arg[node]
        missed = False
        if kind == op.ASSET:
            symbol = slots.asset[arg[0]]
            if priced[t, symbol]:
                weights[symbol] += share
            else:
                missed = True
        elif kind == op.GATE or kind == op.SWITCH:
            case = _case(code, truths, kind, arg, t)
            if case < 0:
                missed = True
            else:
                top = _push(scratch, top, code.refs[first + case], share)
        elif kind == op.SORT:
            top, missed = _push_sorted(
                code, slots, columns, truths, priced, t, node, share, scratch, top
            )
        elif kind == op.SCALE:
            x = slot_value(slots, columns, arg[0], t)
            if np.isnan(x):
                missed = True
            else:
                low = slot_value(slots, columns, arg[1], t)
                high = slot_value(slots, columns, arg[2], t)
                place = min(max((x - low) / (high - low), 0.0), 1.0) * (n - 1)
                lower = min(int(place), n - 2)
                top = _push(scratch, top, code.refs[first + lower + 1], share * (place - lower))
                top = _push(scratch, top, code.refs[first + lower], share * (1.0 - place + lower))
        elif kind == op.INVERSE_VOLATILITY:
            top, missed = _push_inverse_volatility(
                code, slots, columns, t, arg[0], first, n, n, share, scratch, top
            )
        elif kind != op.CASH:
            for i in range(n - 1, -1, -1):  # pushed last first, so walked first to last
                part = 1.0
                if kind == op.EQUAL:
                    part = 1.0 / n
                elif kind == op.RANKED:
                    part = 2.0 * (n - i) / (n * (n + 1.0))
                elif kind == op.SPECIFIED:
                    part = slot_value(slots, columns, code.refs[arg[0] + i], t)
                top = _push(scratch, top, code.refs[first + i], share * part)
        if missed and unknown < 0:
            unknown = node
    return unknown


@inlined_kernel
def _push(scratch, top, node, share):
    if share == 0.0:
        return top
    scratch.node[top], scratch.share[top] = node, share
    return top + 1


@inlined_kernel
def _case(code, truths, kind, arg, t):
    """The child a gate (0 then, 1 else) or a switch takes; -1 while a condition is unknown."""
    if kind == op.GATE:
        truth = truths[arg[0], t]
        return -1 if truth == op.UNKNOWN else 1 - truth
    held = 0
    for i in range(arg[1]):
        truth = truths[code.refs[arg[0] + i], t]
        if truth == op.UNKNOWN:
            return -1
        held += truth
    return held


@kernel
def _push_inverse_volatility(
    code, slots, columns, t, volatility, first, n, of, share, scratch, top
):
    """Share over n nodes in proportion to 1 / volatility.

    A node whose volatility is unknown or zero is left out and leaves its even part, 1 / ``of``,
    in cash.
    """
    total, known = 0.0, 0
    for i in range(n):
        deviation = slot_value(slots, columns, code.refs[volatility + i], t)
        if deviation > 0.0:
            total += 1.0 / deviation
            known += 1
    for i in range(n - 1, -1, -1):
        deviation = slot_value(slots, columns, code.refs[volatility + i], t)
        if deviation > 0.0:
            part = known / of * (1.0 / deviation) / total
            top = _push(scratch, top, code.refs[first + i], share * part)
    return top, known < n


@kernel
def _push_sorted(code, slots, columns, truths, priced, t, node, share, scratch, top):
    """Share over the best ``take`` items; each one missing leaves its part in cash."""
    arg, first = code.arg[node], code.first[node]
    take = int(slots.value[arg[op.SORT_TAKE]])
    found, unsure = rank(code, slots, columns, truths, priced, t, node, take, scratch.pick)
    allocation, shares = arg[op.SORT_ALLOCATION], arg[op.SORT_SHARES]
    total, known = 0.0, 0
    if allocation == op.ALLOCATE_INVERSE_VOLATILITY:
        for place in range(found):
            slot = code.refs[shares + scratch.pick[place]]
            deviation = slot_value(slots, columns, slot, t)
            if deviation > 0.0:
                total += 1.0 / deviation
                known += 1
    for place in range(found - 1, -1, -1):
        item = scratch.pick[place]
        part = 1.0 / take
        if allocation == op.ALLOCATE_RANK:
            part = 2.0 * (take - place) / (take * (take + 1.0))
        elif allocation == op.ALLOCATE_SPECIFIED:
            part = slot_value(slots, columns, code.refs[shares + place], t)
        elif allocation == op.ALLOCATE_INVERSE_VOLATILITY:
            deviation = slot_value(slots, columns, code.refs[shares + item], t)
            part = known / take * (1.0 / deviation) / total if deviation > 0.0 else 0.0
        top = _push(scratch, top, code.refs[first + item], share * part)
    missed = unsure and found < take
    if allocation == op.ALLOCATE_INVERSE_VOLATILITY:
        missed = missed or known < found
    return top, missed


@kernel
def rank(code, slots, columns, truths, priced, t, node, take, pick):
    """Write the best ``take`` valid items to ``pick``, best first.

    An item is valid when its filters hold, all its keys are known and, if it is a symbol, it has a
    bar today. Items equal on every key keep the order they are listed in. Returns how many were
    found and whether an item was left out for something unknown.
    """
    arg = code.arg[node]
    n_keys, keys, filters = arg[op.SORT_N_KEYS], arg[op.SORT_KEYS], arg[op.SORT_FILTERS]
    found, unsure = 0, False
    for item in range(code.arity[node]):
        if filters >= 0:
            truth = truths[code.refs[filters + item], t]
            unsure = unsure or truth == op.UNKNOWN
            if truth != op.TRUE:
                continue
        known = True
        for k in range(n_keys):
            slot = code.refs[keys + item * n_keys + k]
            known = known and not np.isnan(slot_value(slots, columns, slot, t))
        child = code.refs[code.first[node] + item]
        if code.kind[child] == op.ASSET:
            known = known and priced[t, slots.asset[code.arg[child, 0]]]
        if not known:
            unsure = True
            continue
        place = found
        while place > 0 and _before(
            code, slots, columns, t, keys, n_keys, arg[op.SORT_ORDERS], item, pick[place - 1]
        ):
            place -= 1
        if place < take:
            for i in range(min(found, take - 1), place, -1):
                pick[i] = pick[i - 1]
            pick[place] = item
            found = min(found + 1, take)
    return found, unsure


@kernel
def _before(code, slots, columns, t, keys, n_keys, orders, item, other):
    """True when ``item`` ranks strictly before ``other``."""
    for k in range(n_keys):
        x = slot_value(slots, columns, code.refs[keys + item * n_keys + k], t)
        y = slot_value(slots, columns, code.refs[keys + other * n_keys + k], t)
        if x != y:
            return x < y if (orders >> k) & 1 else x > y
    return False


@kernel
def walk_sessions(code, slots, columns, truths, priced, root, start, scratch, weights, unknown):
    """Walk every session from ``start``: rows of ``weights`` [T, N] and of ``unknown`` [T]."""
    for t in range(start, weights.shape[0]):
        weights[t] = 0.0
        unknown[t] = walk(code, slots, columns, truths, priced, t, root, scratch, weights[t])


@kernel
def walk_shares(
    code, slots, columns, truths, priced, root, sessions, nodes, scratch, weights, shares
):
    """What reaches each of ``nodes`` [K] on the sessions numbered in ``sessions`` [S].

    scratch  with its trace switched on
    weights  float64 [N], overwritten
    shares   float64 [S, K], written: 0 where the walk did not go
    """
    for row in range(sessions.size):
        weights[:] = 0.0
        scratch.share_of[:] = np.nan
        walk(code, slots, columns, truths, priced, sessions[row], root, scratch, weights)
        for k in range(nodes.size):
            share = scratch.share_of[nodes[k]]
            shares[row, k] = 0.0 if np.isnan(share) else share


@kernel
def simulate_inner(code, slots, columns, truths, priced, returns, root, scratch, weights, equity):
    """The equity of an inner flow, rebalanced each session at the close without costs.

    returns  float64 [T, N]: return of session t on the session before, 0 where unknown
    weights  float64 [N], overwritten
    equity   float64 [T], written: NaN before the first session the flow decides without anything
             unknown, 1 on it
    """
    weights[:] = 0.0
    started = False
    for t in range(equity.size):
        if not started:
            equity[t] = np.nan
        else:
            gain = 0.0
            for i in range(weights.size):
                gain += weights[i] * returns[t, i]
            equity[t] = equity[t - 1] * (1.0 + gain)
        weights[:] = 0.0
        unknown = walk(code, slots, columns, truths, priced, t, root, scratch, weights)
        if not started and unknown < 0:
            started = True
            equity[t] = 1.0
