"""What an account needs now: windows that are due or asked for, orders that are open, snapshots.

Everything is found out from rows, whenever it is asked: a process that starts in the middle of
anything goes on like one that was there all along.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from typing import TYPE_CHECKING

from core.accounts.account import lease_of
from core.accounts.events import Kind, Severity, event_of
from core.brokers.base import OrderStream, SessionHours
from core.calendar import calendar
from core.errors import BadInput, Fenced, NeedsOperator, SluiceError, Unavailable
from core.portfolio.equity import TOTAL
from core.portfolio.records import UNFINISHED, OrderRecordState, Window
from core.trading.breakers import after_close, during_session, new_session
from core.trading.broker_account import require_own
from core.trading.missed import say_missed
from core.trading.parity import check_session
from core.trading.schedule import LOOK_BACK, Agenda, Due, agenda
from core.trading.settle import settle
from core.trading.snapshots import Valued, add_equity_points, snapshot, value_now
from core.trading.window import TradeWindow

if TYPE_CHECKING:
    from uuid import UUID

    from core.accounts.account import Account
    from core.bootstrap import Services
    from core.db.leases import Lease
    from core.trading.decide import Ready
    from core.trading.desk import Desk

log = logging.getLogger(__name__)
_TRADE = {"action": "trade"}

SNAPSHOT_AFTER = timedelta(minutes=5)
"""After the close."""
TEND_EVERY = timedelta(seconds=20)
"""Open orders are looked up so often, whatever a stream tells."""
STUCK: tuple[OrderRecordState, ...] = ("unknown", "pending_cancel", "unrecognised")
FAILED: tuple[Kind, ...] = ("order_failed",)
STUCK_AFTER = timedelta(minutes=15)
LONGEST_PAUSE_SECONDS = 60.0
"""Between two tries while a broker does not answer, or takes no orders."""
LONGEST_PAUSE_TO_CANCEL = timedelta(seconds=10)
"""The same while an order is to be canceled there."""
PARITY_AFTER = timedelta(hours=2)
"""After the close: bars are settled by then."""


class AccountWork:
    """One account's work in one process; not used by two threads at a time."""

    def __init__(self, services: Services, account: Account, stop: Signal) -> None:
        self._services, self._stop = services, stop
        self.account = account
        self._kept: dict[str, Ready] = {}
        self._desk: Desk | None = None
        self._hours: tuple[datetime, tuple[SessionHours, ...]] | None = None
        self._updates: OrderStream | None = None
        self._tended = datetime.min.replace(tzinfo=UTC)
        self._refused = ""
        self._failures = 0
        self._paused_at = self._not_before = datetime.min.replace(tzinfo=UTC)
        self._told: set[UUID] = set()
        self._lease: Lease | None = None

    def desk(self) -> Desk:
        if self._desk is None:
            self._updates = self._services.order_stream(self.account)
            self._desk = self._services.desk(self.account, stop=self._stop, updates=self._updates)
        return self._desk

    def let_go(self) -> None:
        """Called by another thread when this work hangs: the next takes the lease, and whatever
        this one still wants to record or send is refused by its fence."""
        if self._lease is not None:
            self._lease.give_back()

    def close(self) -> None:
        """Let go of the broker's stream and connections."""
        if self._updates is not None:
            self._updates.close()
        if self._desk is not None:
            self._desk.broker.close()

    # -- windows and orders ----------------------------------------------------------------------

    def tick(self) -> None:
        """Cancel what was called off, run what is due, tend what is open; nothing while there is
        none of it."""
        services, account = self._services, self.account
        now = services.clock()
        open_orders = services.orders.open(account.id)
        called_off = [order for order in open_orders if order.called_off]
        if self._pauses(now, urgent=bool(called_off)):
            return
        urgent = any(order.state not in STUCK for order in called_off)
        plan = self._agenda(now)
        waiting = services.windows.of(account.id, states=("requested", *UNFINISHED))
        if not (plan.now or plan.missed or waiting or urgent) and not self._time_to_tend(now):
            return
        if not (plan.now or plan.missed or waiting or open_orders):
            return
        lease = self._lease = services.lease(lease_of(account.id))
        if not lease.take():
            return  # another process works on it: it is done there
        try:
            say_missed(services, account, plan.missed)
            if called_off:
                self._tend(lease.fence)  # before anything that may fail for another reason
            due = [*plan.now, *self._asked(waiting, plan)]
            for one in due:
                if not self._stop.is_set():
                    TradeWindow(self.desk(), lease.fence, self._kept).run(one)
            if open_orders and not due and not called_off:
                self._tend(lease.fence)
            self._say_stuck(now)
            self._refused, self._failures = "", 0
        except Fenced:
            raise  # another process goes on with it
        except SluiceError as err:
            self._report(str(err), passes=isinstance(err, Unavailable))
            self._back_off()
        except Exception as err:
            log.exception("%s failed in a way nobody foresaw", account.name, extra=_TRADE)
            said = f"{type(err).__name__}: {err}".removesuffix(": ")
            self._report(f"An error nobody foresaw ({said}). It is tried again.", passes=False)
            self._back_off()
        finally:
            lease.give_back()

    def _tend(self, fence: int) -> None:
        self._tended = self._services.clock()
        # Keys of another account know none of our orders: to ask there ends them all.
        require_own(self.desk())
        self.desk().executor().tend(self.account.id, None, fence)

    def _pauses(self, now: datetime, *, urgent: bool) -> bool:
        """Whether the last try failed so short a time ago that the next is still to come."""
        until = self._not_before
        if urgent:
            until = min(until, self._paused_at + LONGEST_PAUSE_TO_CANCEL)
        return self._paused_at <= now < until

    def _back_off(self) -> None:
        """The next try is later each time; a minute is never too long before a close."""
        self._failures += 1
        seconds = min(2.0**self._failures, LONGEST_PAUSE_SECONDS)
        self._paused_at = self._services.clock()
        self._not_before = self._paused_at + timedelta(seconds=seconds)

    def _time_to_tend(self, now: datetime) -> bool:
        """Whether open orders are looked up now: the stream told of one, or it has been a while."""
        told = self._updates is not None and bool(self._updates.changed(0.0))
        if told or not timedelta(0) <= now - self._tended < TEND_EVERY:
            self._tended = now
            return True
        return False

    def _agenda(self, now: datetime) -> Agenda:
        services, account = self._services, self.account
        running = services.deployments.of(account.id, ("active", "liquidating", "paused"))
        if not running:
            return Agenda((), ())
        since = min(one.created_at for one in running)
        ended = services.windows.ended(account.id, (now - LOOK_BACK).date())
        return agenda(self.hours(now), account.slots, ended, now, since)

    def hours(self, now: datetime) -> tuple[SessionHours, ...]:
        """Sessions around ``now``: by the broker's calendar, asked once an hour; by ours while it
        does not answer, as a window it closed for will find out when it reads."""
        if self._hours is None or now - self._hours[0] > timedelta(hours=1) or now < self._hours[0]:
            first, last = (now - LOOK_BACK).date(), (now + timedelta(days=7)).date()
            try:
                found = self.desk().broker.hours(first, last)
            except SluiceError as err:
                log.warning("no calendar from the broker: %s", err)
                ours = calendar("XNYS")
                found = tuple(
                    SessionHours(day, ours.opening(day), ours.close(day))
                    for day in ours.between(first, last).tolist()
                )
            self._hours = (now, found)
        return self._hours[1]

    def _say_stuck(self, now: datetime) -> None:
        """Say once of each order that it stays without an end: its symbol is not traded."""
        services = self._services
        for order in services.orders.open(self.account.id):
            since = order.cancel_asked_at or order.sent_at or order.created_at
            ends = order.state not in STUCK and not order.called_off
            if ends or now - since < STUCK_AFTER or order.id in self._told:
                continue
            self._told.add(order.id)
            name = order.client_order_id
            if services.events.page(
                self.account.user_id, account=self.account.id, kinds=FAILED, text=name
            ):
                continue  # said by a process before this one
            text = (
                f"{order.side} {order.quantity.normalize():f} {order.symbol} ({name}) is "
                f"{order.state} since {since:%H:%M} UTC. {order.symbol} is not traded until the "
                "broker says how it ended."
            )
            self._tell("order_failed", text, "critical")

    def _asked(self, waiting: Sequence[Window], plan: Agenda) -> list[Due]:
        """Windows a person asked for, and those left unfinished that are not on the agenda."""
        listed = {(due.session, due.slot) for due in plan.now}
        return [
            Due(one.session, one.slot, one.due_at, one.closes_at)
            for one in reversed(waiting)
            if (one.session, one.slot) not in listed
        ]

    def _report(self, why: str, *, passes: bool) -> None:
        """Say once what keeps an account from trading; ``passes``: it may do so by itself."""
        log.warning("%s cannot trade now: %s", self.account.name, why)
        if why != self._refused:
            self._refused = why
            self._tell("window_failed", why, "warning" if passes else "critical")

    def _tell(self, kind: Kind, text: str, severity: Severity) -> None:
        """Without the desk: what keeps one from being made is told of, too."""
        event = event_of(self.account, self._services.clock(), kind, text, severity=severity)
        self._services.events.add([event])

    def start(self) -> str:
        """Reconcile before anything else; what was found, in a few words."""
        lease = self._services.lease(lease_of(self.account.id))
        if not lease.take():
            return "another process works on it"
        try:
            found = settle(self.desk(), lease.fence)
        except (Unavailable, NeedsOperator, BadInput) as err:
            self._report(str(err), passes=isinstance(err, Unavailable))
            return f"not reconciled: {err}"
        finally:
            lease.give_back()
        count = len(found.comparison.differences)
        return "reconciled" if not count else f"{count} differences"

    # -- equity ----------------------------------------------------------------------------------

    def look_at_equity(self) -> None:
        """A point of equity while the market is open, and the breakers of the day."""
        now = self._services.clock()
        session = next((h for h in self.hours(now) if h.opens_at <= now < h.closes_at), None)
        if session is None:
            return
        new_session(self.desk(), session.opens_at)
        valued = self._valued(now)
        if valued is not None:
            add_equity_points(self.desk(), valued)
            during_session(self.desk(), valued)

    def close_session(self) -> None:
        """The snapshot of the session that closed last, once it is five minutes over."""
        now = self._services.clock()
        over = [h for h in self.hours(now) if h.closes_at + SNAPSHOT_AFTER <= now]
        if not over or any(h.opens_at <= now < h.closes_at for h in self.hours(now)):
            return
        last = over[-1]
        before = self._services.equity.latest_snapshots(self.account.id).get(TOTAL)
        if last.closes_at < self.account.created_at or (before and before.session >= last.session):
            return
        lease = self._services.lease(lease_of(self.account.id))
        if not lease.take():
            return  # it is still traded, perhaps on days long past: the next look comes soon
        try:
            valued = self._valued(now)
            if valued is not None:
                made = snapshot(self.desk(), last.session, valued)
                add_equity_points(self.desk(), valued)
                after_close(self.desk(), last.session, made)
        finally:
            lease.give_back()

    def check_parity(self) -> None:
        """Decisions of sessions whose bars are settled by now, each once."""
        now = self._services.clock()
        settled = {h.session for h in self.hours(now) if h.closes_at + PARITY_AFTER <= now}
        for session in sorted(settled):
            if self._services.windows.unchecked(self.account.id, session):
                check_session(self.desk(), session)

    def _valued(self, now: datetime) -> dict[str, Valued] | None:
        limit = timedelta(seconds=self.account.limits.quote_age_seconds)
        try:
            return value_now(self.desk(), oldest=now - limit)
        except (Unavailable, NeedsOperator) as err:
            log.warning("no equity of %s: %s", self.account.name, err)
            return None


Work = Callable[[AccountWork], None]
