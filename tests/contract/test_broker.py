"""What every Broker promises, tried on each of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from core.brokers.base import (
    Accepted,
    Broker,
    BrokerOrder,
    Exists,
    OrderRequest,
    Refused,
    SendOutcome,
    Side,
)
from tests.contract.broker_stands import CASH, BrokerStand

ONE = Decimal(1)
_turns = count(1)


def new_id() -> str:
    return f"slc-{next(_turns):06d}"


def send(
    at: BrokerStand, side: Side, quantity: str | Decimal, symbol: str = "", client_id: str = ""
) -> tuple[str, SendOutcome]:
    request = OrderRequest(
        client_order_id=client_id or new_id(),
        symbol=symbol or at.symbols[0],
        side=side,
        quantity=Decimal(quantity),
    )
    return request.client_order_id, at.broker.submit(request)


def sent(
    at: BrokerStand, side: Side, quantity: str | Decimal, symbol: str = "", client_id: str = ""
) -> BrokerOrder:
    """An accepted order, as it shows afterwards."""
    client_id, outcome = send(at, side, quantity, symbol, client_id)
    assert isinstance(outcome, Accepted), outcome
    return shown(at.broker, client_id)


def shown(broker: Broker, client_id: str) -> BrokerOrder:
    order = broker.order(client_id)
    assert order is not None
    return order


def held(at: BrokerStand, symbol: str = "") -> Decimal:
    found = {position.symbol: position.quantity for position in at.broker.positions()}
    return found.get(symbol or at.symbols[0], Decimal(0))


def test_it_describes_itself(at_broker: BrokerStand):
    broker = at_broker.broker
    assert isinstance(broker, Broker)
    assert broker.name == broker.name.lower()
    assert broker.mode == "paper"
    assert 0 < broker.quantity_step <= ONE
    assert broker.minimum_notional >= 0


def test_a_new_account_has_its_cash_and_nothing_else(at_broker: BrokerStand):
    account = at_broker.broker.account()
    assert (account.cash, account.equity, account.buying_power) == (CASH, CASH, CASH)
    assert account.currency == "USD"
    assert account.blocked is None
    assert at_broker.broker.positions() == ()
    assert at_broker.broker.open_orders() == ()


# -- an order's life -------------------------------------------------------------------------------


def test_a_buy_becomes_a_position_and_costs_what_its_fills_say(at_broker: BrokerStand):
    order = sent(at_broker, "buy", "10")
    assert (order.state, order.final) == ("filled", True)
    assert (order.quantity, order.filled_quantity) == (10, 10)
    assert order.filled_price is not None
    [position] = at_broker.broker.positions()
    assert (position.symbol, position.quantity) == (at_broker.symbols[0], 10)
    assert position.average_price == order.filled_price
    assert at_broker.broker.account().cash == CASH - order.filled_cash


def test_a_sell_gives_the_shares_and_brings_the_cash(at_broker: BrokerStand):
    bought = sent(at_broker, "buy", "10")
    at_broker.set_price(at_broker.symbols[0], "110.00")
    sold = sent(at_broker, "sell", "4")
    assert held(at_broker) == 6
    assert at_broker.broker.account().cash == CASH - bought.filled_cash + sold.filled_cash


def test_selling_what_is_held_leaves_no_position(at_broker: BrokerStand):
    sent(at_broker, "buy", "0.123456789")
    sent(at_broker, "sell", held(at_broker))
    assert at_broker.broker.positions() == ()
    assert at_broker.broker.account().cash == CASH


def test_an_order_says_who_it_is(at_broker: BrokerStand):
    client_id, outcome = send(at_broker, "buy", "1", at_broker.symbols[1])
    assert isinstance(outcome, Accepted)
    order = outcome.order
    assert (order.client_order_id, order.symbol) == (client_id, at_broker.symbols[1])
    assert (order.side, order.quantity) == ("buy", 1)
    assert order.submitted_at is not None
    assert order.submitted_at.utcoffset() == timedelta(0)
    assert shown(at_broker.broker, client_id).broker_order_id == order.broker_order_id


def test_an_order_that_waits_is_open_and_not_filled(at_broker: BrokerStand):
    at_broker.fill_as("never")
    order = sent(at_broker, "buy", "10")
    assert (order.state, order.final) == ("accepted", False)
    assert (order.filled_quantity, order.filled_price, order.filled_cash) == (0, None, 0)
    assert [o.client_order_id for o in at_broker.broker.open_orders()] == [order.client_order_id]
    assert held(at_broker) == 0
    assert at_broker.broker.account().cash == CASH


def test_fills_are_cumulative(at_broker: BrokerStand):
    at_broker.fill_as(Decimal(3))
    order = sent(at_broker, "buy", "10")
    assert (order.state, order.filled_quantity) == ("partially_filled", 3)
    at_broker.set_price(at_broker.symbols[0], "102.00")
    at_broker.fill(order.client_order_id, Decimal(5))
    more = shown(at_broker.broker, order.client_order_id)
    assert (more.state, more.filled_quantity) == ("partially_filled", 8)
    at_broker.fill(order.client_order_id, Decimal(2))
    whole = shown(at_broker.broker, order.client_order_id)
    assert (whole.state, whole.filled_quantity) == ("filled", 10)
    assert CASH - at_broker.broker.account().cash == 3 * 100 + 7 * 102 == whole.filled_cash
    assert at_broker.broker.open_orders() == ()


def test_reading_an_order_twice_changes_nothing(at_broker: BrokerStand):
    at_broker.fill_as(Decimal(3))
    order = sent(at_broker, "buy", "10")
    assert shown(at_broker.broker, order.client_order_id) == order
    assert held(at_broker) == 3


def test_a_canceled_order_keeps_what_was_filled(at_broker: BrokerStand):
    """Row 12: 3 of 10, then canceled, is 3 and not nothing."""
    at_broker.fill_as(Decimal(3))
    order = sent(at_broker, "buy", "10")
    assert at_broker.broker.cancel(order.broker_order_id).result == "requested"
    after = shown(at_broker.broker, order.client_order_id)
    assert (after.state, after.final) == ("canceled", True)
    assert (after.quantity, after.filled_quantity, after.filled_cash) == (10, 3, 300)
    assert held(at_broker) == 3
    assert at_broker.broker.open_orders() == ()


def test_a_canceled_order_frees_what_it_had_reserved(at_broker: BrokerStand):
    at_broker.fill_as("never")
    order = sent(at_broker, "buy", "900")
    assert at_broker.broker.account().buying_power <= CASH - 90_000
    at_broker.broker.cancel(order.broker_order_id)
    assert at_broker.broker.account().buying_power == CASH


def test_a_final_order_can_no_longer_be_canceled(at_broker: BrokerStand):
    order = sent(at_broker, "buy", "1")
    assert at_broker.broker.cancel(order.broker_order_id).result == "too_late"
    assert shown(at_broker.broker, order.client_order_id).state == "filled"


def test_an_order_of_a_day_ends_with_it(at_broker: BrokerStand):
    at_broker.fill_as(Decimal(4))
    order = sent(at_broker, "buy", "10")
    at_broker.clock.advance(11 * 60)
    after = shown(at_broker.broker, order.client_order_id)
    assert (after.state, after.filled_quantity) == ("expired", 4)
    assert held(at_broker) == 4


def test_nothing_fills_while_the_market_is_closed(at_broker: BrokerStand):
    at_broker.clock.advance(11 * 60)
    client_id, outcome = send(at_broker, "buy", "10")
    if isinstance(outcome, Accepted):
        assert shown(at_broker.broker, client_id).filled_quantity == 0
    else:
        assert isinstance(outcome, Refused)
    assert held(at_broker) == 0


def test_recent_orders_are_all_since_an_instant_final_or_not(at_broker: BrokerStand):
    early = sent(at_broker, "buy", "1")
    at_broker.clock.advance(60)
    since = at_broker.clock()
    later = [sent(at_broker, "buy", "2"), sent(at_broker, "sell", "1")]
    found = at_broker.broker.recent_orders(since)
    assert list(found) == later
    assert {o.state for o in found} == {"filled"}
    long_ago = since - timedelta(days=1)
    assert list(at_broker.broker.recent_orders(long_ago)) == [early, *later]
    at_broker.fill_as("never")
    waiting = sent(at_broker, "buy", "3")
    at_broker.broker.cancel(waiting.broker_order_id)
    states = [o.state for o in at_broker.broker.recent_orders(since)]
    assert states == ["filled", "filled", "canceled"]


# -- ids ------------------------------------------------------------------------------------------


def test_an_order_that_was_never_sent_is_none(at_broker: BrokerStand):
    assert at_broker.broker.order(new_id()) is None


def test_an_id_is_an_order_once(at_broker: BrokerStand):
    """Row 4: sent again, it exists, and nothing more is traded."""
    order = sent(at_broker, "buy", "10")
    assert send(at_broker, "buy", "10", client_id=order.client_order_id)[1] == Exists()
    assert held(at_broker) == 10
    assert shown(at_broker.broker, order.client_order_id) == order


def test_an_id_stays_taken_after_its_order_was_canceled(at_broker: BrokerStand):
    at_broker.fill_as("never")
    order = sent(at_broker, "buy", "10")
    at_broker.broker.cancel(order.broker_order_id)
    assert send(at_broker, "buy", "10", client_id=order.client_order_id)[1] == Exists()


def test_an_id_of_forty_eight_characters_is_taken(at_broker: BrokerStand):
    client_id = f"{new_id()}-".ljust(48, "x")
    assert sent(at_broker, "buy", "1", client_id=client_id).client_order_id == client_id


def test_everything_is_there_after_a_restart(at_broker: BrokerStand):
    at_broker.fill_as(Decimal(3))
    order = sent(at_broker, "buy", "10")
    again = at_broker.again()
    assert shown(again, order.client_order_id) == order
    assert again.positions() == at_broker.broker.positions()
    assert again.account() == at_broker.broker.account()
    assert [o.client_order_id for o in again.open_orders()] == [order.client_order_id]
    again.close()


# -- exact numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantity",
    ["0.3", "0.10000", "123.123456789", "1000", "1E+2", "0.020000001", "7.000000001"],
)
def test_quantities_are_exact(at_broker: BrokerStand, quantity):
    """Row 10."""
    order = sent(at_broker, "buy", quantity, at_broker.symbols[1])
    assert order.quantity == order.filled_quantity == Decimal(quantity)
    assert held(at_broker, at_broker.symbols[1]) == Decimal(quantity)
    assert at_broker.broker.account().cash == CASH - Decimal(quantity) * 50


def test_a_sum_of_floats_is_never_seen(at_broker: BrokerStand):
    """Row 10: 0.1 + 0.2 is 0.3, and a hundred-thousandth has no exponent."""
    sent(at_broker, "buy", "0.1")
    sent(at_broker, "buy", "0.2")
    sent(at_broker, "sell", "0.00001")
    assert held(at_broker) == Decimal("0.29999")


def test_a_step_is_the_smallest_part_that_trades(at_broker: BrokerStand):
    step = at_broker.broker.quantity_step
    sent(at_broker, "buy", ONE + step)
    sent(at_broker, "sell", step)
    assert held(at_broker) == ONE


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "0.0000000001"])
def test_a_quantity_that_is_none_is_refused(at_broker: BrokerStand, quantity):
    client_id, outcome = send(at_broker, "buy", quantity)
    assert isinstance(outcome, Refused)
    assert outcome.kind == "invalid"
    assert at_broker.broker.order(client_id) is None


def test_a_symbol_nobody_knows_is_refused(at_broker: BrokerStand):
    outcome = send(at_broker, "buy", "1", at_broker.unknown)[1]
    assert isinstance(outcome, Refused)
    assert outcome.kind == "invalid"


def test_a_part_of_a_share_that_trades_whole_is_refused(at_broker: BrokerStand):
    """Row 25: only this leg."""
    if at_broker.whole is None:
        pytest.skip("every asset of this broker trades in fractions")
    outcome = send(at_broker, "buy", "1.5", at_broker.whole)[1]
    assert isinstance(outcome, Refused)
    assert outcome.kind == "invalid"
    assert sent(at_broker, "buy", "2", at_broker.whole).state == "filled"


def test_a_buy_below_the_smallest_amount_is_refused(at_broker: BrokerStand):
    """Row 22."""
    if not at_broker.broker.minimum_notional:
        pytest.skip("this broker has no smallest amount")
    outcome = send(at_broker, "buy", "0.001")[1]
    assert isinstance(outcome, Refused)
    assert outcome.kind == "invalid"


def test_the_smallest_sell_is_taken(at_broker: BrokerStand):
    """Row 21: dust can be sold."""
    sent(at_broker, "buy", "1.000000001")
    sent(at_broker, "sell", "1")
    sent(at_broker, "sell", "0.000000001")
    assert at_broker.broker.positions() == ()


def test_too_little_buying_power_is_refused_and_nothing_is_traded(at_broker: BrokerStand):
    client_id, outcome = send(at_broker, "buy", "1100")
    assert isinstance(outcome, Refused)
    assert outcome.kind == "funds"
    assert outcome.reason
    assert at_broker.broker.order(client_id) is None
    assert at_broker.broker.account().cash == CASH


def test_more_than_is_held_cannot_be_sold(at_broker: BrokerStand):
    sent(at_broker, "buy", "1")
    outcome = send(at_broker, "sell", "1.000000001")[1]
    assert isinstance(outcome, Refused)
    assert outcome.kind == "funds"
    assert held(at_broker) == 1


def test_a_refused_id_may_be_sent_when_it_can_be_paid(at_broker: BrokerStand):
    client_id, outcome = send(at_broker, "buy", "1100")
    assert isinstance(outcome, Refused)
    at_broker.set_price(at_broker.symbols[0], "50.00")
    assert sent(at_broker, "buy", "1100", client_id=client_id).state == "filled"


# -- the market -----------------------------------------------------------------------------------


def test_assets_say_what_trades_and_how(at_broker: BrokerStand):
    fractional = dict.fromkeys(at_broker.symbols, True)
    whole = {at_broker.whole: False} if at_broker.whole else {}
    found = at_broker.broker.assets([*fractional, *whole, at_broker.unknown])
    assert {symbol: asset.fractionable for symbol, asset in found.items()} == fractional | whole
    assert all(asset.symbol == symbol for symbol, asset in found.items())
    assert all(asset.tradable for asset in found.values())


def test_quotes_are_prices_with_their_time(at_broker: BrokerStand):
    a, b = at_broker.symbols
    found = at_broker.broker.quotes([a, b, at_broker.unknown])
    assert {symbol: quote.price for symbol, quote in found.items()} == {a: 100, b: 50}
    for quote in found.values():
        assert quote.at.utcoffset() == timedelta(0)
        assert abs(quote.at - at_broker.clock()) < timedelta(minutes=1)
    at_broker.set_price(a, "101.37")
    assert at_broker.broker.quotes([a])[a].price == Decimal("101.37")


def test_nothing_is_asked_for_nothing(at_broker: BrokerStand):
    assert at_broker.broker.quotes([]) == {}
    assert at_broker.broker.assets([]) == {}


def test_its_clock_knows_the_close(at_broker: BrokerStand):
    clock = at_broker.broker.clock()
    assert clock.is_open
    assert clock.next_close == datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
    at_broker.clock.advance(10 * 60)
    assert not at_broker.broker.clock().is_open


def test_hours_leave_out_holidays_and_know_half_days(at_broker: BrokerStand):
    """Row 44."""
    found = at_broker.broker.hours(date(2026, 11, 25), date(2026, 11, 30))
    assert [
        (s.session.isoformat(), f"{s.opens_at:%H:%M}", f"{s.closes_at:%H:%M}") for s in found
    ] == [
        ("2026-11-25", "14:30", "21:00"),
        ("2026-11-27", "14:30", "18:00"),
        ("2026-11-30", "14:30", "21:00"),
    ]
    assert all(s.opens_at.utcoffset() == timedelta(0) for s in found)


def test_hours_follow_the_summer_time_of_new_york(at_broker: BrokerStand):
    """Row 43."""
    [before, after] = at_broker.broker.hours(date(2026, 3, 6), date(2026, 3, 9))
    assert (before.closes_at.hour, after.closes_at.hour) == (21, 20)


def test_hours_of_a_weekend_are_none(at_broker: BrokerStand):
    assert at_broker.broker.hours(date(2026, 11, 28), date(2026, 11, 29)) == ()


# -- many -----------------------------------------------------------------------------------------


def test_all_positions_are_read(at_broker: BrokerStand):
    """Row 35."""
    symbols = [f"SYM{n:03d}" for n in range(60)]
    for symbol in symbols:
        at_broker.set_price(symbol, "10.00")
        assert isinstance(send(at_broker, "buy", "1", symbol)[1], Accepted)
    assert [p.symbol for p in at_broker.broker.positions()] == symbols


def test_all_open_orders_are_read(at_broker: BrokerStand):
    """Row 35: more than a page of them."""
    at_broker.fill_as("never")
    at_broker.set_price(at_broker.symbols[0], "1.00")
    ids = [send(at_broker, "buy", "2")[0] for _ in range(at_broker.pages)]
    assert [o.client_order_id for o in at_broker.broker.open_orders()] == ids


def test_no_activity_is_made_of_orders(at_broker: BrokerStand):
    sent(at_broker, "buy", "1")
    assert at_broker.broker.activities(at_broker.clock() - timedelta(days=2)) == ()


def test_it_can_be_closed_twice(at_broker: BrokerStand):
    at_broker.broker.account()
    at_broker.broker.close()
    at_broker.broker.close()
