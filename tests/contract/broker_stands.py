"""Where the broker contract is tried: each broker with a market its tests can move.

A stand is a context manager. ``BROKERS`` holds all; ``REMOTE_BROKERS`` those behind a network, with
the server that can be made to misbehave. To add one: make a ``BrokerStand`` of it, say how orders
fill and how prices move, and put it in ``BROKERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from core.brokers.alpaca import AlpacaBroker
from core.brokers.base import Broker
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading, fills
from tests.fakes.clock import VirtualClock
from tests.fakes.server import FakeServer

NOW = "2026-11-25T20:50:00"  # a Wednesday before a holiday and a half-day, ten minutes to the close
CASH = Decimal(100000)

HowFilled = Literal["whole", "never"] | Decimal
"""``whole``: at once. ``never``: only by ``fill``. A number: so many shares at once, no more."""


@dataclass(frozen=True)
class BrokerStand:
    """A broker in an open market, with ``CASH`` and nothing else at ``NOW``.

    ``symbols``       two that trade in fractions, at 100.00 and 50.00
    ``whole``         one that trades in whole shares only, at 20.00
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
    whole: str = "LUMP"
    unknown: str = "NOSUCH"


@dataclass(frozen=True)
class RemoteBroker(BrokerStand):
    """One behind a network.

    ``sending``, ``looking``, ``canceling``  method and path of a submit, a look-up and a cancel
    ``sent_ids``   client ids of every submit that arrived, whatever became of it
    ``secrets``    never to be seen
    """

    server: FakeServer = field(kw_only=True)
    alpaca: AlpacaTrading = field(kw_only=True)
    data: AlpacaData = field(kw_only=True)
    sent_ids: Callable[[], list[str]] = field(kw_only=True)
    sending: dict[str, str] = field(kw_only=True)
    looking: dict[str, str] = field(kw_only=True)
    canceling: dict[str, str] = field(kw_only=True)
    secrets: tuple[str, ...] = field(kw_only=True)


@contextmanager
def alpaca() -> Iterator[RemoteBroker]:
    clock = VirtualClock(NOW)
    with (
        AlpacaData(clock, requests_per_minute=10_000) as data,
        AlpacaTrading(clock, quotes=data.quotes, cash=CASH, requests_per_minute=10_000) as fake,
    ):
        for symbol, price in (("SPY", "100.00"), ("TLT", "50.00"), ("LUMP", "20.00")):
            data.quotes.set(symbol, price)
        fake.desk.assets.set("LUMP", fractionable=False)

        def opened() -> AlpacaBroker:
            return AlpacaBroker(
                KEY_ID,
                SECRET_KEY,
                clock=clock,
                trading_url=fake.url,
                data_url=data.url,
                timeout_seconds=0.4,
                sleep=clock.sleep,
                tries=2,
            )

        def fill_as(how: HowFilled) -> None:
            plans = {"whole": fills.immediately, "never": fills.never}
            fake.fill_as(fills.partly(how) if isinstance(how, Decimal) else plans[how])

        broker = opened()
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
            sending={"method": "POST", "path": "/v2/orders"},
            looking={"method": "GET", "path": "/v2/orders"},
            canceling={"method": "DELETE", "path": "/v2/orders"},
            secrets=(KEY_ID, SECRET_KEY),
        )
        broker.close()


BROKERS = {"alpaca": alpaca}
REMOTE_BROKERS = {"alpaca": alpaca}
