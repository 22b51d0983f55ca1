"""Attribution: whatever the flow, the market and the terms, the parts sum to the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from core.backtest.accounting import Terms, empty_books, simulate
from core.backtest.market import moves_of
from core.backtest.run import in_force
from core.flow.nodes import Rebalance
from core.metrics.attribution import (
    attribute,
    attribute_branches,
    branches_of,
    ledger_of,
    years_of,
)
from tests.reference.engine import decided, quick, thorough
from tests.reference.flows import Case, flows
from tests.reference.markets import Market, bars_of, markets

FIRST = 7  # a backtest begins inside its history


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    return Terms(
        cost=draw(st.sampled_from((0.0, 0.0005, 0.02))),
        cash_rate=draw(st.sampled_from((0.0, 0.0002))),
        borrow_rate=draw(st.sampled_from((0.0, 0.0004))),
        leverage=draw(st.sampled_from((1.0, 0.5, 1.7, 4.0))),
        max_leverage=draw(st.sampled_from((2.0, 1.0, 5.0))),
        threshold=draw(st.sampled_from((-1.0, -1.0, 0.0503))),
        next_open=draw(st.booleans()),
    )


def check(case: Case, prices: Market, on: Terms, every: str, seed: int) -> None:
    seen, decisions = decided(case, prices)
    assume(len(seen.binding.held))
    bars = bars_of(prices)
    targets, due = in_force(
        decisions.weights[FIRST:], bars.sessions[FIRST:], Rebalance(every=every)
    )
    generator = np.random.default_rng(seed)
    carry = generator.normal(0, 0.001, targets.shape) if seed % 2 else None
    moves = moves_of(bars, seen.binding.held, FIRST, carry, on.next_open)
    books = empty_books(*targets.shape)
    simulate(targets, due, moves.session, moves.overnight, moves.intraday, moves.carry, on, books)
    ledger = ledger_of(books, moves, on)
    branches = branches_of(seen, FIRST, books, on)
    first, last = sorted(generator.choice(len(targets), 2, replace=False).tolist())
    whole = (0, len(targets) - 1)
    for begin, end in (whole, (first, last)):
        if not books.equity[begin] > 0:
            event("ruined before")
            continue
        sums_are_exact(seen, ledger, branches, begin, end)
    growth = [
        attribute(ledger, a, b).total + 1 for _, a, b in years_of(bars.sessions[FIRST:], ledger)
    ]
    assert np.prod(growth) == pytest.approx(books.equity[-1], abs=1e-12)
    event("ruined" if books.equity[-1] <= 0 else "alive")


def sums_are_exact(seen, ledger, branches, begin: int, end: int) -> None:
    found = attribute(ledger, begin, end)
    size = 1e-12 * (1 + np.abs(ledger.gains).sum() / ledger.equity[begin])
    total = ledger.equity[end] / ledger.equity[begin] - 1
    parts = found.positions.sum() + found.interest + found.borrowing + found.written_off
    assert parts == pytest.approx(total, abs=size)
    assert found.total == total
    # Only an account that is ruined has something written off.
    assert found.written_off == 0 or ledger.equity[end] == 0
    assert found.borrowing <= 0 <= found.interest
    assert (found.costs <= 0).all()

    nodes = attribute_branches(ledger, branches, begin, end)
    program = seen.binding.program
    for part, expected in (
        (nodes.gains, (found.gains + found.funding).sum()),
        (nodes.costs, found.costs.sum()),
        (nodes.net, found.positions.sum()),
    ):
        assert part[0] == pytest.approx(expected, abs=size)
        for node in range(len(program.nodes)):
            children = np.flatnonzero(program.parents == node)
            if len(children):
                assert part[node] == pytest.approx(part[children].sum(), abs=size)
    # What the asset blocks of one symbol earn together is what the symbol earned.
    code = program.code
    leaves = np.flatnonzero(code.kind == 0)
    column = seen.binding.asset[code.arg[leaves, 0]]
    for part, expected in (
        (nodes.gains, found.gains + found.funding), (nodes.costs, found.costs),
    ):  # fmt: skip
        np.testing.assert_allclose(
            np.bincount(column, part[leaves], minlength=len(found.costs)), expected, atol=size
        )


EVERY = st.sampled_from(("daily", "daily", "weekly", "monthly"))


@quick(60)
@given(flows(), markets(), terms(), EVERY, st.integers(0, 2**32 - 1))
def test_the_parts_sum_to_the_whole(case, prices, on, every, seed) -> None:
    check(case, prices, on, every, seed)


@pytest.mark.slow
@thorough(120)
@given(flows(depth=5, budget=30), markets(high=250), terms(), EVERY, st.integers(0, 2**32 - 1))
def test_the_parts_sum_to_the_whole_at_length(case, prices, on, every, seed) -> None:
    check(case, prices, on, every, seed)
