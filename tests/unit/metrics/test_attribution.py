"""Attribution worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.backtest.accounting import Terms, empty_books, simulate
from core.backtest.market import moves_of
from core.backtest.run import in_force
from core.flow.evaluate import decide, observe
from core.flow.nodes import Rebalance
from core.metrics.attribution import (
    attribute,
    attribute_branches,
    branches_of,
    ledger_of,
    years_of,
)
from tests.reference.engine import bound
from tests.reference.markets import bars_of

A, B = ({"kind": "asset", "symbol": s} for s in "AB")
FREE = Terms(0.0, 0.0, 0.0, 1.0, 2.0, -1.0, False)


def booked(root, closes, on: Terms, every: str = "daily", opens=None, start="2024-01-01"):
    """A flow's ledger and branches over closes that are written out."""
    days = pd.bdate_range(start, periods=len(next(iter(closes.values()))))
    frame = pd.DataFrame(closes, days, dtype=float)
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), frame)
    if opens:
        prices["open"] = pd.DataFrame(opens, days, dtype=float)
    bars = bars_of(prices)
    seen = observe(bound({"sluice": 1, "name": "case", "root": root}), bars)
    targets, due = in_force(decide(seen).weights, bars.sessions, Rebalance(every=every))
    moves = moves_of(bars, seen.binding.held, 0, None, on.next_open)
    books = empty_books(*targets.shape)
    simulate(targets, due, moves.session, moves.overnight, moves.intraday, moves.carry, on, books)
    return ledger_of(books, moves, on), branches_of(seen, 0, books, on), bars.sessions


def below(number: float):
    return {"left": {"indicator": "close", "symbol": "A"}, "op": "<", "right": number}


# Half of the money is in A always; the other half is in A while A is below 11, then in B.
ROOT = {
    "kind": "weight",
    "children": [A, {"kind": "gate", "when": below(11), "then": A, "else": B}],
}
CLOSES = {"A": [10, 11, 11, 22], "B": [5, 5, 6, 3]}


def test_two_blocks_share_a_symbol_as_they_share_its_weight():
    ledger, branches, _ = booked(ROOT, CLOSES, FREE)
    # All in A: 1 → 1.1. Then half and half: B + 20 % → 1.1 · 1.1 = 1.21. Then A + 100 %, B − 50 %:
    # 1.21 · 1.25 = 1.5125.
    assert ledger.equity == pytest.approx([1, 1.1, 1.21, 1.5125])
    found = attribute(ledger, 0, 3)
    assert found.total == pytest.approx(0.5125)
    # A: 0.1, nothing, 0.605. B: nothing, 0.55 · 0.2, −0.605 / 2.
    assert dict(zip("AB", found.positions, strict=True)) == pytest.approx(
        {"A": 0.705, "B": 0.11 - 0.3025}
    )
    nodes = attribute_branches(ledger, branches, 0, 3)
    by_path = dict(zip(branches.program.paths, nodes.net, strict=True))
    assert by_path == pytest.approx(
        {
            "root": 0.5125,
            "root.children[0]": 0.05 + 0.605,
            "root.children[1]": 0.05 + 0.11 - 0.3025,
            "root.children[1].then": 0.05,
            "root.children[1].else": 0.11 - 0.3025,
        }
    )


def test_a_range_is_measured_from_its_own_beginning():
    ledger, branches, _ = booked(ROOT, CLOSES, FREE)
    found = attribute(ledger, 2, 3)
    assert found.total == pytest.approx(0.25)
    assert found.positions == pytest.approx([0.5, -0.25])
    nodes = attribute_branches(ledger, branches, 2, 3)
    assert nodes.net[:3] == pytest.approx([0.25, 0.5, -0.25])


def test_costs_fall_on_the_blocks_that_changed():
    ledger, branches, _ = booked(ROOT, CLOSES, FREE._replace(cost=0.01))
    # The first trade buys A for all there is, half for each block: 1 %, paid with the next move.
    assert ledger.costs[1] == pytest.approx([-0.01, 0])
    # Then equity is 0.99 · 1.1 = 1.089, and half of it goes from A to B.
    assert ledger.equity[1] == pytest.approx(1.089)
    assert ledger.costs[2] == pytest.approx([-1.089 * 0.005, -1.089 * 0.005])
    nodes = attribute_branches(ledger, branches, 0, 2)
    by_path = dict(zip(branches.program.paths, nodes.costs, strict=True))
    assert by_path["root.children[0]"] == pytest.approx(-0.005)
    assert by_path["root.children[1].then"] == pytest.approx(-0.005 - 1.089 * 0.005)
    assert by_path["root.children[1].else"] == pytest.approx(-1.089 * 0.005)
    assert by_path["root"] == pytest.approx(attribute(ledger, 0, 2).costs.sum())


def test_interest_and_borrowing_are_the_accounts():
    half = {"kind": "weight", "children": [A, {"kind": "cash"}]}
    ledger, branches, _ = booked(half, {"A": [10, 10, 10]}, FREE._replace(cash_rate=0.01))
    found = attribute(ledger, 0, 1)
    assert (found.interest, found.borrowing, found.total) == pytest.approx((0.005, 0, 0.005))
    assert attribute_branches(ledger, branches, 0, 1).net == pytest.approx(np.zeros(3))
    twice = FREE._replace(leverage=2.0, borrow_rate=0.01)
    found = attribute(booked(A, {"A": [10, 11]}, twice)[0], 0, 1)
    assert found.positions == pytest.approx([0.2])
    assert (found.borrowing, found.total) == pytest.approx((-0.01, 0.19))


def test_a_trade_at_the_open_divides_the_session():
    closes = {"A": [10, 12, 12], "B": [10, 10, 12]}
    opens = {"A": [10, 11, 12], "B": [10, 10, 11]}
    root = {"kind": "gate", "when": below(11), "then": A, "else": B}
    ledger, _, _ = booked(root, closes, FREE._replace(next_open=True), opens=opens)
    # Bought A at 11, it closed at 12; sold there at the next open, B bought at 11 closed at 12.
    assert ledger.gains[1, 1] == pytest.approx([1 / 11, 0])
    assert ledger.gains[0, 2] == pytest.approx([0, 0])
    assert ledger.gains[1, 2] == pytest.approx([0, 12 / 11 / 11])
    assert attribute(ledger, 0, 2).total == pytest.approx((12 / 11) ** 2 - 1)


def test_what_is_lost_beyond_everything_is_written_off():
    deep = FREE._replace(leverage=2.0)
    ledger, branches, sessions = booked(A, {"A": [10, 4, 8]}, deep, start="2024-12-31")
    found = attribute(ledger, 0, 2)
    assert (found.positions[0], found.written_off, found.total) == pytest.approx((-1.2, 0.2, -1))
    assert attribute_branches(ledger, branches, 0, 2).net == pytest.approx([-1.2])
    with pytest.raises(ValueError, match="no equity at session 1"):
        attribute(ledger, 1, 2)
    assert years_of(sessions, ledger) == [(2025, 0, 2)]


def test_years_run_from_the_last_close_of_the_year_before():
    ledger, _, sessions = booked(A, {"A": [10, 11, 12, 6]}, FREE, start="2023-12-28")
    assert [str(day) for day in sessions] == [
        "2023-12-28",
        "2023-12-29",
        "2024-01-01",
        "2024-01-02",
    ]
    years = {year: attribute(ledger, a, b).total for year, a, b in years_of(sessions, ledger)}
    assert years == pytest.approx({2023: 0.1, 2024: 6 / 11 - 1})
