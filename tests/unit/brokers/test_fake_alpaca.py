"""The fake is judged too: alpaca-py's own typed models must read it, and it must keep its books."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from core.clock import clock_from
from tests.fakes.alpaca_server import Refused
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading, fills
from tests.fakes.clock import VirtualClock
from tests.unit.brokers.sending import send

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.common.exceptions import APIError
    from alpaca.trading.client import TradingClient
    from alpaca.trading.requests import (
        ClosePositionRequest,
        GetCalendarRequest,
        LimitOrderRequest,
        MarketOrderRequest,
        ReplaceOrderRequest,
    )


@pytest.fixture
def client(alpaca) -> Iterator[TradingClient]:
    client = TradingClient(KEY_ID, SECRET_KEY, url_override=alpaca.url)
    yield client
    client._session.close()


def market(**fields):
    return MarketOrderRequest(**{"symbol": "SPY", "side": "buy", "time_in_force": "day"} | fields)


def test_alpacas_own_models_read_what_it_sends(client, alpaca):
    order = client.submit_order(market(qty=3, client_order_id="mine"))
    assert order.status.value == "pending_new"
    assert client.get_order_by_client_id("mine").status.value == "filled"
    assert client.get_order_by_id(order.id).filled_avg_price == "100"
    [position] = client.get_all_positions()
    assert (position.symbol, position.qty, position.side.value) == ("SPY", "3", "long")
    assert client.get_open_position("SPY").qty_available == "3"
    account = client.get_account()
    assert (account.cash, account.equity) == ("99700", "100000")
    assert client.get_clock().is_open
    days = client.get_calendar(GetCalendarRequest(start=date(2026, 11, 26), end=date(2026, 11, 27)))
    assert [day.close.hour for day in days] == [13]
    assert client.get_asset("SPY").fractionable
    assert client.get_orders() == []


def test_an_unknown_exchange_fails_alpacas_own_list(client):
    """Which is why the adapter does not use it."""
    with pytest.raises(ValueError, match="exchange"):
        client.get_all_assets()


def test_a_limit_order_fills_when_the_market_comes(client, alpaca):
    order = client.submit_order(
        LimitOrderRequest(symbol="SPY", side="buy", time_in_force="day", qty=2, limit_price=99)
    )
    assert client.get_order_by_id(order.id).status.value == "new"
    alpaca.quotes.set("SPY", "98.50")
    assert client.get_order_by_id(order.id).filled_avg_price == "98.5"


def test_replacing_makes_a_new_order(client, alpaca):
    alpaca.fill_as(fills.never)
    old = client.submit_order(market(qty=5))
    new = client.replace_order_by_id(old.id, ReplaceOrderRequest(qty=4))
    assert (new.replaces, new.qty) == (old.id, "4")
    assert client.get_order_by_id(old.id).replaced_by == new.id
    with pytest.raises(APIError):
        client.replace_order_by_id(old.id, ReplaceOrderRequest(qty=3))


def test_positions_are_closed_whole_or_in_part(client, alpaca):
    client.submit_order(market(qty=5))
    client.close_position("SPY", ClosePositionRequest(qty="2"))
    assert alpaca.position("SPY") == 3
    client.close_position("SPY", ClosePositionRequest(percentage="50"))
    assert alpaca.position("SPY") == Decimal("1.5")
    [answer] = client.close_all_positions(cancel_orders=True)
    assert answer.status == 200
    assert alpaca.position("SPY") == 0


def test_canceling_all_says_so_for_each(client, alpaca):
    alpaca.fill_as(fills.never)
    ids = {client.submit_order(market(qty=1)).id for _ in range(3)}
    assert {answer.id for answer in client.cancel_orders()} == ids
    assert client.get_orders() == []


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"qty": 1, "time_in_force": "cls"}, 422, "cls orders"),
        ({"qty": 1, "time_in_force": "opg"}, 422, "opg orders"),
        ({"qty": 1.5, "time_in_force": "gtc"}, 422, "DAY orders"),
        ({"notional": 10.001}, 422, "2 decimal"),
        ({"qty": 1, "client_order_id": "x" * 129}, 422, "128"),
        ({"qty": 1, "symbol": "OLDX"}, 422, "not active"),
    ],
)
def test_its_refusals(client, alpaca, fields, status, said):
    alpaca.clock.advance(22 * 60)  # 15:52 in New York
    with pytest.raises(APIError, match=said) as caught:
        client.submit_order(market(**fields))
    assert caught.value.status_code == status


def test_wrong_keys_and_too_many_requests(alpaca):
    wrong = TradingClient("PKOTHER", "secret", url_override=alpaca.url)
    with pytest.raises(APIError, match="not authorized"):
        wrong.get_clock()
    wrong._session.close()
    alpaca.requests_per_minute = 3
    right = TradingClient(KEY_ID, SECRET_KEY, url_override=alpaca.url)
    right._retry = 0
    right.get_clock()
    right.get_clock()
    with pytest.raises(APIError) as caught:
        right.get_clock()
    assert caught.value.status_code == 429
    right._session.close()


def test_shorts_need_margin_and_whole_shares(clock):
    with AlpacaTrading(clock, multiplier=2) as alpaca:
        alpaca.quotes.set("SPY", "100")
        with pytest.raises(Refused):
            alpaca.order_by_hand("SPY", "sell", "1.5")
        alpaca.order_by_hand("SPY", "sell", 3)
        assert alpaca.position("SPY") == -3
        assert alpaca.account.cash == 100_300


def test_averages_and_cash_may_be_rounded_as_a_real_broker_might(clock):
    with AlpacaTrading(clock, average_places=4, cash_places=2) as alpaca:
        alpaca.quotes.set("SPY", "100")
        alpaca.fill_as(fills.partly("1"))
        order = alpaca.order_by_hand("SPY", "buy", "1.333333333")
        alpaca.fill(order.id, price="101.11")
        assert alpaca.account.cash == Decimal("100000") - 100 - Decimal("33.70")
        assert order.json(4)["filled_avg_price"] == "100.2775"


def test_orders_sent_in_the_night_fill_in_the_morning(broker, alpaca, clock):
    clock.advance(3600)
    send(broker)
    assert broker.order("a").status == "accepted"
    clock.advance((41 * 60 + 30) * 60)  # to Friday, past the open of a half-day
    assert broker.order("a").state == "filled"


def played(seed: int) -> list[tuple[str, str, Decimal]]:
    """Forty orders, filled at random, as they ended."""
    clock = VirtualClock("2026-11-25T15:00:00")
    with AlpacaTrading(clock, cash="1000000", multiplier=2) as alpaca:
        alpaca.quotes.set("SPY", "100.00")
        alpaca.fill_as(fills.at_random(seed, partial=0.6))
        draw = random.Random(seed)
        for n in range(40):
            alpaca.order_by_hand(
                "SPY", "buy", draw.choice(["10", "3.3", "0.5"]), client_order_id=f"o{n}"
            )
            clock.advance(draw.uniform(0, 4))
            alpaca.quotes.set("SPY", Decimal(draw.randint(9000, 11000)) / 100)
            if draw.random() < 0.2 and not alpaca.order(f"o{n}").final:
                alpaca.end(f"o{n}", "canceled")
        clock.advance(60)
        alpaca.run()
        orders = alpaca.orders
        assert alpaca.account.cash == 1_000_000 - sum(o.filled_cash for o in orders)
        assert alpaca.position("SPY") == sum(o.filled for o in orders)
        assert all(o.final for o in orders)
        assert any(len(o.fills) > 1 for o in orders)
        return [(o.client_order_id, o.status, o.filled) for o in orders]


def test_random_fills_are_the_same_for_one_seed_and_the_books_close():
    assert played(7) == played(7)
    assert played(7) != played(8)


def test_many_threads_may_trade_at_once(broker, alpaca):
    alpaca.requests_per_minute = 10_000

    def trade(name: str) -> None:
        for n in range(25):
            send(broker, f"{name}{n}", quantity="1")

    threads = [threading.Thread(target=trade, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alpaca.position("SPY") == 100
    assert len(set(alpaca.sent_ids)) == len(alpaca.sent_ids) == 100


def test_it_runs_on_a_clock_that_goes_by_itself():
    """As it must where other processes trade at it."""
    begin = VirtualClock("2026-11-25T15:00:00")()
    with AlpacaTrading(clock_from(begin)) as alpaca:
        alpaca.quotes.set("SPY", "100")
        alpaca.order_by_hand("SPY", "buy", 1)
        assert alpaca.position("SPY") == 1
