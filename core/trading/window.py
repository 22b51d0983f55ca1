"""A trade window: read, reconcile, decide, screen, record, send, fill. Started, or gone on with.

Recovery is no path of its own: a window is a row, and running one that an earlier process left
goes on where its row and its orders say. Until its orders are recorded it begins again, as nothing
was sent; from then on its orders are sent, looked up and booked as their own rows say.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from core.accounts.account import Account
from core.brokers.base import Quote
from core.db.session import transaction
from core.errors import Halted, Unavailable
from core.portfolio.deployment import Deployment
from core.portfolio.ledger import Entry
from core.portfolio.netting import cross_postings
from core.portfolio.records import Window, WindowState
from core.risk.checks import Standing as RiskStanding
from core.trading.decide import Decision, Ready
from core.trading.decisions import decide_all
from core.trading.deploy import release
from core.trading.desk import Desk
from core.trading.execute import AccountRefused, Sending
from core.trading.plan import Plan, Reading, make_plan
from core.trading.recording import (
    decision_record,
    failure_events,
    makes_smaller,
    only_reducing,
    orders_of,
    refusal_events,
    summary_event,
)
from core.trading.schedule import Due
from core.trading.settle import Standing, look, prove, settle

log = logging.getLogger(__name__)

SELLS_WAIT_SECONDS = 60.0
"""Longest wait for sells to fill before buys are sent."""
PLANS = 3
"""How often a window is planned again because a person changed something meanwhile."""
BUYS_WAIT_SECONDS = 60.0
"""Longest wait for buys; what is open then is tended by the fill check."""


class TradeWindow:
    """Runs windows of one account under one fence."""

    def __init__(self, desk: Desk, fence: int, kept: dict[str, Ready] | None = None) -> None:
        self._desk, self._fence = desk, fence
        self._kept = kept if kept is not None else {}

    def run(self, due: Due) -> Window | None:
        """Run the window, or go on with it; None where it has ended already.

        Raises Unavailable or NeedsOperator where it cannot go on now: it may be tried again until
        the session closes. Raises Fenced when another process trades this account.
        """
        desk = self._desk
        window = desk.windows.claim(
            desk.account.id,
            due.session,
            due.slot,
            due_at=due.due_at,
            closes_at=due.closes_at,
            fence=self._fence,
            host=desk.host,
        )
        if window is None:
            return None
        desk.drill.reached("claimed")
        if window.state == "claimed" and desk.clock() >= window.closes_at:
            return self._end(window, "missed", "nothing was planned before the close")
        if window.state == "claimed":
            log.info("[TRADE WINDOW START] %s %s", desk.account.name, due.session)
            try:
                self._plan(window)
            except Halted as err:
                return self._end(window, "failed", str(err))
        self._execute(window)
        return self._finish(window)

    def preview(self, due: Due) -> Plan:
        """What the window would plan now; nothing is recorded, nothing is sent."""
        plan, _ = self._planned(due.session, look(self._desk), traced=True)
        return plan

    # -- planning ------------------------------------------------------------------------------

    def _plan(self, window: Window) -> None:
        desk = self._desk
        desk.windows.step(window.id, "reading")
        for _ in range(PLANS):
            standing = settle(desk, self._fence)
            plan, reading = self._planned(window.session, standing, traced=True)
            desk.drill.reached("before_record")
            if self._record(window, plan, reading):
                break
            log.info("strategies changed while the window was planned: it is planned again")
        else:
            raise Unavailable("Strategies changed each time it was planned. Trying again.")
        for one in plan.planned:
            if one.completes:
                desk.windows.step(window.id, "completing", f"{one.deployment.name} {one.completes}")
        desk.drill.reached("recorded")
        if plan.screened.halt:
            self._halt(window, plan.screened.halt)

    def _planned(self, session: date, standing: Standing, *, traced: bool) -> tuple[Plan, Reading]:
        desk = self._desk
        account = desk.accounts.by_id(desk.account.id)
        running = desk.deployments.of(account.id)
        decisions = decide_all(desk, running, session, self._kept, traced=traced)
        symbols = _symbols(decisions, running, standing)
        reading = self._read(session, account, standing, symbols)
        spent = desk.orders.spent(account.id, reading.session)
        risk = RiskStanding(
            equity=standing.account.equity,
            buying_power=standing.account.buying_power,
            positions=standing.positions,
            reducing=account.state == "reducing",
            orders_today=spent.orders,
            notional_today=spent.notional,
            refused_today=spent.refused,
            cash_missing=standing.account.currency in standing.comparison.stopped,
        )
        return make_plan(decisions, reading, account.limits, risk), reading

    def _read(
        self, session: date, account: Account, standing: Standing, symbols: Sequence[str]
    ) -> Reading:
        broker, now = self._desk.broker, self._desk.clock()
        assets = broker.assets(symbols)
        quotes = broker.quotes(symbols)
        young, stale = _by_age(symbols, quotes, now, account.limits.quote_age_seconds)
        return Reading(
            session=session,
            at=now,
            account=standing.account,
            positions=standing.positions,
            quotes=young,
            stale=stale,
            assets=assets,
            balances=standing.balances,
            in_flight=standing.in_flight,
            stopped=standing.comparison.stopped,
            step=broker.quantity_step,
            minimum_notional=broker.minimum_notional,
        )

    # -- recording -----------------------------------------------------------------------------

    def _record(self, window: Window, plan: Plan, reading: Reading) -> bool:
        """Decisions, crosses and orders in one transaction, under the kill switch and the fence.

        False, and nothing is recorded, where what was planned on has changed meanwhile: a strategy
        was paused or stopped, its capital or its version is another.
        """
        desk, account_id = self._desk, self._desk.account.id
        planned = {p.deployment.id: (p.deployment.state, p.deployment.flow_hash)
                   for p in plan.planned}  # fmt: skip
        made, parts = orders_of(window, plan, reading, self._fence, desk.clock())
        with transaction(desk.engine) as db:
            state = desk.orders.guard(db, account_id, self._fence)
            desk.ledger.lock(db, account_id)
            if desk.ledger.balances(account_id, db) != reading.balances:
                return False
            if desk.deployments.standing(account_id, db) != planned:
                return False
            if state == "reducing":
                made = [only_reducing(one, reading.positions) for one in made]
            decided = [decision_record(window, one) for one in plan.planned]
            desk.windows.plan(db, window, decided, reading.as_json())
            if plan.crosses:
                postings = cross_postings(plan.crosses, desk.account.currency)
                reference = f"cross:{window.session}:{window.slot}"
                entry = Entry("cross", reference, desk.clock(), postings, session=window.session)
                desk.ledger.post_in(db, account_id, [entry])
            desk.orders.record(db, made, parts)
            desk.events.add(refusal_events(desk, window, plan, made), db=db)
        return True

    def _halt(self, window: Window, reason: str, *, by: str = "budget") -> None:
        desk = self._desk
        event = desk.event("account_halted", reason, severity="critical", window=window.id)
        with transaction(desk.engine) as db:
            if desk.accounts.switch(desk.account.id, "halted", reason=reason, by=by, db=db):
                desk.events.add([event], db=db)

    # -- executing -----------------------------------------------------------------------------

    def _execute(self, window: Window) -> None:
        """Sells first, then buys; what an earlier process sent is looked up before anything."""
        desk, executor = self._desk, self._desk.executor()
        orders = desk.orders.of_window(window.id)
        positions = (
            {one.symbol: one.quantity for one in desk.broker.positions()}
            if any(order.open for order in orders)
            else {}
        )
        sending = Sending(
            desk.account.id,
            self._fence,
            window.closes_at,
            frozenset(order.id for order in orders if makes_smaller(order, positions)),
        )
        try:
            for side, seconds in (("sell", SELLS_WAIT_SECONDS), ("buy", BUYS_WAIT_SECONDS)):
                legs = [order for order in orders if order.side == side and order.open]
                if not legs:
                    continue
                if any(order.state != "planned" for order in legs):
                    executor.tend(desk.account.id, window.closes_at, self._fence)
                many = f"{len(legs)} order{'' if len(legs) == 1 else 's'}"
                desk.windows.step(window.id, f"sending {side}s", many)
                executor.send(legs, sending)
                executor.await_final(
                    desk.account.id,
                    legs,
                    seconds=seconds,
                    resend_until=window.closes_at,
                    fence=self._fence,
                )
        except Halted as err:
            if isinstance(err, AccountRefused):
                self._halt(window, str(err), by="broker")
            left = [order.id for order in orders]
            desk.orders.refuse(left, str(err), status="halted")
            executor.await_final(
                desk.account.id,
                orders,
                seconds=5.0,
                resend_until=window.closes_at,
                fence=self._fence,
            )

    def _finish(self, window: Window) -> Window:
        desk = self._desk
        orders = desk.orders.of_window(window.id)
        waiting = [order.id for order in orders if order.state == "planned"]
        closed = desk.clock() >= window.closes_at
        if waiting and not closed and desk.stop.is_set():
            return desk.windows.by_id(window.id)  # a restart goes on with it
        desk.orders.lapse(waiting, "the window ended before it was sent")
        desk.drill.reached("before_finish")
        ended = self._end(window, "expired" if waiting else "done", "")
        self._stop_liquidated()
        desk.drill.reached("finished")
        return ended

    def _end(self, window: Window, state: WindowState, error: str) -> Window:
        desk = self._desk
        orders = desk.orders.of_window(window.id)
        with transaction(desk.engine) as db:
            if desk.windows.finish(window.id, state, error=error, db=db):
                told = [summary_event(desk, window, state, error, orders)]
                desk.events.add([*failure_events(desk, window, orders), *told], db=db)
        log.info("[TRADE WINDOW END] %s %s %s", desk.account.name, window.session, state)
        return desk.windows.by_id(window.id)

    def _stop_liquidated(self) -> None:
        """Strategies that were to sell everything and have: their money goes to the reserve."""
        desk = self._desk
        balances = desk.ledger.balances(desk.account.id)
        currency, in_flight = desk.account.currency, desk.orders.books_in_flight(desk.account.id)
        for one in desk.deployments.of(desk.account.id, ("liquidating",)):
            if not set(balances.get(one.book, {})) - {currency} and one.book not in in_flight:
                release(desk, one, reason="sold everything")

    def agrees(self) -> bool:
        """Whether Σ virtual = broker, to the last decimal."""
        return prove(self._desk)


def _symbols(
    decisions: Sequence[tuple[Deployment, Decision]],
    running: Sequence[Deployment],
    standing: Standing,
) -> list[str]:
    """What has to be priced: what is wanted, and what the strategies hold."""
    wanted = {symbol for _, decision in decisions for symbol in decision.weights or {}}
    wanted |= {s for _, decision in decisions if decision.owed for s in decision.owed.weights}
    currency = standing.account.currency
    for one in running:
        wanted |= set(standing.balances.get(one.book, {})) - {currency}
    return sorted(wanted)


def _by_age(
    symbols: Sequence[str], quotes: Mapping[str, Quote], now: datetime, oldest: float
) -> tuple[dict[str, Quote], dict[str, float | None]]:
    young: dict[str, Quote] = {}
    stale: dict[str, float | None] = {}
    for symbol in symbols:
        quote = quotes.get(symbol)
        if quote is None or quote.price <= 0:
            stale[symbol] = None
            continue
        age = (now - quote.at).total_seconds()
        if age > oldest:
            stale[symbol] = age
        else:
            young[symbol] = quote
    return young, stale
