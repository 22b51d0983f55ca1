"""The engine against a second opinion, and laws that hold for every flow.

``tests/reference`` evaluates docs/flow.md by plain recursion over the flow's JSON. Hypothesis
draws flows, libraries, variables and markets; the engine has to decide the same, session by
session. `make fuzz` draws new examples; otherwise they are the same every time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from core.backtest.accounting import Terms, empty_books, simulate
from core.flow.evaluate import session_returns
from tests.reference.account import Account, equity, moves_of
from tests.reference.engine import decided, quick, thorough
from tests.reference.evaluate import evaluate
from tests.reference.flows import Case, flows
from tests.reference.markets import SYMBOLS, Market, bars_of, make_market, markets


def check_decisions(case: Case, prices: Market) -> None:
    """Equal weights on every session, nothing where nothing, and the same lacks."""
    seen, decisions = decided(case, prices)
    opinion = evaluate(case.flow, prices, case.overrides, case.library)
    sure = opinion.doubtful_from
    held = list(seen.binding.held)
    expected = opinion.weights[held].to_numpy()[:sure]
    actual = decisions.weights[:sure]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(actual == 0, expected == 0)
    np.testing.assert_array_equal(decisions.unknown[:sure] >= 0, opinion.lacking[:sure])
    assert set(opinion.weights.columns[(opinion.weights != 0).any()]) <= set(held)
    event("compared to the end" if sure == len(prices["close"]) else "compared in part")


@quick(300)
@given(case=flows(), prices=markets())
def test_decides_as_the_reference_does(case: Case, prices: Market) -> None:
    check_decisions(case, prices)


@pytest.mark.slow
@thorough(400)
@given(case=flows(depth=5, budget=30), prices=markets(high=200))
def test_decides_as_the_reference_does_at_length(case: Case, prices: Market) -> None:
    check_decisions(case, prices)


@pytest.mark.parametrize(("share", "sure"), [(0.1, 60), (1e-5, 5)])
def test_where_a_deviation_is_mostly_rounding_the_reference_is_in_doubt(share, sure) -> None:
    """Flows that hold next to nothing: the inverse of how they move says nothing to nine digits."""
    parts = [
        {"kind": "weight", "scheme": "specified", "weights": [share, 1 - share],
         "children": [{"kind": "asset", "symbol": symbol}, {"kind": "cash"}]}
        for symbol in SYMBOLS[:2]
    ]  # fmt: skip
    root = {"kind": "weight", "scheme": "inverse_volatility", "window": 5, "children": parts}
    prices = make_market(60, 3, 0.01, False, ("walk",) * len(SYMBOLS))
    assert evaluate({"sluice": 1, "name": "x", "root": root}, prices).doubtful_from == sure


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Terms of every kind, cheap and dear, cautious and ruinous."""
    every = draw(st.sampled_from(("daily", "weekly", "monthly", "quarterly", "yearly")))
    threshold = draw(st.sampled_from((0.0101, 0.0503, 0.2001)))
    rebalance = draw(
        st.sampled_from((every, {"threshold": threshold}, {"every": every, "threshold": threshold}))
    )
    return Account(
        rebalance=rebalance,
        slippage_bps=draw(st.sampled_from((0.0, 5.0, 50.0))),
        commission_bps=draw(st.sampled_from((0.0, 1.0))),
        next_open=draw(st.booleans()),
        leverage=draw(st.sampled_from((1.0, 0.5, 1.7, 3.0))),
        max_leverage=draw(st.sampled_from((2.0, 1.0, 5.0))),
        cash_rate=draw(st.sampled_from((0.0, 0.04))),
        borrow_rate=draw(st.sampled_from((0.0, 0.08))),
    )


@st.composite
def targets(draw: st.DrawFn, prices: Market) -> pd.DataFrame:
    """Decided weights: a new mixture every few sessions, never of a symbol without a bar."""
    close = prices["close"]
    missing = close.isna().to_numpy()
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patience = draw(st.sampled_from((1, 3, 20)))
    rows = np.zeros(close.shape)
    mixture = np.zeros(len(SYMBOLS))
    for t in range(len(close)):
        if t % patience == 0:
            mixture = generator.dirichlet(np.ones(len(SYMBOLS) + 1))[:-1]
            mixture *= generator.random(len(SYMBOLS)) < 0.6
        rows[t] = np.where(missing[t], 0.0, mixture)
    return pd.DataFrame(rows, close.index, close.columns)


def books_of(weights: pd.DataFrame, prices: Market, terms: Account) -> pd.DataFrame:
    """The engine's accounting of the same weights under the same terms."""
    symbols = list(weights.columns)
    overnight, intraday = (
        np.ascontiguousarray(pd.DataFrame(part)[symbols].to_numpy())
        for part in moves_of(prices, symbols)[1:]
    )
    nothing = np.zeros((0, len(symbols)))
    books = empty_books(*weights.shape)
    simulate(
        np.ascontiguousarray(weights.to_numpy()),
        np.array(terms.due(list(weights.index))),
        np.ascontiguousarray(session_returns(bars_of(prices), tuple(symbols))),
        overnight if terms.next_open else nothing,
        intraday if terms.next_open else nothing,
        nothing,
        Terms(
            cost=terms.cost,
            cash_rate=terms.per_session(terms.cash_rate),
            borrow_rate=terms.per_session(terms.borrow_rate),
            leverage=terms.leverage,
            max_leverage=terms.max_leverage,
            threshold=-1.0 if terms.threshold is None else terms.threshold,
            next_open=terms.next_open,
        ),
        books,
    )
    columns = {"equity": books.equity, "returns": books.returns, "turnover": books.turnover}
    return pd.DataFrame(columns, weights.index)


def check_accounts(data: st.DataObject, prices: Market, terms: Account) -> None:
    weights = data.draw(targets(prices))
    expected = equity(weights, prices, terms)
    actual = books_of(weights, prices, terms)
    np.testing.assert_allclose(actual["equity"], expected["equity"], rtol=1e-9, atol=0)
    np.testing.assert_allclose(actual["returns"], expected["returns"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(actual["turnover"], expected["turnover"], rtol=1e-9, atol=1e-12)
    event("ruined" if expected["equity"].iloc[-1] == 0 else "alive")


@quick(150)
@given(data=st.data(), prices=markets(), terms=accounts())
def test_accounts_as_the_reference_does(
    data: st.DataObject, prices: Market, terms: Account
) -> None:
    check_accounts(data, prices, terms)


@pytest.mark.slow
@thorough(250)
@given(data=st.data(), prices=markets(high=300), terms=accounts())
def test_accounts_as_the_reference_does_at_length(
    data: st.DataObject, prices: Market, terms: Account
) -> None:
    check_accounts(data, prices, terms)
