"""An Alpaca account on loopback, its data server, and a broker at both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.brokers.alpaca import AlpacaBroker
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading
from tests.fakes.clock import VirtualClock

NOW = "2026-11-25T20:30:00"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def data(clock) -> Iterator[AlpacaData]:
    with AlpacaData(clock) as fake:
        fake.quotes.set("SPY", "100.00")
        yield fake


@pytest.fixture
def alpaca(clock, data) -> Iterator[AlpacaTrading]:
    with AlpacaTrading(clock, quotes=data.quotes) as fake:
        yield fake


@pytest.fixture
def broker(clock, alpaca, data) -> Iterator[AlpacaBroker]:
    broker = AlpacaBroker(
        KEY_ID,
        SECRET_KEY,
        clock=clock,
        trading_url=alpaca.url,
        data_url=data.url,
        sleep=clock.sleep,
    )
    yield broker
    broker.close()
