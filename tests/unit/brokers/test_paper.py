"""The built-in broker on books in memory: what it fills, refuses, pays and splits."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from core.brokers.base import Accepted, Exists, OrderRequest, Refused
from core.brokers.paper import PaperBroker, PaperOptions
from core.calendar import calendar
from core.errors import BadInput
from core.market.bars import Ohlcv, Provenance, SymbolBars, align
from core.market.source import SourceInfo
from tests.fakes.clock import VirtualClock

OPEN = "2026-11-25T20:50:00"
SESSIONS = calendar("XNYS").between(date(2026, 11, 16), date(2026, 11, 27))


class Book:
    def __init__(self, cash) -> None:
        self.cash, self.actions_until = cash, None
        self.held, self.orders, self.told = {}, {}, {}

    def positions(self):
        return dict(self.held)

    def position(self, symbol):
        return self.held.get(symbol)

    def order(self, name):
        return self.orders.get(name)

    def open_orders(self):
        return tuple(o for o in self.orders.values() if o.state in ("accepted", "partially_filled"))

    def orders_since(self, since):
        return tuple(o for o in self.orders.values() if o.submitted_at >= since)

    def add_order(self, order):
        self.orders[order.client_order_id] = replace(order, number=len(self.orders) + 1)
        return self.orders[order.client_order_id]

    def put_order(self, order):
        self.orders[order.client_order_id] = order

    def put_position(self, symbol, position):
        self.held[symbol] = position
        if position is None:
            del self.held[symbol]

    def activities(self, after):
        return tuple(sorted((a for a in self.told.values() if a.at > after), key=lambda a: a.at))

    def add_activity(self, activity):
        fresh = activity.id not in self.told
        self.told.setdefault(activity.id, activity)
        return fresh


class Books:
    def __init__(self) -> None:
        self.book, self.in_use = None, False

    @contextmanager
    def locked(self, account_id, opening):
        self.book = self.book or Book(opening)
        kept = copy.deepcopy(self.book)
        assert not self.in_use, "the lock is held"
        self.in_use = True
        try:
            yield self.book
        except BaseException:
            self.book = kept
            raise
        finally:
            self.in_use = False


class Market:
    """SPY at 100, in every session the same, but for what ``raw``, ``split`` and ``whole`` say."""

    def __init__(self, clock, has=("adjusted", "split_adjusted", "raw")) -> None:
        self.clock, self.has = clock, has
        self.prices = {
            a: np.full(len(SESSIONS), 100.0) for a in ("raw", "split_adjusted", "adjusted")
        }

    info = SourceInfo(
        name="m", label="", meaning="", calendars=("XNYS",),
        adjustments=("adjusted", "split_adjusted", "raw"),
    )  # fmt: skip

    def symbols(self):
        return ("SPY",)

    def bars(self, symbols, *, start=None, end=None, adjustment="adjusted", progress=None):
        if adjustment not in self.has:
            raise BadInput("adjustment", "the files hold other prices.")
        of = calendar("XNYS")
        shown = [i for i, d in enumerate(SESSIONS) if of.opening(d) <= self.clock()]
        shown = [i for i in shown if start is None or SESSIONS[i] >= np.datetime64(start)]
        close = self.prices[adjustment][shown]
        one = SymbolBars("SPY", SESSIONS[shown], Ohlcv(close, close, close, close, close))
        provenance = Provenance(source="m", feed="m", adjustment=adjustment, as_of=self.clock())
        last = of.close(SESSIONS[shown][-1])
        bars = align(
            [one],
            SESSIONS[shown],
            calendar="XNYS",
            provenance=provenance,
            provisional=last > self.clock(),
        )
        return bars.select([s for s in symbols if s == "SPY"])


class Stand:
    def __init__(
        self, at: str = OPEN, has=("adjusted", "split_adjusted", "raw"), **options
    ) -> None:
        self.clock = VirtualClock(at)
        self.market = Market(self.clock, has)
        self.books = Books()
        given = {"cash": Decimal(1000), "slippage_bps": 0} | options
        self.broker = PaperBroker(
            UUID(int=1), self.books, self.market, self.clock, PaperOptions(**given)
        )

    def send(self, side, quantity, name="1"):
        return self.broker.submit(
            OrderRequest(client_order_id=name, symbol="SPY", side=side, quantity=Decimal(quantity))
        )

    def held(self) -> dict[str, Decimal]:
        return {one.symbol: one.quantity for one in self.broker.positions()}

    def cash(self) -> Decimal:
        return self.broker.account().cash


def test_it_fills_at_the_price_moved_against_the_order():
    stand = Stand(slippage_bps=10)
    assert stand.send("buy", "2").order.filled_cash == Decimal("200.2")
    assert stand.send("sell", "2", "2").order.filled_cash == Decimal("199.8")
    assert (stand.held(), stand.cash()) == ({}, Decimal("999.6"))


def test_the_same_id_twice_is_one_order():
    stand = Stand()
    assert isinstance(stand.send("buy", "2"), Accepted)
    assert stand.send("buy", "2") == Exists()
    assert stand.held() == {"SPY": 2}


@pytest.mark.parametrize(
    ("side", "quantity", "kind"),
    [
        ("buy", "10.000000001", "funds"), ("sell", "0.000000001", "funds"),
        ("buy", "0.0099", "invalid"), ("buy", "1.0000000001", "invalid"),
    ],
)  # fmt: skip
def test_what_it_refuses(side, quantity, kind):
    stand = Stand()
    outcome = stand.send(side, quantity)
    assert isinstance(outcome, Refused)
    assert outcome.kind == kind
    assert stand.broker.order("1") is None


@pytest.mark.parametrize(("quantity", "cash"), [("10", 0), ("0.01", 999)])
def test_what_it_just_takes(quantity, cash):
    stand = Stand()
    assert isinstance(stand.send("buy", quantity), Accepted)
    assert stand.cash() == cash


@pytest.mark.parametrize(
    ("at", "taken"),
    [
        ("2026-11-25T14:29:59", False), ("2026-11-25T14:30:00", True),
        ("2026-11-25T20:59:59", True), ("2026-11-25T21:00:00", False),
        ("2026-11-26T15:00:00", False), ("2026-11-27T17:59:59", True),
        ("2026-11-27T18:00:00", False),
    ],
)  # fmt: skip
def test_market_hours_half_days_included(at, taken):
    assert isinstance(Stand(at).send("buy", "1"), Accepted) is taken


def test_a_partial_fill_gets_its_rest_later():
    stand = Stand(partial_share=1)
    first = stand.send("buy", "3").order
    assert (first.state, first.filled_quantity) == ("partially_filled", 1)
    assert [one.client_order_id for one in stand.broker.open_orders()] == ["1"]
    stand.clock.advance(1)
    assert stand.broker.order("1").state == "filled"
    assert stand.held() == {"SPY": 3}


def test_a_partial_fill_expires_at_the_close_with_what_it_has():
    stand = Stand(partial_share=1)
    stand.send("buy", "3")
    stand.clock.advance(600)
    order = stand.broker.order("1")
    assert (order.state, order.filled_quantity, order.final) == ("expired", 1, True)
    assert (stand.held(), stand.cash()) == ({"SPY": 1}, 900)


@pytest.mark.parametrize("quantity", ["1", "2"])
def test_whole_shares_that_have_no_third_leave_no_empty_position(quantity):
    stand = Stand(partial_share=1, fractional=False)
    order = stand.send("buy", quantity).order
    assert order.filled_quantity in (0, Decimal(quantity))
    assert 0 not in stand.held().values()
    if not order.final:
        assert [one.client_order_id for one in stand.broker.open_orders()] == ["1"]
    stand.clock.advance(1)
    assert stand.broker.order("1").state == "filled"
    assert stand.held() == {"SPY": Decimal(quantity)}


def test_a_canceled_order_keeps_what_it_filled():
    stand = Stand(partial_share=1)
    number = stand.send("buy", "3").order.broker_order_id
    assert stand.broker.cancel(number).result == "requested"
    assert stand.broker.cancel(number).result == "too_late"
    assert stand.held() == {"SPY": 1}


# -- corporate actions -----------------------------------------------------------------------------


def test_the_market_is_never_read_while_the_books_are_locked(monkeypatch):
    """A vendor that is slow would keep everybody from the account, and a connection with it."""
    stand = Stand(partial_share=1)
    read, locked = stand.market.bars, []

    def bars(*arguments, **more):
        locked.append(stand.books.in_use)
        return read(*arguments, **more)

    monkeypatch.setattr(stand.market, "bars", bars)
    stand.send("buy", "3")
    for look in (stand.broker.open_orders, lambda: stand.broker.order("1")):
        stand.clock.advance(10)
        look()
    assert stand.held() == {"SPY": 3}
    overnight(stand, paid=1.0)
    assert stand.cash() > 702
    assert len(locked) > 5
    assert not any(locked)


def test_two_who_look_at_the_same_time_settle_once(monkeypatch):
    """Whoever is second sees what the first did."""
    stand = Stand()
    stand.send("buy", "5")
    overnight(stand, paid=1.0)
    read, others = stand.market.bars, []

    def bars(*arguments, **more):
        monkeypatch.setattr(stand.market, "bars", read)
        others.append(stand.cash())
        return read(*arguments, **more)

    monkeypatch.setattr(stand.market, "bars", bars)
    assert stand.cash() == others[0] > 504
    assert len(stand.broker.activities(datetime(2026, 11, 1, tzinfo=UTC))) == 1


def overnight(stand: Stand, split: float = 1.0, paid: float = 0.0) -> None:
    """On 2026-11-27 a share becomes ``split`` new ones and each is paid ``paid``."""
    last = len(SESSIONS) - 1
    now = 100.0 / split - paid
    stand.market.prices["raw"][last] = now
    for name, factor in (("split_adjusted", 1 / split), ("adjusted", now / 100.0)):
        stand.market.prices[name][:last] *= factor
        stand.market.prices[name][last] = now
    stand.clock.advance((datetime(2026, 11, 27, 15, tzinfo=UTC) - stand.clock()).total_seconds())


def test_a_dividend_is_paid_once():
    stand = Stand()
    stand.send("buy", "5")
    overnight(stand, paid=1.0)
    for _ in range(2):
        assert stand.cash() == pytest.approx(Decimal(505), abs=Decimal("0.06"))
    (told,) = stand.broker.activities(datetime(2026, 11, 1, tzinfo=UTC))
    assert (told.kind, told.cash) == ("dividend", stand.cash() - 500)


@pytest.mark.parametrize(("ratio", "held"), [(2.0, "6"), (0.1, "0.3"), (1 / 3, "1")])
def test_a_split(ratio, held):
    stand = Stand()
    stand.send("buy", "3")
    overnight(stand, split=ratio)
    assert float(stand.held()["SPY"]) == pytest.approx(float(held), rel=1e-8)
    equity = stand.broker.account().equity
    assert float(equity) == pytest.approx(1000, abs=1e-5)


def test_a_reverse_split_of_whole_shares_pays_for_the_fraction():
    """Else holders lose what a broker pays in cash."""
    stand = Stand(fractional=False)
    stand.send("buy", "5")
    overnight(stand, split=0.1)
    assert stand.held() == {}
    assert float(stand.cash()) == pytest.approx(1000, abs=0.01)


def test_who_bought_after_the_action_has_none_of_it():
    stand = Stand("2026-11-25T20:50:00")
    overnight(stand, paid=1.0)
    stand.send("buy", "5")
    assert stand.broker.activities(datetime(2026, 11, 1, tzinfo=UTC)) == ()


@pytest.mark.parametrize("has", [("adjusted",), ("adjusted", "split_adjusted")])
def test_a_source_that_has_no_raw_prices_after_all(has):
    """Files say of themselves that they may hold any; one file holds what it holds."""
    stand = Stand(has=has)
    assert isinstance(stand.send("buy", "1"), Accepted)
    overnight(stand)
    assert stand.held() == {"SPY": 1}
