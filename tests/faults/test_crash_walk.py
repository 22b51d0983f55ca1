"""Every crash point × a window with sells and buys: killed there, run again, ends as if nothing was.

The processes are real and killed by SIGKILL; the second starts from nothing but the database.
"""

from __future__ import annotations

import signal
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from core.trading.crash import CRASH_POINTS
from tests.faults.stand import Stand

pytestmark = pytest.mark.slow

# Points that are reached several times in a window: also the last time they are.
WALK = [*CRASH_POINTS, "before_mark:2", "marked:2", "before_send:3", "sent:2", "sent:4",
        "before_outcome:2", "outcome_recorded:2", "before_booking:2", "booked:2", "booked:3"]  # fmt: skip


@pytest.fixture
def stand(processes) -> Stand:
    return processes


def prepared(stand: Stand) -> Any:
    """Three holdings; the next window sells two, sells a part of the third, and buys two others."""
    one = stand.deploy(50_000, AAA=0.3, BBB=0.3, CCC=0.2)
    stand.window()
    stand.next_session()
    stand.want(one, CCC=0.1, DDD=0.3, X01=0.4)
    return one


def end_state(stand: Stand, one: Any) -> dict[str, Any]:
    """Everything but instants and names that differ from account to account."""
    return {
        "held": stand.held(one),
        "cash": stand.fake.account.cash,
        "positions": {s: p.quantity for s, p in stand.fake.account.positions.items()},
        "orders": sorted(
            (o.symbol, o.side, o.quantity, o.state, o.filled_quantity, o.filled_cash)
            for o in stand.orders().values()
        ),
        "windows": sorted((w.session, w.slot, w.state) for w in windows(stand)),
        "books": sorted(
            (m.kind, m.asset, m.amount)
            for m in stand.services.ledger.movements(stand.account.id)
            if m.kind == "trade"
        ),
        "ended": len(stand.events("rebalanced")),
    }


def windows(stand: Stand) -> Any:
    return stand.services.windows.of(stand.account.id)


def run(stand: Stand, **more: str) -> int:
    return stand.sluice("window", "run", "--account", "alpha", **more).wait()


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """Filled by the first test."""
    return {}


def test_a_window_that_is_not_disturbed(stand: Stand, undisturbed):
    one = prepared(stand)
    assert run(stand) == 0
    stand.check()
    undisturbed |= end_state(stand, one)
    assert undisturbed["held"].keys() == {"CCC", "DDD", "X01"}
    assert len(undisturbed["orders"]) == 8
    assert undisturbed["held"]["CCC"] == Decimal("248.75")


@pytest.mark.parametrize("point", WALK)
def test_killed_at(stand: Stand, undisturbed, point: str):
    one = prepared(stand)
    assert run(stand, SLUICE_CRASH_AT=point) == -signal.SIGKILL
    again = run(stand)
    if point == "finished":
        # It was done: the command's second run is a window of its own that has nothing to do.
        assert again == 0
        extra = [w for w in windows(stand) if w.slot <= 0]
        assert [w.state for w in extra] == ["done"]
        assert stand.services.orders.of_window(extra[0].id) == ()
    else:
        assert again == 0
        found = end_state(stand, one)
        assert found == undisturbed
    taken = Counter(order.client_order_id for order in stand.fake.orders)
    assert set(taken.values()) == {1}
    assert len(taken) == 8
    stand.check()
