"""Where the broker contract is tried: each broker with a market its tests can move.

A stand is a context manager. ``BROKERS`` holds all; ``REMOTE_BROKERS`` those behind a network, with
the server that can be made to misbehave. To add one: make a ``BrokerStand`` of it, say how orders
fill and how prices move, and put it in ``BROKERS``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from uuid import uuid4

import pytest

from core.accounts.account import DEFAULT_SLOTS
from core.bootstrap import Services
from core.brokers.alpaca import AlpacaBroker
from core.brokers.base import Broker
from core.brokers.paper import QUOTES_KEPT, PaperBroker, PaperOptions
from core.db.paper_books import PaperBooks
from core.risk.limits import Limits
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading, fills
from tests.fakes.clock import VirtualClock
from tests.fakes.priced_source import PricedSource
from tests.fakes.server import FakeServer

NOW = "2026-11-25T20:50:00"  # a Wednesday before a holiday and a half-day, ten minutes to the close
CASH = Decimal(100000)

HowFilled = Literal["whole", "never"] | Decimal
"""``whole``: at once. ``never``: only by ``fill``. A number: so many shares at once, no more."""


@dataclass(frozen=True)
class BrokerStand:
    """A broker in an open market, with ``CASH`` and nothing else at ``NOW``.

    ``symbols``       two that trade in fractions, at 100.00 and 50.00
    ``whole``         one that trades in whole shares only, at 20.00; None where all have fractions
    ``set_price``     moves a price
    ``fill_as``       how orders fill that are accepted from now on
    ``fill``          fills so many shares of an open order, by its client id
    ``again``         the same account opened anew, as after a restart
    ``pages``         how many orders are more than one page of its list
    """

    broker: Broker
    clock: VirtualClock
    set_price: Callable[[str, str], None]
    fill_as: Callable[[HowFilled], None]
    fill: Callable[[str, Decimal], None]
    again: Callable[[], Broker]
    pages: int = 30
    symbols: tuple[str, str] = ("SPY", "TLT")
    whole: str | None = "LUMP"
    unknown: str = "NOSUCH"


@dataclass(frozen=True)
class RemoteBroker(BrokerStand):
    """One behind a network.

    ``sending``, ``looking``, ``canceling``  method and path of a submit, a look-up and a cancel
    ``sent_ids``   client ids of every submit that arrived, whatever became of it
    ``hasty``      the same account through a broker that waits a second for an answer, no more
    ``nowhere``    the same broker at an address where nothing listens
    ``secrets``    never to be seen
    """

    server: FakeServer = field(kw_only=True)
    alpaca: AlpacaTrading = field(kw_only=True)
    data: AlpacaData = field(kw_only=True)
    sent_ids: Callable[[], list[str]] = field(kw_only=True)
    hasty: Broker = field(kw_only=True)
    nowhere: Callable[[], Broker] = field(kw_only=True)
    sending: dict[str, str] = field(kw_only=True)
    looking: dict[str, str] = field(kw_only=True)
    canceling: dict[str, str] = field(kw_only=True)
    secrets: tuple[str, ...] = field(kw_only=True)


@contextmanager
def alpaca(_: pytest.FixtureRequest) -> Iterator[RemoteBroker]:
    clock = VirtualClock(NOW)
    with (
        AlpacaData(clock, requests_per_minute=10_000) as data,
        AlpacaTrading(clock, quotes=data.quotes, cash=CASH, requests_per_minute=10_000) as fake,
    ):
        for symbol, price in (("SPY", "100.00"), ("TLT", "50.00"), ("LUMP", "20.00")):
            data.quotes.set(symbol, price)
        fake.desk.assets.set("LUMP", fractionable=False)

        def opened(trading_url: str = fake.url, timeout_seconds: float = 20.0) -> AlpacaBroker:
            return AlpacaBroker(
                KEY_ID,
                SECRET_KEY,
                clock=clock,
                trading_url=trading_url,
                data_url=data.url,
                timeout_seconds=timeout_seconds,
                sleep=clock.sleep,
            )

        def fill_as(how: HowFilled) -> None:
            plans = {"whole": fills.immediately, "never": fills.never}
            fake.fill_as(fills.partly(how) if isinstance(how, Decimal) else plans[how])

        broker, hasty = opened(), opened(timeout_seconds=1.0)
        yield RemoteBroker(
            broker,
            clock,
            data.quotes.set,
            fill_as,
            fake.fill,
            opened,
            pages=510,
            server=fake,
            alpaca=fake,
            data=data,
            sent_ids=lambda: fake.sent_ids,
            hasty=hasty,
            nowhere=lambda: opened(f"http://127.0.0.1:{_free_port()}"),
            sending={"method": "POST", "path": "/v2/orders"},
            looking={"method": "GET", "path": "/v2/orders"},
            canceling={"method": "DELETE", "path": "/v2/orders"},
            secrets=(KEY_ID, SECRET_KEY),
        )
        broker.close()
        hasty.close()


@contextmanager
def paper(request: pytest.FixtureRequest) -> Iterator[BrokerStand]:
    """The built-in broker on its books in Postgres. Its orders do not wait: they fill at once."""
    services: Services = request.getfixturevalue("server")
    clock = VirtualClock(NOW)
    prices = PricedSource(clock, {"SPY": "100.00", "TLT": "50.00"})
    user = services.users.ensure(services.user)
    account = services.accounts.add(
        user.id,
        f"contract {uuid4()}",
        broker="paper",
        mode="paper",
        source="demo",
        slots=DEFAULT_SLOTS,
        limits=Limits(),
    )

    def set_price(symbol: str, price: str) -> None:
        prices.set(symbol, price)
        clock.advance(QUOTES_KEPT.total_seconds())

    def opened() -> PaperBroker:
        options = PaperOptions(cash=CASH, slippage_bps=0)
        books = PaperBooks(services.database.engine)
        return PaperBroker(account.id, books, prices, clock, options)

    def fill_as(how: HowFilled) -> None:
        if how != "whole":
            pytest.skip("the built-in broker fills at once")

    def fill(client_id: str, quantity: Decimal) -> None:
        raise AssertionError("no order waits")

    yield BrokerStand(opened(), clock, set_price, fill_as, fill, opened, whole=None)
    services.accounts.delete(account.id)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


BROKERS = {"alpaca": alpaca, "paper": paper}
REMOTE_BROKERS = {"alpaca": alpaca}
