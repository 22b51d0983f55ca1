"""Execute: send what is recorded, look up what is unknown, cancel what is called off, book fills.

Nothing here decides. An order is sent only from its row, after a transaction has marked the row as
*sending* under the kill switch and the fence, both of which are read once more right before each
send. A send that was not answered is looked up by its client id; only when the broker says it has
no such order, and the window is open, is the same id sent once more. An order that the kill switch
called off is canceled by whoever tends, again and again, until the broker shows that it is final.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Signal
from threading import Lock
from uuid import UUID

from core.brokers.base import (
    Accepted,
    Broker,
    BrokerOrder,
    Exists,
    OrderRequest,
    OrderStream,
    Refused,
    SendOutcome,
    Unknown,
)
from core.clock import Clock
from core.db.orders import Forbidden, Orders
from core.errors import Halted, NeedsOperator, SluiceError, Unavailable
from core.portfolio.records import AT_BROKER, OrderRecord
from core.risk.checks import ONLY_SMALLER
from core.trading.crash import Drill
from core.trading.fills import entries_of_fill

log = logging.getLogger(__name__)

ONE_BY_ONE = 10
"""More orders than this are looked up in the broker's list."""
_MARGIN = timedelta(minutes=2)
"""Between our clock and the broker's."""
_A_DAY = timedelta(hours=12)
"""An order is for the rest of its session: so long after it was recorded it is over."""
AT_ONCE = 8
"""Orders under way to the broker at a time."""
CANCEL_AGAIN = timedelta(seconds=60)
"""A cancel the broker has taken is asked for again when nothing came of it for so long."""
RESENDS = 1
"""How often the same id is sent again after the broker said it has none of it."""


class AccountRefused(Halted):
    """The broker takes no orders of this account: none may follow until a person has looked."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What executing needs to know of the window; ``closes_at`` is when sending ends."""

    account_id: UUID
    fence: int
    closes_at: datetime
    reducing: frozenset[UUID]


