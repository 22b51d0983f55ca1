"""The accounting kernel on cases small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.backtest.accounting import Books, Terms, empty_books, hold_through, simulate

FREE = Terms(
    cost=0.0, cash_rate=0.0, borrow_rate=0.0, leverage=1.0, max_leverage=2.0, threshold=-1.0,
    next_open=False,
)  # fmt: skip


def run(
    targets: list[list[float]],
    moves: list[list[float]],
    terms: Terms = FREE,
    *,
    due: list[bool] | None = None,
    opens: tuple[list[list[float]], list[list[float]]] | None = None,
    carry: list[list[float]] | None = None,
) -> Books:
    wanted = np.array(targets, dtype=float)
    books = empty_books(*wanted.shape)
    none = np.zeros((0, wanted.shape[1]))
    overnight, intraday = (none, none) if opens is None else map(np.array, opens)
    simulate(
        wanted,
        np.array(due if due else [True] * len(wanted)),
        np.array(moves, dtype=float),
        overnight,
        intraday,
        none if carry is None else np.array(carry),
        terms,
        books,
    )
    return books


def test_a_weight_decided_today_earns_tomorrows_move():
    books = run([[1, 0], [0, 1], [0, 1]], [[9, 9], [0.10, 9], [9, -0.50]])
    assert books.returns.tolist() == pytest.approx([0, 0.10, -0.50])
    assert books.equity.tolist() == pytest.approx([1, 1.1, 0.55])
    assert books.turnover.tolist() == pytest.approx([1, 2, 0])


def test_the_cost_of_a_trade_shows_in_the_next_sessions_return():
    books = run([[1], [1]], [[0], [0.10]], FREE._replace(cost=0.01))
    assert books.returns[1] == pytest.approx(0.99 * 1.10 - 1)


def test_weights_drift_and_going_back_to_target_is_turnover():
    """Half in something that doubles is two thirds; back to a half sells a sixth."""
    books = run([[0.5], [0.5]], [[0], [1.0]])
    assert books.before[1, 0] == pytest.approx(2 / 3)
    assert books.turnover[1] == pytest.approx(1 / 6)
    assert books.worth[1] == pytest.approx(1.5)


def test_between_dates_on_which_it_is_due_nothing_is_traded():
    books = run([[0.5]] * 3, [[0], [1.0], [1.0]], due=[True, False, True])
    assert books.turnover.tolist() == pytest.approx([0.5, 0, 0.3])
    assert books.held[1, 0] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("move", "trades"), [(0.2, False), (0.3, True)])
def test_a_threshold_waits_for_a_drift(move, trades):
    """Half that gains 20 % is 0.545, that gains 30 % is 0.565."""
    books = run([[0.5]] * 2, [[0], [move]], FREE._replace(threshold=0.05))
    assert bool(books.turnover[1]) is trades


def test_other_symbols_are_traded_whatever_the_threshold():
    books = run([[0.02, 0], [0, 0.02]], [[0, 0]] * 2, FREE._replace(threshold=0.05))
    assert books.turnover[1] == pytest.approx(0.04)


def test_leverage_multiplies_and_is_capped():
    books = run([[0.8, 0.4]] * 2, [[0, 0], [0.1, 0]], FREE._replace(leverage=2.0))
    assert books.capped.tolist() == [True, True]
    assert np.abs(books.after[0]).sum() == pytest.approx(2.0)
    assert books.returns[1] == pytest.approx(2.0 * 0.8 / 1.2 * 0.1)


def test_cash_earns_and_borrowing_costs():
    terms = FREE._replace(cash_rate=0.001, borrow_rate=0.01)
    idle = run([[0.25]] * 2, [[0], [0]], terms)
    assert idle.returns[1] == pytest.approx(0.75 * 0.001)
    borrowed = run([[1.5]] * 2, [[0], [0]], terms)
    assert borrowed.returns[1] == pytest.approx(-0.5 * 0.01)


def test_funding_is_paid_by_what_is_held():
    books = run([[0.5]] * 2, [[0], [0]], carry=[[0], [0.004]])
    assert books.returns[1] == pytest.approx(-0.002)


def test_at_the_next_open_the_old_weights_earn_the_night():
    """Decided at the close of 0, traded at the open of 1; switched at the open of 2."""
    overnight = [[0, 0], [0.5, 0.5], [0.1, 0]]
    intraday = [[0, 0], [0.2, 0], [0, 0.3]]
    moves = [[0, 0], [0.8, 0.5], [0.1, 0.3]]
    books = run(
        [[1, 0], [0, 1], [0, 1]], moves, FREE._replace(next_open=True), opens=(overnight, intraday)
    )
    assert books.returns.tolist() == pytest.approx([0, 0.2, 1.1 * 1.3 - 1])
    assert books.worth[2] == pytest.approx(1.2 * 1.1)


def test_equity_that_is_gone_stays_gone():
    books = run([[2.0]] * 4, [[0], [-0.6], [1.0], [1.0]])
    assert books.equity.tolist() == [1, 0, 0, 0]
    assert books.returns[1] == -1


def test_the_kernel_is_its_python():
    generator = np.random.default_rng(1)
    targets, moves = generator.dirichlet(np.ones(4), 60)[:, :3], generator.normal(0, 0.02, (60, 3))
    terms = FREE._replace(cost=0.001, threshold=0.02, cash_rate=1e-4)
    due, none = generator.random(60) < 0.5, np.zeros((0, 3))
    compiled, plain = empty_books(60, 3), empty_books(60, 3)
    simulate(targets, due, moves, none, none, none, terms, compiled)
    held, target = np.zeros(3), np.zeros(3)
    hold_through.py_func(targets, due, moves, none, none, none, terms, held, target, plain)
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-16)
