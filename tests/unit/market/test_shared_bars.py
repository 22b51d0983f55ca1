"""The layer hosts share, on a real Redis: never needed, and never wrong."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.bootstrap import Services
from core.errors import NeedsOperator
from core.market.shared_bars import connect
from core.settings import Settings
from tests.fakes.alpaca_data import AlpacaData
from tests.fakes.clock import VirtualClock
from tests.fakes.redis_server import RedisServer
from tests.unit.market.test_cache import SPRING, cached, kept

NAME = "sluice:bars:1:alpaca:iex:adjusted:SPY"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-06-05T22:00:00")


@pytest.fixture
def server(clock) -> Iterator[AlpacaData]:
    with AlpacaData(clock) as fake:
        yield fake


@pytest.fixture
def redis(tmp_path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hosts(tmp_path) -> tuple[Path, Path]:
    """The cache folders of two hosts."""
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def client(redis):
    with connect(redis.url) as client:
        yield client


def test_what_one_host_fetched_another_need_not(server, hosts, client):
    first = cached(server, hosts[0], client).bars(["SPY", "NVDA"], **SPRING)
    asked = len(server.journal)
    cache = cached(server, hosts[1], client)
    assert cache.bars(["SPY", "NVDA"], **SPRING).digest() == first.digest()
    assert len(server.journal) == asked
    assert (cache.use.hits, cache.use.misses) == (2, 0)


def test_what_came_from_redis_is_on_disk_afterwards(server, hosts, client, redis):
    for host in hosts:
        cached(server, host, client).bars(["SPY"], **SPRING)
    assert kept(hosts[1]) is not None
    asked = len(server.journal)
    redis.stop()
    cached(server, hosts[1]).bars(["SPY"], **SPRING)
    assert len(server.journal) == asked


def test_redis_forgets_what_nobody_writes_again(server, hosts, client):
    cached(server, hosts[0], client).bars(["SPY"], **SPRING)
    assert client.keys() == [NAME.encode()]
    assert timedelta(days=29) < timedelta(seconds=client.ttl(NAME)) <= timedelta(days=30)


def test_history_that_has_changed_is_replaced_in_redis_too(server, hosts, client, clock):
    cached(server, hosts[0], client).bars(["NVDA"])
    clock.advance(22 * 24 * 3600.0)  # after the split
    right = cached(server, hosts[0], client).bars(["NVDA"])
    other = cached(server, hosts[1], client)
    assert other.bars(["NVDA"]).digest() == right.digest()
    assert (other.use.rebased, other.use.misses) == (0, 0)


@pytest.mark.parametrize("damage", [b"", b"nonsense", "half", "another series"])
def test_damage_in_redis_is_met_and_mended(server, hosts, client, caplog, damage):
    expected = cached(server, hosts[0], client).bars(["SPY", "NVDA"], **SPRING)
    whole = client.get(NAME)
    client.set(
        NAME,
        {"half": whole[:999], "another series": client.get(NAME.replace("SPY", "NVDA"))}.get(
            damage, damage
        ),
    )
    cache = cached(server, hosts[1], client)
    assert cache.bars(["SPY", "NVDA"], **SPRING).digest() == expected.digest()
    assert (cache.use.hits, cache.use.misses) == (1, 1)
    assert f"bars in Redis under {NAME} are damaged" in caplog.text
    assert len(client.get(NAME)) == len(whole)


def test_without_redis_the_disk_does_and_the_log_says_so_once(server, hosts, client, redis, caplog):
    redis.stop()
    cache = cached(server, hosts[0], client)
    first = cache.bars(["SPY"], **SPRING)
    asked = len(server.journal)
    assert cache.bars(["SPY"], **SPRING).digest() == first.digest()
    cached_again = cached(server, hosts[0])
    assert cached_again.bars(["SPY"], **SPRING).digest() == first.digest()
    assert len(server.journal) == asked
    assert caplog.text.count("Redis does not answer, bars are not shared") == 1


def test_redis_that_comes_back_is_used_again_after_a_rest(
    server, hosts, client, redis, clock, caplog
):
    caplog.set_level(logging.INFO)
    cache = cached(server, hosts[0], client)
    redis.stop()
    cache.bars(["SPY"], **SPRING)
    redis.start()
    cache.bars(["NVDA"], **SPRING)
    assert client.keys() == []  # left alone for a minute
    clock.advance(61)
    cache.bars(["BRK.B"], **SPRING)
    assert len(client.keys()) == 1
    assert "Redis answers again" in caplog.text


def test_redis_that_breaks_between_two_questions_fails_nothing(server, hosts, client, redis, clock):
    cache = cached(server, hosts[0], client)
    cache.bars(["SPY"])
    redis.stop()
    clock.advance(24 * 3600.0)
    assert len(cache.bars(["SPY", "NVDA"]).symbols) == 2
    redis.start()


def test_redis_that_accepts_and_never_answers_is_not_waited_for_long(server, hosts):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = connect(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.2
        with client:
            bars = cached(server, hosts[0], client).bars(["SPY"], **SPRING)
    assert len(bars) == 64


def test_a_url_that_cannot_be_read_is_named_and_not_shown(tmp_path):
    with pytest.raises(NeedsOperator, match="SLUICE_REDIS_URL cannot be read") as caught:
        connect("postgres://me:psst@host/0")
    assert "psst" not in str(caught.value)
    services = Services(Settings(home=tmp_path, redis_url="host:6379"))
    with pytest.raises(NeedsOperator, match="SLUICE_REDIS_URL cannot be read"):
        services.source("alpaca")