class Executor:
    """Sends and tends the orders of one account."""

    def __init__(
        self,
        orders: Orders,
        broker: Broker,
        clock: Clock,
        *,
        currency: str,
        stop: Signal,
        pause: Callable[[float], None],
        drill: Drill,
        updates: OrderStream | None = None,
    ) -> None:
        self._orders, self._broker, self._clock = orders, broker, clock
        self._currency, self._stop, self._pause, self._drill = currency, stop, pause, drill
        self._updates = updates
        self._asking = Lock()

    # -- sending -------------------------------------------------------------------------------

    def send(self, orders: Sequence[OrderRecord], sending: Sending) -> None:
        """Send planned orders in their order, a few at a time, until the window closes.

        Before each handful it looks at the kill switch, the fence and whether to stop, before each
        send at the first two: raises Halted or Fenced. Raises AccountRefused as soon as the broker
        says so.
        """
        planned = [order for order in orders if order.state == "planned"]
        for handful in _handfuls(planned, AT_ONCE):
            if self._stop.is_set() or self._clock() >= sending.closes_at:
                return
            self._drill.reached("before_mark")
            marked = self._orders.mark_sending(
                sending.account_id,
                [order.id for order in handful],
                sending.fence,
                reducing=sending.reducing,
            )
            self._drill.reached("marked")
            left = [order.id for order in handful if order.id not in marked]
            self._orders.refuse(left, ONLY_SMALLER, status="reducing")
            going = [order for order in handful if order.id in marked]
            self._submit(going, sending.fence, sending.reducing)

    def _submit(
        self,
        orders: Sequence[OrderRecord],
        fence: int,
        smaller: frozenset[UUID] = frozenset(),
    ) -> None:
        """Send these at once and record what became of each."""
        if not orders:
            return
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="send") as pool:
            outcomes = list(pool.map(lambda one: self._one(one, fence, one.id in smaller), orders))
        self._drill.reached("before_outcome")
        done = list(zip(orders, outcomes, strict=True))
        for order, outcome in done:
            if isinstance(outcome, Forbidden):
                self._orders.not_sent(order.id, outcome)
        self._take([(o, sent) for o, sent in done if not isinstance(sent, Forbidden | SluiceError)])
        self._drill.reached("outcome_recorded")
        for outcome in outcomes:
            if isinstance(outcome, SluiceError):
                # What became of the others is recorded; these rows say that they may be there.
                raise outcome

    def _one(
        self, order: OrderRecord, fence: int, smaller: bool
    ) -> SendOutcome | Forbidden | SluiceError:
        self._drill.reached("before_send")
        try:
            with self._asking:  # one connection to the database, however many are under way
                why = self._orders.forbidden(order, fence, smaller=smaller)
        except SluiceError as err:
            return err
        if why is not None:
            return why
        outcome = self._broker.submit(
            OrderRequest(
                client_order_id=order.client_order_id,
                symbol=order.symbol,
                side=order.side,
                quantity=order.quantity,
            )
        )
        self._drill.reached("sent")
        return outcome

    def _take(self, outcomes: Sequence[tuple[OrderRecord, SendOutcome]]) -> None:
        seen: dict[UUID, BrokerOrder] = {}
        by_id = {order.id: order for order, _ in outcomes}
        asked_to_wait, refused = 0.0, ""
        for order, outcome in outcomes:
            match outcome:
                case Accepted(view):
                    seen[order.id] = view
                case Exists():
                    self._orders.unanswered(order.id, "the broker has it already")
                case Unknown(reason, wait):
                    self._orders.unanswered(order.id, reason)
                    log.warning("no answer for %s: %s", order.client_order_id, reason)
                    asked_to_wait = max(asked_to_wait, wait or 0.0)
                case Refused(kind, reason, request_id):
                    self._orders.rejected(order.id, reason, kind=kind, request_id=request_id)
                    if kind == "account":
                        refused = reason
        self._book(seen, by_id)
        if refused:
            raise AccountRefused(refused)
        if asked_to_wait:
            # Once for all of them, and after what is known of the others is stored.
            self._pause(min(asked_to_wait, 60.0))

    # -- tending -------------------------------------------------------------------------------

    def tend(
        self, account_id: UUID, resend_until: datetime | None, fence: int
    ) -> tuple[OrderRecord, ...]:
        """Look up every order that may be at the broker and book what is new; those still open.

        What was called off is asked to be canceled first; whether it was, the look-up tells.
        With ``resend_until``, an order the broker has never heard of is sent again, once, before
        that instant. Raises Unavailable when the broker does not answer at all.
        """
        waiting = [order for order in self._orders.open(account_id) if order.state in AT_BROKER]
        if not waiting:
            return ()
        self._cancel(waiting)
        views = self._look_up(waiting)
        by_id = {order.id: order for order in waiting}
        self._book({id_: view for id_, view in views.items() if view is not None}, by_id)
        for order in waiting:
            if order.id in views and views[order.id] is None:
                self._never_heard_of(order, resend_until, fence)
        return tuple(o for o in self._orders.open(account_id) if o.state in AT_BROKER)

    def _cancel(self, orders: Sequence[OrderRecord]) -> None:
        """Ask for what was called off. An order whose id at the broker is not known has to be
        found first; one that is being canceled is left to it for a while."""
        now = self._clock()
        named = {
            order.id: order.broker_order_id
            for order in orders
            if order.called_off
            and not (order.state == "pending_cancel" and now - order.updated_at < CANCEL_AGAIN)
        }
        asked = [name for name in named.values() if name is not None]
        if not asked or self._stop.is_set():
            return
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="cancel") as pool:
            answers = list(pool.map(self._broker.cancel, asked))
        unsure = [answer.reason for answer in answers if answer.result == "unknown"]
        log.warning(
            "%d orders were asked to be canceled%s", len(asked),
            f"; no answer to {len(unsure)}: {unsure[0]}" if unsure else "",
            extra={"action": "cancel"},
        )  # fmt: skip

    def _look_up(self, orders: Sequence[OrderRecord]) -> dict[UUID, BrokerOrder | None]:
        """What the broker says of each; an order it gave no answer for is missing.

        Many are read from its list; what is not in it is asked for by name, as only that is a no.
        """
        listed: dict[UUID, BrokerOrder | None] = {}
        if len(orders) > ONE_BY_ONE:
            since = min(order.sent_at or order.created_at for order in orders) - _MARGIN
            views = {view.client_order_id: view for view in self._broker.recent_orders(since)}
            listed = {
                order.id: views[order.client_order_id]
                for order in orders
                if order.client_order_id in views
                and views[order.client_order_id].state != "replaced"
            }
        return listed | self._ask([order for order in orders if order.id not in listed])

    def _ask(self, orders: Sequence[OrderRecord]) -> dict[UUID, BrokerOrder | None]:
        def one(order: OrderRecord) -> BrokerOrder | Unavailable | None:
            try:
                return self._broker.order(order.client_order_id)
            except Unavailable as err:
                return err

        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="look-up") as pool:
            answers = list(pool.map(one, orders))
        failed = [answer for answer in answers if isinstance(answer, Unavailable)]
        if failed and len(failed) == len(answers):
            raise failed[0]
        return {
            order.id: answer
            for order, answer in zip(orders, answers, strict=True)
            if not isinstance(answer, Unavailable)
        }

    def _never_heard_of(
        self, order: OrderRecord, resend_until: datetime | None, fence: int
    ) -> None:
        name = order.client_order_id
        if self._clock() >= order.created_at + _A_DAY:
            # An order for the day that the broker has none of when its day is over never arrived.
            self._orders.never_arrived(order.id, "it never reached the broker, and its day is over")
            return
        # Counted where it may be sent again: a look before that, at a start, uses up no resend.
        counted = resend_until is not None
        self._orders.unanswered(order.id, "the broker does not know it yet", not_found=counted)
        again = (
            resend_until is not None
            and self._clock() < resend_until
            and order.lookups < RESENDS
            and order.state in ("sending", "unknown")
            and not self._stop.is_set()
        )
        if again:
            log.warning("%s is sent again, if it may be: the broker had none of it", name)
            # Where it may not it stays unknown: the first may arrive yet.
            self._submit([order], fence)

    def _book(self, seen: dict[UUID, BrokerOrder], by_id: dict[UUID, OrderRecord]) -> None:
        if not seen:
            return
        account_id = next(iter(by_id.values())).account_id
        step = self._broker.quantity_step
        self._drill.reached("before_booking")
        changed = self._orders.book(
            account_id,
            seen,
            lambda order, view, parts: entries_of_fill(
                order, view, parts, step=step, currency=self._currency
            ),
        )
        self._drill.reached("booked")
        for order in changed:
            if order.filled_quantity > order.quantity:
                log.error("%s was filled beyond its quantity", order.client_order_id)

    def await_final(
        self,
        account_id: UUID,
        orders: Sequence[OrderRecord],
        *,
        seconds: float,
        resend_until: datetime,
        fence: int,
    ) -> bool:
        """Tend until all of ``orders`` are final, or so long; whether they are."""
        ids = {order.id for order in orders}
        waited, step = 0.0, 0.1
        while True:
            open_now = self._tended(account_id, resend_until, fence)
            if not any(order.id in ids for order in open_now):
                return True
            if waited >= seconds or self._stop.is_set() or self._clock() >= resend_until:
                return False
            if self._updates is None:
                self._pause(step)
            else:
                self._updates.changed(step)
            waited, step = waited + step, min(step * 1.6, 3.0)

    def _tended(
        self, account_id: UUID, resend_until: datetime, fence: int
    ) -> tuple[OrderRecord, ...]:
        try:
            return self.tend(account_id, resend_until, fence)
        except (Unavailable, NeedsOperator) as err:
            log.warning("orders could not be looked up: %s", err)
            return tuple(o for o in self._orders.open(account_id) if o.state in AT_BROKER)


def _handfuls(orders: Sequence[OrderRecord], size: int) -> Iterator[Sequence[OrderRecord]]:
    for start in range(0, len(orders), size):
        yield orders[start : start + size]
