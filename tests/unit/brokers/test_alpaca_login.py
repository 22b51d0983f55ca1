"""Keys, mode and addresses must agree before anything is asked."""

from __future__ import annotations

import pytest

from core.brokers.alpaca import AlpacaBroker
from core.brokers.alpaca.login import check_login
from core.clock import system_clock
from core.errors import NeedsOperator

PAPER, LIVE, SECRET = "PKABCDEFGH", "AKABCDEFGH", "notToBeSeen"
PAPER_URL, LIVE_URL = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"


def test_paper_is_the_default():
    broker = AlpacaBroker(PAPER, SECRET, clock=system_clock)
    assert broker.mode == "paper"
    login = check_login(PAPER, SECRET, mode="paper")
    assert (login.trading_url, login.data_url) == (PAPER_URL, None)
    assert login.stream_url == "wss://paper-api.alpaca.markets/stream"


def test_live_has_its_own_addresses():
    login = check_login(LIVE, SECRET, mode="live")
    assert login.trading_url == LIVE_URL
    assert login.stream_url == "wss://api.alpaca.markets/stream"


@pytest.mark.parametrize(
    ("key_id", "mode", "urls", "message"),
    [
        (LIVE, "paper", {}, "key of a live account"),
        (PAPER, "live", {}, "key of a paper account"),
        (LIVE, "live", {"trading_url": PAPER_URL}, "is Alpaca's paper address"),
        (PAPER, "paper", {"trading_url": LIVE_URL}, "is Alpaca's live address"),
        (PAPER, "paper", {"trading_url": LIVE_URL + "/v2/"}, "is Alpaca's live address"),
        (PAPER, "paper", {"stream_url": "wss://api.alpaca.markets/stream"}, "live address"),
        (PAPER, "paper", {"trading_url": "paper-api.alpaca.markets"}, "not an address"),
        (PAPER, "paper", {"trading_url": "ftp://x"}, "not an address"),
        (PAPER, "paper", {"stream_url": "https://paper-api.alpaca.markets"}, "not an address"),
        (PAPER, "paper", {"trading_url": "http://paper-api.alpaca.markets"}, "unprotected"),
        (PAPER, "paper", {"data_url": "http://data.alpaca.markets"}, "unprotected"),
        ("", "paper", {}, "key id"),
        (None, "paper", {}, "key id"),
    ],
)
def test_what_contradicts_is_refused(key_id, mode, urls, message):
    """Row 79."""
    with pytest.raises(NeedsOperator, match=message) as caught:
        check_login(key_id, SECRET, mode=mode, **urls)
    assert SECRET not in str(caught.value)
    assert not key_id or key_id not in str(caught.value)


def test_a_secret_that_lacks_is_said():
    with pytest.raises(NeedsOperator, match="secret"):
        AlpacaBroker(PAPER, None, clock=system_clock)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1234",
        "http://localhost:1234/",
        "http://127.0.0.1:1234/v2",
        "http://[::1]:80",
    ],
)
def test_a_server_on_this_machine_may_be_spoken_to_in_the_clear(url):
    login = check_login(PAPER, SECRET, mode="paper", trading_url=url)
    assert login.trading_url == url.removesuffix("/").removesuffix("/v2")
    assert login.stream_url == login.trading_url.replace("http", "ws") + "/stream"


def test_the_login_shows_no_secret():
    shown = repr(check_login(PAPER, SECRET, mode="paper"))
    assert SECRET not in shown
    assert PAPER not in shown
