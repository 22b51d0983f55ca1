"""The figures that explain a result, and the session a date means."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from app.charts.contributions import contributions_chart
from app.charts.node_history import MOST_LINES, node_history_chart
from app.charts.spells import spells_chart
from app.components.session_picker import number_of
from app.theme import DARK, LIGHT
from core.backtest.holdings import spells_of
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.flow.formats.native import from_json
from core.flow.history import history_of
from core.market.sources.demo import DemoSource
from tests.fakes.clock import VirtualClock

SYMBOLS = ["SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "GLD", "XLK", "XLE"]


@pytest.fixture(scope="module")
def backtest():
    rsi = {"indicator": "rsi", "symbol": "SPY", "window": 5}
    root = {
        "kind": "gate",
        "name": "<b>Hot</b>",
        "when": {"left": rsi, "op": ">", "right": 70},
        "then": {"kind": "cash"},
        "else": {"kind": "sort", "items": SYMBOLS, "by": {"indicator": "roc", "window": 20}},
    }
    flow = from_json({"sluice": 1, "name": "case", "root": root})
    settings = parse_settings(start=date(2023, 1, 3))
    return run_backtest(flow, DemoSource(VirtualClock("2024-07-01T12:00:00")), settings)


def test_bars_are_coloured_by_their_sign_best_on_top():
    figure = contributions_chart([("A", -0.1), ("B", 0.3), ("C", 0.0)], LIGHT)
    (bar,) = figure.data
    assert list(bar.customdata) == ["B", "C", "A"]
    assert list(bar.marker.color) == [LIGHT.gain, LIGHT.gain, LIGHT.loss]
    low, high = figure.layout.xaxis.range
    assert low < -0.1
    assert high > 0.3
    kept = contributions_chart([("A", -0.1), ("B", 0.3)], DARK, keep_order=True)
    assert list(kept.data[0].customdata) == ["A", "B"]


def test_a_gate_is_shaded_while_it_holds_and_its_level_drawn(backtest):
    history = history_of(backtest.seen, 0, backtest.offset)
    figure = node_history_chart(history, LIGHT)
    by_name = {trace.name: trace for trace in figure.data}
    assert set(by_name) == {"Condition holds", "RSI(5) of SPY", "70", "Share of the whole"}
    np.testing.assert_array_equal(by_name["Condition holds"].y, history.held)
    np.testing.assert_array_equal(
        by_name["Condition holds"].y > 0, np.array(by_name["RSI(5) of SPY"].y) > 70
    )
    assert list(by_name["70"].y) == [70, 70]


def test_a_sort_of_many_draws_some_lines(backtest):
    program = backtest.seen.binding.program
    node = next(n for n, found in enumerate(program.nodes) if found.kind == "sort")
    history = history_of(backtest.seen, node, backtest.offset)
    assert len(history.panels[0].lines) == len(SYMBOLS)
    figure = node_history_chart(history, DARK)
    assert sum("ROC(20) of" in trace.name for trace in figure.data) == MOST_LINES


def test_positions_are_bars_with_gaps(backtest):
    result = backtest.result
    spells = spells_of(result)
    figure = spells_chart(result, spells, LIGHT)
    rows = {trace.name: trace for trace in figure.data}
    for symbol in {spell.symbol for spell in spells if spell.sessions}:
        mine = [spell for spell in spells if spell.symbol == symbol]
        assert len(rows[symbol].x) == 3 * len(mine)
        assert str(rows[symbol].x[0])[:10] == str(result.sessions[mine[0].entered])


def test_a_day_without_a_session_means_the_one_before():
    sessions = np.array(["2024-01-04", "2024-01-05", "2024-01-08"], dtype="datetime64[D]")
    days = [date(2024, 1, d) for d in (1, 4, 5, 6, 7, 8, 20)]
    assert [number_of(sessions, day) for day in days] == [0, 0, 1, 1, 1, 2, 2]
