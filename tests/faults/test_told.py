"""Whatever keeps an account from trading is told of once and tried again later, never silently."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from threading import Event as Signal

import pytest

from core.risk.limits import Limits
from jobs.trading import AccountWork
from tests.faults.stand import SESSIONS, Stand, closes_at


def unopened(stand: Stand) -> AccountWork:
    """The work on an account whose keys the vault cannot open."""
    stand.deploy(AAA=0.5)
    stand.services.accounts.change(stand.account.id, sealed=b"sealed with a key that is lost")
    account = stand.services.accounts.by_id(stand.account.id)
    return AccountWork(stand.services, account, Signal())


def test_keys_that_do_not_open_are_told_of_once(stand: Stand):
    work = unopened(stand)
    assert "not reconciled" in work.start()
    for _ in range(5):
        work.tick()
        stand.clock.advance(2)
    (told,) = stand.events("window_failed")
    assert "another key" in told
    assert stand.services.lease_holders()[f"account:{stand.account.id}"].fence < 5  # it backs off


def test_a_window_missed_for_keys_that_do_not_open_is_told_of(stand: Stand):
    work = unopened(stand)
    stand.at(minutes=-1)
    for _ in range(3):
        work.tick()
        stand.clock.advance(60)
    assert len(stand.events("missed_window")) == 1
    assert stand.services.windows.of(stand.account.id)[0].state == "missed"


def test_an_error_nobody_foresaw_is_told_of_and_tried_again_later(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    stand.deploy(AAA=0.5)
    work, asked = stand.work(), []

    def broken(symbols: object) -> object:
        asked.append(symbols)
        raise ZeroDivisionError("a defect of ours")

    real = work.desk().broker.assets
    monkeypatch.setattr(work.desk().broker, "assets", broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(10):
            work.tick()
            stand.clock.advance(2)
    assert 1 < len(asked) < 6  # it waits longer each time
    assert [text for text in stand.events("window_failed") if "ZeroDivisionError" in text]
    assert len(stand.events("window_failed")) == 1
    assert "Traceback" in caplog.text
    monkeypatch.setattr(work.desk().broker, "assets", real)
    stand.clock.advance(60)
    work.tick()
    assert len(stand.fake.sent) == 1
    stand.check()


def test_an_account_without_work_takes_no_lease_however_many_windows_it_had(stand: Stand):
    """More ended windows than a page shows: none of them is taken for one that was missed."""
    stand.at(SESSIONS[0], minutes=120)
    stand.deploy(AAA=0.5)
    slots = tuple(range(40, 0, -1))
    stand.services.accounts.change(stand.account.id, slots=slots)
    for session in SESSIONS[:3]:
        closes = closes_at(session)
        for slot in slots:
            stand.services.windows.miss(
                stand.account.id, session, slot,
                due_at=closes - timedelta(minutes=slot), closes_at=closes,
            )  # fmt: skip
    stand.clock.advance((closes_at(SESSIONS[2]) - stand.clock()).total_seconds() + 60)
    name = f"account:{stand.account.id}"
    before = stand.services.lease_holders().get(name)
    stand.work().tick()
    assert stand.services.lease_holders().get(name) == before


def test_the_command_runs_the_other_accounts_windows_where_one_cannot(processes: Stand):
    """And its exit code says that not all of them did."""
    stand = processes
    unopened(stand)
    services = stand.services
    other = services.accounts.add(
        services.user.id, "beta", broker="paper", mode="paper", source="files",
        path=str(stand.bars), slots=(10,), limits=Limits(),
    )  # fmt: skip
    command = stand.sluice("window", "run", "--json")
    told = {one["account"]: one for one in json.loads(command.stdout)["windows"]}
    assert told["beta"]["state"] == services.windows.of(other.id)[0].state == "done"
    assert told["alpha"]["state"] == "failed"
    assert "another key" in told["alpha"]["error"]
    assert command.wait() == 1
    alone = stand.sluice("window", "run", "--json", "--account", "alpha")
    assert alone.wait() == 1
    assert "another key" in json.loads(alone.stdout)["error"]["message"]
