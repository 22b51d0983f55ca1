"""Which orders changed, told while they change; and connections that die in every way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from core.brokers.alpaca import AlpacaOrderStream
from core.brokers.alpaca.stream import longer
from core.brokers.base import OrderStream
from core.errors import NeedsOperator
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading, fills
from tests.fakes.clock import VirtualClock

PATIENCE = 20.0


@pytest.fixture
def alpaca() -> Iterator[AlpacaTrading]:
    with AlpacaTrading(VirtualClock("2026-11-25T20:50:00")) as fake:
        fake.quotes.set("SPY", "100")
        yield fake


@pytest.fixture
def stream(alpaca) -> Iterator[AlpacaOrderStream]:
    stream = opened(alpaca)
    yield stream
    stream.close()


def opened(alpaca: AlpacaTrading, **changes) -> AlpacaOrderStream:
    asked = {"stream_url": alpaca.stream_url, "silence_seconds": 60.0, "first_pause_seconds": 0.05}
    return AlpacaOrderStream(KEY_ID, SECRET_KEY, **asked | changes)


def until(true: Callable[[], object]) -> None:
    """Wait for another thread, for as long as a busy machine may need."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """Before each new connection, as logged."""
    return [r.pause_s for r in caplog.records if getattr(r, "action", "") == "stream_lost"]


def order(alpaca: AlpacaTrading, client_id: str) -> None:
    alpaca.order_by_hand("SPY", "buy", 10, client_order_id=client_id)


def test_it_is_an_order_stream(stream):
    assert isinstance(stream, OrderStream)


def test_orders_that_change_are_named_once(alpaca, stream):
    until(lambda: stream.connected)
    order(alpaca, "a")
    assert stream.changed(PATIENCE) == {"a"}
    until(lambda: not stream.changed(0.05))
    alpaca.fill_as(fills.never)
    order(alpaca, "b")
    order(alpaca, "c")
    found: set[str] = set()
    until(lambda: found.update(stream.changed(0.05)) or found == {"b", "c"})


def test_nothing_comes_of_nothing(stream):
    began = time.monotonic()
    assert stream.changed(0.1) == frozenset()
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "text"])
def test_frames_may_be_bytes_or_text(binary):
    with AlpacaTrading(VirtualClock("2026-11-25T20:50:00"), binary=binary) as alpaca:
        alpaca.quotes.set("SPY", "100")
        stream = opened(alpaca)
        until(lambda: stream.connected)
        order(alpaca, "a")
        assert stream.changed(PATIENCE) == {"a"}
        stream.close()


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        b"\xff\xfe",
        [],
        {"stream": "trade_updates"},
        {"stream": "trade_updates", "data": None},
        {"stream": "trade_updates", "data": {"order": "x"}},
        {"stream": "trade_updates", "data": {"order": {"client_order_id": None}}},
        {"stream": "from_tomorrow", "data": {"order": {"client_order_id": "z"}}},
    ],
    ids=str,
)
def test_what_cannot_be_read_passes(alpaca, stream, message):
    until(lambda: stream.connected)
    alpaca.stream.say(message)
    order(alpaca, "a")
    assert stream.changed(PATIENCE) == {"a"}
    assert stream.rebuilt == 0


def test_a_connection_that_is_cut_is_rebuilt(alpaca, stream):
    """Row 55."""
    until(lambda: stream.connected)
    alpaca.stream.gate.cut()
    until(lambda: stream.rebuilt == 1 and stream.connected and alpaca.stream.listeners)
    order(alpaca, "a")
    assert stream.changed(PATIENCE) == {"a"}


def test_a_silent_connection_is_noticed_and_rebuilt(alpaca):
    """Row 55: open, but not even a ping is answered."""
    stream = opened(alpaca, silence_seconds=0.6)
    until(lambda: stream.connected)
    alpaca.stream.gate.silence()
    until(lambda: stream.rebuilt)
    alpaca.stream.gate.open()
    until(lambda: stream.connected)
    until(lambda: alpaca.stream.listeners)
    order(alpaca, "a")
    found: set[str] = set()
    until(lambda: found.update(stream.changed(0.05)) or found == {"a"})
    stream.close()


def test_a_server_that_is_away_is_asked_ever_less_often(alpaca, caplog):
    """Row 55: no storm of connections."""
    alpaca.stream.gate.shut()
    stream = opened(alpaca)
    until(lambda: stream.rebuilt == 4)
    stream.close()
    assert pauses(caplog)[:4] == [0.05, 0.1, 0.2, 0.4]


def test_the_pause_is_a_second_at_first_and_half_a_minute_at_most(alpaca, caplog):
    alpaca.stream.gate.shut()
    stream = AlpacaOrderStream(KEY_ID, SECRET_KEY, stream_url=alpaca.stream_url)
    until(lambda: pauses(caplog))
    stream.close()
    assert pauses(caplog) == [1.0]
    assert [longer(1.0), longer(16.0), longer(30.0)] == [2.0, 30.0, 30.0]


def test_refused_keys_are_not_hammered(alpaca, caplog):
    wrong = AlpacaOrderStream(
        "PKWRONG", "wrongSecret99", stream_url=alpaca.stream_url, first_pause_seconds=0.01
    )
    until(lambda: pauses(caplog))
    assert pauses(caplog) == [30.0]
    assert not wrong.connected
    wrong.close()
    assert "wrongSecret99" not in caplog.text


def test_it_closes_at_once_in_any_state(alpaca):
    for prepare in (lambda: None, alpaca.stream.gate.silence, alpaca.stream.gate.shut):
        alpaca.stream.gate.open()
        stream = opened(alpaca)
        until(lambda s=stream: s.connected)
        prepare()
        began = time.monotonic()
        stream.close()
        assert time.monotonic() - began < 10.0  # two seconds, on a machine that has nothing else
        assert not stream._thread.is_alive()
        stream.close()


def test_waiting_ends_when_it_is_closed(alpaca, stream):
    stream.close()
    assert stream.changed(PATIENCE) == frozenset()


def test_keys_are_never_seen(alpaca, caplog):
    caplog.set_level("DEBUG")
    stream = opened(alpaca)
    until(lambda: stream.connected)
    alpaca.stream.gate.cut()
    until(lambda: stream.rebuilt)
    seen = caplog.text + repr(stream) + repr(vars(stream))
    stream.close()
    assert "authenticate" not in seen  # no frame is logged, cut short or not
    assert KEY_ID not in seen
    assert SECRET_KEY not in seen


def test_contradictions_are_refused(alpaca):
    with pytest.raises(NeedsOperator):
        AlpacaOrderStream("AKLIVE", SECRET_KEY, stream_url=alpaca.stream_url)
