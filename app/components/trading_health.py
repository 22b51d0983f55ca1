"""Whether everything that trades is alive: each part with its age and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import streamlit as st

from app import navigation
from app.account_reading import next_due, shown_account
from app.components.age import age
from app.components.checks import show_checks
from app.resources import services
from core.accounts.account import LEADER, Account, lease_of
from core.errors import SluiceError
from core.health import Check
from core.trading.deploy import still_canceling

REFRESH_SECONDS = 5
SCHEDULER = "scheduler"
"""Its name as a part of Sluice."""


@st.fragment(run_every=REFRESH_SECONDS)
def trading_health(account_id: UUID) -> None:
    """The parts this account's trading needs; the System page has the rest."""
    account = shown_account(account_id)
    show_checks(list(_checks(account)))
    st.button(
        "All parts of the system", icon=":material/monitor_heart:", on_click=navigation.go_to,
        args=("/system",), key="ops_system",
    )  # fmt: skip
    if navigation.leaving():
        st.rerun()


def _checks(account: Account) -> Iterator[Check]:
    now = services().clock()
    try:
        yield Check("database", "ok", f"answers in {services().ping():.1f} ms")
    except SluiceError as err:
        yield Check("database", "failed", str(err), "Look at the System page.")
        return
    yield _scheduler()
    yield _lease(account, now)
    yield _broker(account, now)
    yield _books(account, now)
    yield _window(account, now)
    yield _orders(account, now)


def _scheduler() -> Check:
    beats = [beat for beat in services().heartbeats.all() if beat.component == SCHEDULER]
    if not beats:
        return Check("scheduler", "failed", "none runs: nothing is traded.", "Run: sluice up")
    beat = beats[0]
    said = f"process {beat.pid} on {beat.host}, last seen {beat.age_seconds:.0f} s ago"
    if beat.silent:
        return Check("scheduler", "failed", said, "Start it again with: sluice scheduler")
    return Check("scheduler", "ok", said + (f"; {len(beats) - 1} more" if len(beats) > 1 else ""))


def _lease(account: Account, now: datetime) -> Check:
    holders = services().lease_holders()
    leader, writer = holders.get(LEADER), holders.get(lease_of(account.id))
    if leader is None:
        return Check("leader", "failed", "no scheduler ever led.", "Run: sluice up")
    said = f"{leader.holder}, since {age(leader.taken_at, now)}"
    if writer is not None:
        said += f"; the account's fence is {writer.fence}, last taken by {writer.holder}"
        said += ", who works on it now" if writer.held else f" {age(writer.taken_at, now)}"
    if leader.held:
        return Check("leader", "ok", said)
    return Check("leader", "failed", f"nobody leads now; last {said}", "Run: sluice up")


def _broker(account: Account, now: datetime) -> Check:
    if account.reconciled_at is None:
        return Check("broker", "note", f"{account.broker} was not asked yet.")
    said = f"{account.broker} answered {age(account.reconciled_at, now)}"
    old = now - account.reconciled_at > timedelta(days=5)
    fix = "A window or the scheduler's fill check asks it again." if old else ""
    return Check("broker", "note" if old else "ok", said, fix)


def _books(account: Account, now: datetime) -> Check:
    if account.differences:
        names = ", ".join(one["asset"] for one in account.differences)
        fix = "The Dashboard's holdings say by how much; these symbols are not traded."
        return Check("books", "failed", f"they differ from the broker in {names}.", fix)
    if account.reconciled_at is None:
        return Check("books", "note", "not compared with the broker yet.")
    return Check("books", "ok", f"equal the broker's, compared {age(account.reconciled_at, now)}")


def _window(account: Account, now: datetime) -> Check:
    due = next_due(account, now)
    ahead = f"; the next opens {due.due_at:%a %H:%M} UTC" if due else ""
    last = services().windows.of(account.id, limit=1)
    if not last:
        return Check("windows", "note", f"none yet{ahead}.")
    one = last[0]
    said = f"the last was of {one.session}: {one.state}{ahead}"
    bad = one.state in ("failed", "missed", "expired")
    return Check("windows", "failed" if bad else "ok", said, one.error if bad else "")


def _orders(account: Account, now: datetime) -> Check:
    found = services().orders.open(account.id)
    if not found:
        return Check("orders", "ok", "none is open")
    unknown = sum(one.state == "unknown" for one in found)
    said = f"{len(found)} open, the oldest {age(found[0].created_at, now)}"
    if left := sum(one.called_off for one in found):
        fix = "The broker is asked again until it says that they are final."
        return Check("orders", "note", f"{said}; {still_canceling(left)}", fix)
    if unknown:
        fix = "They are looked up until the broker answers; nothing is sent twice."
        return Check("orders", "note", f"{said}; {unknown} nobody knows of", fix)
    return Check("orders", "ok", said)
