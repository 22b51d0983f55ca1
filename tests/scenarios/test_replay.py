"""The demo account while its past is still being replayed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from core.bootstrap import Services
from core.errors import Cancelled
from core.library.seed import seed
from core.portfolio.equity import TOTAL
from core.replay import DEMO_ACCOUNT, being_filled, replay_demo
from jobs.scheduler import Trading
from jobs.trading import AccountWork

SUNDAY = datetime(2026, 11, 29, 1, 30, tzinfo=UTC)
"""A first start at the weekend: the snapshot of the session that closed last is overdue."""


class Leading:
    leads = True


@pytest.fixture(autouse=True)
def newcomer(services, clock) -> None:
    """Somebody whose library has the examples, and nothing else."""
    clock.at = SUNDAY
    seed(services.users, services.strategies, services.user.id)


def test_the_scheduler_leaves_an_account_alone_whose_past_is_being_replayed(services):
    """On a slow machine the replay takes longer than the jobs wait: a snapshot of today, of books
    of weeks ago, would stand for all those that the replay had still to take."""
    trading = Trading(services, Leading(), threading.Event())
    count = 0

    def after_three() -> bool:
        nonlocal count
        trading.each(AccountWork.tick, 30, "window")
        trading.each(AccountWork.close_session, 30, "close")
        count += 1
        return count > 3

    with pytest.raises(Cancelled):
        replay_demo(services, after_three)
    account = services.accounts.get(services.user.id, DEMO_ACCOUNT)
    assert being_filled(services, account)
    windows = services.windows.of(account.id)
    assert {window.state for window in windows} == {"done"}
    sessions = [window.session for window in reversed(windows)]
    assert len(sessions) == 3
    taken = services.equity.snapshots(account.id, books=[TOTAL])
    assert [one.session for one in taken] == sessions
    assert taken[-1].equity != 100_000
    worth = services.equity.total(account.id)
    assert worth is not None
    assert (worth.equity, worth.at) == (taken[-1].equity, taken[-1].at)

    services.users.replayed(services.user.id)
    assert not being_filled(services, account)
    trading.each(AccountWork.close_session, 30, "close")
    (*_, last) = services.equity.snapshots(account.id, books=[TOTAL])
    assert str(last.session) == "2026-11-27"
    trading.end()


def test_without_a_demo_nothing_is_being_filled(services, clock):
    with pytest.raises(Cancelled):
        replay_demo(services, lambda: True)
    (account,) = services.accounts.all()
    settings = services.settings.model_copy(update={"no_demo": True})
    with Services(settings, clock=clock, migrate=False) as quiet:
        assert not being_filled(quiet, account)
    assert being_filled(services, account)
