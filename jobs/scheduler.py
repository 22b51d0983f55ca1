"""The scheduler: what runs when. One process of several leads and trades; the others stand by.

Jobs are questions asked often ("which windows are due and not done?"), never alarms set for one
instant. Each account has a thread's worth of work at a time and a deadline: what hangs is left
behind, and cannot write any more, as another fence is given out after it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from core.accounts.events import Event, Kind
from core.bootstrap import Services
from core.clock import system_clock
from core.errors import Cancelled, Fenced, SluiceError, Unavailable
from core.library.tasks import UPKEEP
from core.logs import configure
from core.process import Pulse, end_with_parent, on_stop
from core.replay import being_filled, replay_demo
from core.settings import load_settings
from jobs import notify
from jobs.deadline import Overdue, within
from jobs.leader import LOOK_SECONDS, Leader
from jobs.trading import AccountWork

if TYPE_CHECKING:
    from core.accounts.account import Account

log = logging.getLogger(__name__)

UPKEEP_HOUR_UTC = 4
TICK_SECONDS = 2.0
"""How often windows and requests are looked for: a person who pressed a button waits for it."""
EQUITY_SECONDS = 300.0
CLOSE_SECONDS = 30.0
PARITY_SECONDS = 600.0
WINDOW_LIMIT_SECONDS = 240.0
"""A window that takes longer hangs: it is left behind and gone on with by the next tick."""
JOB_LIMIT_SECONDS = 60.0
SIDE_BY_SIDE = 4
"""A question is asked again while an account's answer takes long: the others must not wait."""
THREADS = 24
END_SECONDS = 6.0
"""At the end, how long running work is waited for."""


class Trading:
    """Every account's work in this process, while it leads."""

    def __init__(self, services: Services, leader: Leader, stop: threading.Event) -> None:
        self._services, self._leader, self._stop = services, leader, stop
        self._works: dict[UUID, AccountWork] = {}
        self._busy: dict[UUID, threading.Lock] = {}
        self.hangs = False
        """Whether work was still running at the end."""

    def each(self, what: Callable[[AccountWork], None], limit: float, name: str) -> None:
        """Do ``what`` for every account, side by side, unless this process stands by; not for one
        whose past is still being replayed."""
        if not self._leader.leads or self._stop.is_set():
            return
        # Before the accounts are read: what another thread makes meanwhile is of a newer account.
        known = list(self._works)
        try:
            accounts = self._services.accounts.all()
            ready = [one for one in accounts if not being_filled(self._services, one)]
        except SluiceError as err:
            log.warning("accounts cannot be read: %s", err)
            return
        for removed in set(known) - {account.id for account in accounts}:
            self._forget(removed)
        threads = [
            threading.Thread(
                target=self._one, args=(account, what, limit, name), name=name, daemon=True
            )
            for account in ready
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(limit + 5)

    def _one(
        self, account: Account, what: Callable[[AccountWork], None], limit: float, name: str
    ) -> None:
        lock = self._busy.setdefault(account.id, threading.Lock())
        if not lock.acquire(blocking=False):
            return  # the work before is not done: this asks again in a moment
        try:
            work = self._work(account)
            within(limit, lambda: what(work), name=f"{name} {account.name}")
        except Overdue as err:
            log.error("%s: left behind", err, extra={"action": "overdue"})
            work.let_go()
            self._forget(account.id)  # the next tick begins with a desk of its own
        except Fenced as err:
            log.warning("%s", err, extra={"action": "fenced"})
        except SluiceError as err:
            log.warning("%s of %s: %s", name, account.name, err, extra={"action": name})
        finally:
            lock.release()

    def _work(self, account: Account) -> AccountWork:
        known = self._works.get(account.id)
        if known is None or _configured(known.account) != _configured(account):
            # Changed keys, limits or windows take effect here, at the latest in a few seconds.
            self._forget(account.id)
            known = AccountWork(self._services, account, self._stop)
            self._works[account.id] = known
        return known

    def _forget(self, account_id: UUID) -> None:
        work = self._works.pop(account_id, None)
        if work is not None:
            work.close()

    def stopping(self) -> bool:
        return self._stop.is_set()

    def start_up(self) -> None:
        """Reconcile every account and say what was found."""
        found: list[str] = []

        def begin(work: AccountWork) -> None:
            found.append(f"{work.account.name}: {work.start()}")

        self.each(begin, JOB_LIMIT_SECONDS, "start")
        summary = "; ".join(sorted(found)) or "no accounts yet"
        log.info("started: %s", summary, extra={"action": "start"})
        self._say("started", f"The scheduler leads: {summary}.")

    def end(self) -> None:
        """Wait a little for running work, which has seen ``stop`` by now."""
        until = time.monotonic() + END_SECONDS
        for lock in list(self._busy.values()):
            if lock.acquire(timeout=max(0.0, until - time.monotonic())):
                lock.release()
            else:
                self.hangs = True
        for account_id in list(self._works):
            self._forget(account_id)
        if self._leader.leads:
            self._say("stopped", "The scheduler ended in good order.")

    def _say(self, kind: Kind, text: str) -> None:
        services = self._services
        try:
            for user_id in sorted({account.user_id for account in services.accounts.all()}):
                event = Event(
                    user_id=user_id,
                    at=services.clock(),
                    kind=kind,
                    severity="info",
                    text=text,
                )
                services.events.add([event])
        except SluiceError as err:
            log.warning("not told: %s", err)


def _configured(account: Account) -> tuple[object, ...]:
    """What a desk is made of; what changes by itself, such as when it was reconciled, is not."""
    return (
        account.broker, account.mode, account.source, account.path, account.slots,
        account.limits, account.options, account.sealed,
    )  # fmt: skip


def hand_out_upkeep(services: Services) -> None:
    """Put the daily upkeep into the queue."""
    services.queue.upkeep()


def main() -> None:
    settings = load_settings()
    configure(settings)
    end_with_parent()
    with Services(settings) as services:
        stop = threading.Event()
        leader = Leader(services)
        trading = Trading(services, leader, stop)
        pulse = Pulse(services, "scheduler", lambda: {"leads": leader.leads})
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={
                "coalesce": True,
                "max_instances": SIDE_BY_SIDE,
                "misfire_grace_time": None,
            },
        )
        _add_jobs(scheduler, services, leader, trading)
        on_stop(stop.set)
        pulse.start()
        log.info("scheduling", extra={"action": "start", "jobs": len(scheduler.get_jobs())})
        try:
            hand_out_upkeep(services)
        except Unavailable as err:
            log.warning("no upkeep: %s", err, extra={"action": "upkeep"})
        scheduler.start()
        stop.wait()
        log.info("ending: work under way is waited for", extra={"action": "end"})
        scheduler.shutdown(wait=False)
        trading.end()
        leader.step_down()
        pulse.stop()
    if trading.hangs:
        # The interpreter would wait for its threads, and they for a broker that does not answer.
        log.warning("work that hangs is left: the next start goes on with it")
        logging.shutdown()
        os._exit(0)


