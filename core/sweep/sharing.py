"""The kernels that decide what share of capital nodes give, in every combination at once.

Arithmetic is that of ``core.flow.walk``, node by node instead of session by session: a node's
shares are a row [T] that vector units work through.

columns  float64 [C, *]: sessions that decide, from column ``begin`` on
marks    uint8 [*, T]: which child of a node is taken
pool     choices, uint8 [*, T + PADDING], or shares, float64 [*, T], of the children
"""

from __future__ import annotations

import numpy as np

from core.flow import opcodes as op
from core.jit import inlined_kernel, kernel

UNRANKED = 255
"""Rank of an item that cannot be taken."""


@kernel
def fill_scales(columns, begin, children, row, value, low, high, marks, shares):
    """Where scales stand in U combinations: between children ``marks`` [U, T] and the next.

    row, value, low, high  [U]: the indicator, and what it runs between
    shares                 float64 [U, 2, T], written: of the lower and the upper one; none while
                           the indicator is unknown
    """
    for u in range(marks.shape[0]):
        for t in range(marks.shape[1]):
            x = value[u] if row[u] < 0 else columns[row[u], begin + t]
            if np.isnan(x):
                marks[u, t], shares[u, 0, t], shares[u, 1, t] = 0, 0.0, 0.0
                continue
            place = min(max((x - low[u]) / (high[u] - low[u]), 0.0), 1.0) * (children - 1)
            lower = min(int(place), children - 2)
            marks[u, t] = lower
            shares[u, 0, t] = 1.0 - place + lower
            shares[u, 1, t] = place - lower


@kernel
def fill_picked(marks, which, offset, pool, cases, rows):
    """Rows of the child ``offset`` behind the one that is marked.

    which  int64 [U]: rows of ``marks``
    cases  int64 [U, children]: rows of ``pool``
    """
    for u in range(rows.shape[0]):
        for case in range(offset, cases.shape[1]):
            copy_marked(marks[which[u]], case - offset, pool[cases[u, case]], rows[u])


@kernel
def fill_ranked(ranks, place, pool, cases, rows):
    """Rows of the item that comes in at ``place``; 0 where none does.

    ranks  uint8 [U, items, T]
    cases  int64 [U, items]: rows of ``pool``
    """
    for u in range(rows.shape[0]):
        rows[u] = 0
        for item in range(cases.shape[1]):
            copy_marked(ranks[u, item], place, pool[cases[u, item]], rows[u])


@inlined_kernel
def copy_marked(marks, mark, source, out):
    """Copy where ``marks`` says ``mark``; without a branch, many sessions at a time."""
    mark = np.uint8(mark)
    for t in range(marks.size):
        taken, kept = source[t], out[t]
        out[t] = taken if marks[t] == mark else kept


@kernel
def fill_products(pool, one, other, rows):
    """What is given of what was given: the product of rows ``one`` and ``other`` [U] of a pool."""
    for u in range(rows.shape[0]):
        a, b, out = pool[one[u]], pool[other[u]], rows[u]
        for t in range(out.size):
            out[t] = a[t] * b[t]


@kernel
def fill_inverse_volatility(columns, begin, row, value, ranks, take, shares):
    """Shares [U, n, T] in proportion to 1 / volatility, of those that rank before ``take``.

    row, value  [U, n]: the volatilities
    ranks       uint8 [U, n, T] of a sort's items; of a weight all 0
    take        float64 [U]: of a weight n
    """
    for u in range(shares.shape[0]):
        for t in range(shares.shape[2]):
            total, known = 0.0, 0
            for i in range(shares.shape[1]):
                shares[u, i, t] = 0.0
                x = value[u, i] if row[u, i] < 0 else columns[row[u, i], begin + t]
                if ranks[u, i, t] < take[u] and x > 0.0:
                    shares[u, i, t] = 1.0 / x
                    total += 1.0 / x
                    known += 1
            for i in range(shares.shape[1]):
                if shares[u, i, t] > 0.0:
                    shares[u, i, t] = known / take[u] * shares[u, i, t] / total


@kernel
def fill_ranks(columns, begin, row, value, orders, valid, keys, before, tied, ranks):
    """The rank of each item of sorts in U combinations: how many valid ones go before it.

    row, value  [U, items, n_keys]: the keys
    orders      bit k set: key k ascends
    valid       uint8 [U, items, T]: filters hold and the symbol has a bar; narrowed down to those
                whose keys are known
    keys        float64 [items, n_keys, T], ``before`` and ``tied`` uint8 [T]: room to work in
    ranks       uint8 [U, items, T], written; UNRANKED for what is not valid

    Items equal on every key keep their order. Each pair is compared once, a row at a time:
    without branches that is some 20 times as fast as sorting session by session.
    """
    for u in range(ranks.shape[0]):
        items, n_keys = row.shape[1], row.shape[2]
        for i in range(items):
            for k in range(n_keys):
                sign = -1.0 if (orders >> k) & 1 else 1.0
                if row[u, i, k] < 0:
                    keys[i, k] = sign * value[u, i, k]
                else:
                    copy_key(sign, columns[row[u, i, k], begin:], keys[i, k])
                narrow_down(keys[i, k], valid[u, i])
            ranks[u, i] = 0
        for i in range(items):
            for j in range(i + 1, items):
                compare_first(keys[j, 0], keys[i, 0], before, tied)
                for k in range(1, n_keys):
                    compare_next(keys[j, k], keys[i, k], before, tied)
                count_before(before, valid[u, i], valid[u, j], ranks[u, i], ranks[u, j])
        for i in range(items):
            for t in range(ranks.shape[2]):
                ranks[u, i, t] = ranks[u, i, t] if valid[u, i, t] else UNRANKED


@inlined_kernel
def copy_key(sign, column, out):
    for t in range(out.size):
        out[t] = sign * column[t]


@inlined_kernel
def narrow_down(key, valid):
    for t in range(valid.size):
        valid[t] = valid[t] & np.uint8(key[t] == key[t])


@inlined_kernel
def compare_first(later, sooner, before, tied):
    """Where the later of two items goes before the sooner, and where that is undecided."""
    for t in range(before.size):
        before[t] = later[t] > sooner[t]
        tied[t] = later[t] == sooner[t]


@inlined_kernel
def compare_next(later, sooner, before, tied):
    """The same by the next key, where it was undecided."""
    for t in range(before.size):
        before[t] = before[t] | (tied[t] & np.uint8(later[t] > sooner[t]))
        tied[t] = tied[t] & np.uint8(later[t] == sooner[t])


@inlined_kernel
def count_before(before, valid, other_valid, ranks, other_ranks):
    """Each of two items counts for the other's rank if it is valid."""
    for t in range(before.size):
        ranks[t] += before[t] & other_valid[t]
        other_ranks[t] += (before[t] ^ np.uint8(1)) & valid[t]


@kernel
def fill_valid(truths, asked, priced, assets, valid):
    """Which items of sorts may be taken: uint8 [U, items, T].

    truths  int8 [*, T], with ``asked`` int64 [U, items]: their filters; [U, 0] without any
    priced  bool [T, N], with ``assets`` int32 [U, items]: their symbols, -1 for flows
    """
    for u in range(valid.shape[0]):
        for i in range(valid.shape[1]):
            valid[u, i] = 1
            if asked.shape[1]:
                truth = truths[asked[u, i]]
                for t in range(valid.shape[2]):
                    valid[u, i, t] = truth[t] == op.TRUE
            if assets[u, i] >= 0:
                for t in range(valid.shape[2]):
                    valid[u, i, t] = valid[u, i, t] & np.uint8(priced[t, assets[u, i]])
