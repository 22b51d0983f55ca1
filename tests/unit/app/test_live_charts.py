"""The dashboard's figures, and tables that pages make of stored rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest

from app.account_reading import session_of
from app.charts.allocation_now import MOST_BARS, allocation_now_chart
from app.charts.correlations import correlation_chart
from app.charts.live_equity import LEGEND_LINES, growth_chart, live_equity_chart
from app.components.account_form import GROUPS, read_slots
from app.components.dashboard_view import until
from app.components.live_trace import gates, path_rows
from app.components.window_detail import steps, weights_text
from app.theme import DARK, DECISIONS, DEPLOYMENTS, LIGHT, ORDERS, SEVERITIES, TRADING, WINDOWS
from core.errors import BadInput
from core.portfolio.records import Window
from core.risk.limits import Limits

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHEN = [NOON + timedelta(days=i) for i in range(4)]
GROWTH = np.array([1.0, 1.2, 0.9, 1.0])


def test_equity_is_money_with_its_drawdown_shaded_below():
    figure = live_equity_chart(WHEN, GROWTH * 1000, GROWTH, LIGHT, currency="USD")
    above, below = figure.data
    np.testing.assert_allclose(above.y, GROWTH * 1000)
    np.testing.assert_allclose(below.y, [0, 0, -0.25, -1 / 6])
    assert below.fill == "tozeroy"
    assert not figure.layout.shapes


def test_the_limit_is_drawn_when_it_comes_near():
    near = live_equity_chart(WHEN, GROWTH, GROWTH, LIGHT, currency="USD", limit=0.4)
    far = live_equity_chart(WHEN, GROWTH, GROWTH, LIGHT, currency="USD", limit=0.9)
    assert [shape.y0 for shape in near.layout.shapes] == [-0.4]
    assert not far.layout.shapes


def test_strategies_beside_it_are_in_percent_and_many_have_no_legend():
    lines = {f"<b>S{i}</b>": (WHEN, GROWTH * 2) for i in range(LEGEND_LINES + 1)}
    figure = live_equity_chart(WHEN, GROWTH, GROWTH, DARK, currency="USD", lines=lines)
    assert len(figure.data) == len(lines) + 2
    np.testing.assert_allclose(figure.data[0].y, GROWTH - 1)
    assert not figure.data[0].showlegend
    assert growth_chart({"Live": (WHEN, GROWTH)}, DARK).data[0].line.color == DARK.strategy


def test_allocation_sums_to_the_whole_and_folds_what_is_small():
    worth = {f"S{i:02}": Decimal(100 - i) for i in range(MOST_BARS + 5)}
    (bars,) = allocation_now_chart(worth, Decimal(50), LIGHT).data
    assert sum(bars.x) == pytest.approx(1)
    assert bars.y[0] == "S00"
    assert list(bars.y[-2:]) == ["5 more", "Cash"]


def test_unknown_correlations_stay_empty():
    figure = correlation_chart(["a", "b"], np.array([[1.0, np.nan], [np.nan, 1.0]]), LIGHT)
    assert figure.data[0].z[0][1] is None
    assert figure.data[0].zmin == -1


TRACE = {
    "nodes": [
        {"node": 0, "kind": "gate", "title": "Hot?", "share": 1.0, "choice": "else", "distance": 0.2,
         "conditions": [{"text": "RSI > 70", "truth": False, "distance": 0.2, "left": 56.0,
                         "right": 70.0, "parts": [{"text": "part", "truth": None}]}]},
        {"node": 1, "kind": "asset", "title": "TLT", "share": None},
        {"node": 2, "kind": "sort", "title": "Best", "share": 1.0, "choice": "SPY", "distance": 0.01,
         "items": [{"text": "SPY", "keys": [1.0], "passed": True, "rank": 1},
                   {"text": "QQQ", "keys": [None], "passed": None, "rank": None}]},
    ]
}  # fmt: skip


def test_a_stored_trace_is_the_path_with_what_it_read():
    rows = path_rows(TRACE)
    assert [row["Block"].strip() for row in rows] == [
        "Hot?",
        "RSI > 70",
        "part",
        "Best",
        "SPY",
        "QQQ",
    ]
    assert rows[1]["Reads"] == "56 against 70"
    assert [row["Choice"] for row in rows] == [
        "else",
        "false",
        "unknown",
        "SPY",
        "rank 1",
        "unknown",
    ]


def test_the_choice_nearest_to_another_comes_first():
    assert [row["Block"] for row in gates(TRACE)] == ["Best", "Hot?"]


def test_steps_of_a_window_are_in_order_with_how_long_each_took():
    window = Window(
        id=uuid4(), account_id=uuid4(), session=NOON.date(), slot=10, state="done", due_at=NOON,
        closes_at=NOON + timedelta(minutes=10), claimed_at=NOON, host="host/1",
        planned_at=NOON + timedelta(seconds=2), finished_at=NOON + timedelta(seconds=5),
        timeline=(
            {"at": NOON.isoformat(), "step": "reading", "detail": ""},
            {"at": (NOON + timedelta(seconds=2)).isoformat(), "step": "sending sells", "detail": "2 orders"},
        ),
    )  # fmt: skip
    rows = steps(window)
    assert [row["Step"] for row in rows] == [
        "due",
        "claimed",
        "reading",
        "recorded",
        "sending sells",
        "done",
    ]
    assert [row["Took"] for row in rows][2:] == ["2.00 s", "0.00 s", "3.00 s", ""]


def test_words():
    assert weights_text({"SPY": 0.25, "QQQ": 0.5}) == "QQQ 50.0% · SPY 25.0% · cash 25.0%"
    assert weights_text(None) == ""
    assert until(timedelta(hours=2, minutes=5)) == "in 2 h 5 min"
    assert until(timedelta(days=2, hours=3)) == "in 2 d 3 h"
    assert read_slots("10, 30") == (30, 10)
    with pytest.raises(BadInput, match="no list of minutes"):
        read_slots("ten")


def test_every_limit_has_a_place_in_the_form_and_every_state_a_look():
    assert {name for names in GROUPS.values() for name in names} == set(Limits.model_fields)
    from typing import get_args

    from core.accounts.account import TradingState
    from core.accounts.events import Severity
    from core.portfolio.deployment import State
    from core.portfolio.records import OrderRecordState, WindowState

    looks = [(DEPLOYMENTS, State), (TRADING, TradingState), (WINDOWS, WindowState),
             (ORDERS, OrderRecordState), (SEVERITIES, Severity)]  # fmt: skip
    for styles, states in looks:
        assert set(styles) == set(get_args(states))
    assert set(DECISIONS) == {"decided", "held", "aborted", "failed"}


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2026-11-23T14:00:00+00:00", "2026-11-20"),  # before Monday's opening
        ("2026-11-23T15:00:00+00:00", "2026-11-23"),
        ("2026-11-24T02:00:00+00:00", "2026-11-23"),  # after the close, the same evening
        ("2026-11-28T12:00:00+00:00", "2026-11-27"),  # Saturday
    ],
)
def test_today_is_the_session_that_runs_or_ran_last(at, session):
    assert session_of(datetime.fromisoformat(at)).isoformat() == session