def _add_jobs(
    scheduler: BackgroundScheduler, services: Services, leader: Leader, trading: Trading
) -> None:
    def look_at_equity() -> None:
        trading.each(AccountWork.look_at_equity, JOB_LIMIT_SECONDS, "equity")

    def look() -> None:
        if leader.look():
            trading.start_up()
            look_at_equity()
            scheduler.add_job(fill_demo, id="demo", replace_existing=True)

    def fill_demo() -> None:
        if not services.settings.no_demo:
            try:
                if replay_demo(services, trading.stopping):
                    look_at_equity()
            except Cancelled:
                log.info("the demo's replay goes on at the next start")
            except SluiceError as err:
                log.warning("the demo was not replayed: %s", err)

    def every(seconds: float, name: str, what: Callable[[AccountWork], None], limit: float) -> None:
        scheduler.add_job(
            lambda: trading.each(what, limit, name), "interval", seconds=seconds, id=name
        )

    scheduler.add_job(
        look, "interval", seconds=LOOK_SECONDS, id="lead", next_run_time=system_clock()
    )
    every(TICK_SECONDS, "window", AccountWork.tick, WINDOW_LIMIT_SECONDS)
    every(EQUITY_SECONDS, "equity", AccountWork.look_at_equity, JOB_LIMIT_SECONDS)
    every(CLOSE_SECONDS, "close", AccountWork.close_session, JOB_LIMIT_SECONDS)
    every(PARITY_SECONDS, "parity", AccountWork.check_parity, JOB_LIMIT_SECONDS)
    # Beside the lead: deliveries are claimed one by one, so two schedulers send none twice.
    scheduler.add_job(
        notify.deliver, "interval", args=[services], seconds=notify.EVERY_SECONDS, id="notify"
    )
    scheduler.add_job(hand_out_upkeep, "cron", args=[services], hour=UPKEEP_HOUR_UTC, id=UPKEEP)


if __name__ == "__main__":
    main()
