"""The kernels that decide what nodes choose, in every combination of their variables at once.

Truths and choices are bytes, one row for each combination, so that they are worked out 64 sessions
at a time and for many runs together.
"""

from __future__ import annotations

import numpy as np

from core.flow import opcodes as op
from core.flow.walk import compare, count_true, hold_for, latch
from core.jit import kernel


@kernel
def fill_comparisons(operation, columns, left, left_value, right, right_value, begin, rows):
    """Truths int8 [U, all sessions] of a comparison in U combinations, from ``begin`` on."""
    for u in range(rows.shape[0]):
        compare(
            operation, columns, left[u], left_value[u], right[u], right_value[u], begin, rows[u]
        )


@kernel
def fill_joined(operation, argument, numbers, parts, months, pool, rows):
    """Truths int8 [U, all sessions] of what joins other conditions.

    numbers  int64 [U]: sessions of for_days, how many of at_least
    parts    int64 [U, P]: rows of ``pool`` that are joined
    """
    for u in range(rows.shape[0]):
        out = rows[u]
        if operation == op.FOR_DAYS:
            hold_for(pool[parts[u, 0]], numbers[u], out)
        elif operation == op.NOT:
            truths = pool[parts[u, 0]]
            for t in range(out.size):
                out[t] = truths[t] if truths[t] == op.UNKNOWN else 1 - truths[t]
        elif operation == op.MONTH:
            for t in range(out.size):
                out[t] = (argument >> (months[t] - 1)) & 1
        elif operation == op.LATCH:
            latch(pool[parts[u, 0]], pool[parts[u, 1]], out)
        else:
            count_true(pool, parts[u], numbers[u], out)


@kernel
def fill_gates(truths, asked, choices, then, otherwise, rows):
    """Choices uint8 [U, T] of a gate: those of one child or the other, 0 while it is unknown.

    asked            int64 [U]: rows of ``truths``, int8 [*, T]
    then, otherwise  int64 [U]: rows of ``choices``, uint8 [*, T]

    Without a branch, so that it is done 64 sessions at a time.
    """
    for u in range(rows.shape[0]):
        truth, yes, no, out = truths[asked[u]], choices[then[u]], choices[otherwise[u]], rows[u]
        for t in range(truth.size):
            taken = yes[t] if truth[t] == op.TRUE else no[t]
            out[t] = taken if truth[t] != op.UNKNOWN else np.uint8(0)


@kernel
def fill_switches(truths, asked, choices, cases, rows):
    """Choices uint8 [U, T] of a switch: case k where k conditions hold, 0 while one is unknown."""
    for u in range(rows.shape[0]):
        for t in range(truths.shape[1]):
            held, unknown = 0, False
            for c in range(asked.shape[1]):
                truth = truths[asked[u, c], t]
                unknown = unknown or truth == op.UNKNOWN
                held += truth == op.TRUE
            rows[u, t] = 0 if unknown else choices[cases[u, held], t]
