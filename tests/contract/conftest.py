"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.broker_stands import BROKERS, REMOTE_BROKERS, BrokerStand, RemoteBroker
from tests.contract.stands import MARKET_SOURCES, PERPETUAL_SOURCES, Stand


@pytest.fixture(params=MARKET_SOURCES)
def stand(request, tmp_path) -> Iterator[Stand]:
    """Each market source in turn."""
    with MARKET_SOURCES[request.param](tmp_path) as stand:
        yield stand


@pytest.fixture(params=PERPETUAL_SOURCES)
def perpetual_stand(request, tmp_path) -> Iterator[Stand]:
    """Each source of perpetuals in turn."""
    with PERPETUAL_SOURCES[request.param](tmp_path) as stand:
        yield stand


@pytest.fixture(params=BROKERS)
def at_broker(request) -> Iterator[BrokerStand]:
    """Each broker in turn."""
    with BROKERS[request.param](request) as stand:
        yield stand


@pytest.fixture(params=REMOTE_BROKERS)
def remote(request) -> Iterator[RemoteBroker]:
    """Each broker behind a network in turn."""
    with REMOTE_BROKERS[request.param](request) as stand:
        yield stand
