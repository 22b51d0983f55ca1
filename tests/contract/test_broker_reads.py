"""What can be asked of a broker without trading: tried on the fake, and on the real one where its
keys are (``SLUICE_TEST_VENDORS=alpaca`` and a paper account's keys), so that the two are compared.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, date, timedelta

import pytest

from core.brokers.alpaca import AlpacaBroker
from core.brokers.base import Broker
from core.clock import system_clock
from tests.contract.broker_stands import alpaca

WANTED = os.environ.get("SLUICE_TEST_VENDORS", "").split(",")


def real_alpaca() -> AlpacaBroker:
    keys = [os.environ.get(f"SLUICE_ALPACA_{name}") for name in ("KEY_ID", "SECRET_KEY")]
    if "alpaca" not in WANTED or not all(keys):
        pytest.skip("uses the network: set SLUICE_TEST_VENDORS=alpaca and a paper account's keys")
    try:
        socket.create_connection(("paper-api.alpaca.markets", 443), timeout=5).close()
    except OSError as err:
        pytest.skip(f"Alpaca cannot be reached: {err}")
    return AlpacaBroker(*keys, clock=system_clock)


@pytest.fixture(params=["fake", "real"])
def broker(request) -> Iterator[Broker]:
    if request.param == "fake":
        with alpaca(request) as stand:
            yield stand.broker
    else:
        broker = real_alpaca()
        yield broker
        broker.close()


def test_the_account(broker: Broker):
    account = broker.account()
    assert account.currency == "USD"
    assert account.equity.is_finite()
    assert account.cash.is_finite()
    assert account.buying_power >= 0


def test_positions_orders_and_activities_are_lists(broker: Broker):
    assert all(position.quantity for position in broker.positions())
    assert not any(order.final for order in broker.open_orders())
    found = broker.activities(system_clock() - timedelta(days=30))
    assert len({activity.id for activity in found}) == len(found)


def test_an_order_that_never_was(broker: Broker):
    assert broker.order("slc-never-was") is None


def test_what_trades(broker: Broker):
    found = broker.assets(["SPY", "TLT", "NOSUCHNAME"])
    assert set(found) == {"SPY", "TLT"}
    assert found["SPY"].tradable
    assert found["SPY"].fractionable


def test_prices(broker: Broker):
    found = broker.quotes(["SPY", "TLT", "NOSUCHNAME"])
    assert set(found) == {"SPY", "TLT"}
    assert all(quote.price > 0 and quote.at.tzinfo == UTC for quote in found.values())


def test_the_hours_of_a_short_week(broker: Broker):
    found = broker.hours(date(2026, 11, 25), date(2026, 11, 30))
    assert [hours.session.day for hours in found] == [25, 27, 30]
    assert [hours.closes_at.hour for hours in found] == [21, 18, 21]
    assert broker.clock().next_close is not None
