"""When positions were opened and closed, and what each exported as."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO

import numpy as np
import pytest
from openpyxl import load_workbook

from core import export
from core.backtest.holdings import changes_of, decisions_that_differ, spells_of
from core.backtest.result import Trades
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.flow.examples import example_flows
from core.market.sources.demo import DemoSource
from tests.fakes.clock import VirtualClock

FLOWS = example_flows()


@pytest.fixture(scope="module")
def backtest():
    settings = parse_settings(start=date(2021, 6, 1), slippage_bps=10)
    source = DemoSource(VirtualClock("2024-07-01T12:00:00"))
    return run_backtest(FLOWS["storm-watch"], source, settings, find=FLOWS.__getitem__)


@pytest.fixture
def result(backtest):
    return backtest.result


def traded(result, *rows: tuple[int, int, float, float, float]):
    """The result with these trades instead: session, symbol, before, after, price."""
    row, column, before, after, price = (np.array(values) for values in zip(*rows, strict=True))
    return replace(result, trades=Trades(row, column, before, after, price, after - before))


def test_a_position_is_from_its_first_purchase_to_its_last_sale(result):
    first, second = spells_of(
        traded(
            result,
            (3, 0, 0.0, 0.5, 10.0), (5, 0, 0.6, 0.8, 11.0), (9, 0, 0.7, 0.0, 12.0),
            (9, 1, 0.0, 1.0, 50.0),
        )
    )  # fmt: skip
    assert (first.symbol, first.entered, first.left, first.sessions) == (result.symbols[0], 3, 9, 6)
    assert (first.bought, first.sold, first.largest, first.trades) == (10.0, 12.0, 0.8, 3)
    assert first.price_return == pytest.approx(0.2)
    assert (second.left, second.sold, second.price_return) == (None, None, None)
    assert second.sessions == len(result.sessions) - 1 - 9


def test_a_symbol_bought_again_is_another_position(result):
    found = spells_of(
        traded(
            result,
            (1, 2, 0.0, 1.0, 5.0), (2, 2, 1.0, 0.0, 6.0), (2, 0, 0.0, 1.0, 9.0),
            (7, 0, 1.0, 0.0, 9.0), (7, 2, 0.0, 1.0, 4.0),
        )
    )  # fmt: skip
    assert [(s.entered, s.left) for s in found] == [(1, 2), (2, 7), (7, None)]


def test_a_ruined_account_holds_no_longer(result):
    equity = result.equity.copy()
    equity[6:] = 0
    (spell,) = spells_of(replace(traded(result, (2, 0, 0.0, 1.0, 5.0)), equity=equity))
    assert (spell.left, spell.sessions) == (None, 4)


def test_positions_of_a_real_run_cover_what_was_held(backtest):
    held = backtest.books.held > 0
    covered = np.zeros_like(held)
    for spell in spells_of(backtest.result):
        column = backtest.result.symbols.index(spell.symbol)
        covered[spell.entered : spell.entered + spell.sessions + (spell.left is None), column] = (
            True
        )
    np.testing.assert_array_equal(covered, held)


def test_sessions_that_changed_the_decision(result):
    found = changes_of(result)
    assert found[0] == 0
    assert 2 < len(found) < len(result.sessions)
    for row in found[1:4]:
        assert (result.weights[row] != result.weights[row - 1]).any()


def test_decisions_of_two_results_are_counted_apart(result):
    assert decisions_that_differ(result, result) == 0
    weights = result.weights.copy()
    weights[[4, 8]] = 0.0
    assert decisions_that_differ(result, replace(result, weights=weights)) == 2
    shorter = replace(result, sessions=result.sessions[:-3], weights=result.weights[:-3])
    assert decisions_that_differ(result, shorter) == 3


def test_exports_tell_who_earned_what_to_the_last_digit(backtest):
    result = backtest.result
    header, lines = export.attribution(backtest)
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    periods = {(row["from"], row["to"]) for row in rows}
    assert len(periods) == 5  # the whole, and four years
    for period in periods:
        *parts, total = [r for r in rows if (r["from"], r["to"]) == period]
        assert total["part"] == "Total return"
        assert sum(p["total"] for p in parts) == pytest.approx(total["total"], abs=1e-12)
    assert rows[0]["from"] == result.start
    whole = [r for r in rows if (r["from"], r["to"]) == (result.start, result.end)]
    assert whole[-1]["total"] == pytest.approx(result.metrics["total_return"], abs=1e-12)
    assert whole[-1]["costs"] < 0

    header, lines = export.branches(backtest)
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    root = next(r for r in rows if r["path"] == "root")
    symbols = sum(r["total"] for r in whole if r["part"] in result.symbols)
    assert root["total"] == pytest.approx(symbols, abs=1e-12)

    book = load_workbook(BytesIO(export.workbook(result, backtest)))
    assert book.sheetnames[-3:] == ["Positions", "Attribution", "Blocks"]
    assert book["Positions"].max_row == len(spells_of(result)) + 1


def test_holdings_with_cash_sum_to_one(result):
    header, lines = export.holdings(result)
    assert header == ("date", *result.symbols, "cash")
    assert all(sum(line[1:]) == pytest.approx(1) for line in lines)
