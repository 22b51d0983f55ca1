"""What every Broker behind a network promises when the network, or the broker, fails.

The server's journal is what is asserted on: how often an order was sent matters more than what the
adapter says of it.
"""

from __future__ import annotations

import traceback
from decimal import Decimal

import pytest

from core.brokers.base import Accepted, Broker, OrderRequest, Refused, SendOutcome, Unknown
from core.errors import NeedsOperator, SluiceError, Unavailable
from tests.contract.broker_stands import CASH, RemoteBroker
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_server import rate_limited
from tests.fakes.server import Act

ID = "slc-20261125-SPY-buy-1"


def send(remote: RemoteBroker, quantity: str = "10", *, by: Broker | None = None) -> SendOutcome:
    request = OrderRequest(
        client_order_id=ID, symbol=remote.symbols[0], side="buy", quantity=Decimal(quantity)
    )
    return (by or remote.broker).submit(request)


def shares(remote: RemoteBroker) -> Decimal:
    return sum((p.quantity for p in remote.broker.positions()), Decimal(0))


def asking(remote: RemoteBroker, act: Act) -> Broker:
    """Who asks: somebody in haste where no answer is to be had, so that a test does not wait."""
    return remote.hasty if act in SLOW else remote.broker


SILENT = does.silent
LOST_IN_SILENCE = does.instead(does.silent)
DRIPPING = does.dripping(0.2)
SLOW = (SILENT, LOST_IN_SILENCE, DRIPPING)

LOST = {
    "the connection dropped": does.drop_after,
    "a 504": does.instead(does.status(504)),
    "a 502 with a page": does.instead(does.html(502)),
    "a 500 without a body": does.instead(does.empty(500)),
    "a 408": does.instead(does.status(408)),
    "an empty 200": does.instead(does.empty()),
    "a page with 200": does.instead(does.html()),
    "a cut answer": does.cut_json,
    "an answer broken off": does.break_off,
    "JSON of another shape": does.instead(does.other_json(["what"])),
    "an order without an id": does.instead(does.other_json({"symbol": "SPY", "side": "buy"})),
    "somebody else's order": does.changed(lambda order: {**order, "client_order_id": "other"}),
    "a page with 403": does.instead(does.html(403)),
    "a page with 422": does.instead(does.html(422)),
    "silence": LOST_IN_SILENCE,
    "an answer that drips in": DRIPPING,
}


@pytest.mark.parametrize("act", LOST.values(), ids=LOST.keys())
def test_an_order_taken_whose_answer_is_lost_is_unknown_and_found_by_its_id(
    remote: RemoteBroker, act: Act
):
    """Rows 1, 2, 48, 49: one order at the broker, sent once."""
    remote.server.misbehave(act, **remote.sending)
    outcome = send(remote, by=asking(remote, act))
    assert isinstance(outcome, Unknown), outcome
    assert outcome.reason.endswith(".")
    assert remote.sent_ids() == [ID]
    order = remote.broker.order(ID)
    assert order is not None
    assert (order.state, order.filled_quantity) == ("filled", 10)
    assert shares(remote) == 10


NOT_TAKEN = {
    "the connection dropped": does.drop,
    "a 503": does.status(503),
    "a page with 502": does.html(502),
    "429": rate_limited(20),
    "silence": SILENT,
}


@pytest.mark.parametrize("act", NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
def test_an_order_that_never_arrived_is_unknown_and_then_none(remote: RemoteBroker, act: Act):
    """Row 3: the same id may be sent again, and is one order."""
    remote.server.misbehave(act, **remote.sending)
    assert isinstance(send(remote, by=asking(remote, act)), Unknown)
    assert remote.sent_ids() == [ID]
    assert remote.broker.order(ID) is None
    assert isinstance(send(remote), Accepted)
    assert remote.sent_ids() == [ID, ID]
    assert shares(remote) == 10


def test_a_server_that_always_fails_is_sent_one_order_once(remote: RemoteBroker):
    """Row 2: no retry of the library's own."""
    remote.server.misbehave(does.instead(does.status(504)), times=4, **remote.sending)
    assert isinstance(send(remote), Unknown)
    assert remote.sent_ids() == [ID]


def test_an_unknown_order_stays_none_until_it_shows(remote: RemoteBroker):
    """Row 16: three look-ups find nothing, the fourth finds it filled."""
    remote.server.misbehave(does.drop_after, **remote.sending)
    assert isinstance(send(remote), Unknown)
    missing = does.status(404, {"code": 40410000, "message": "order not found"})
    remote.server.misbehave(missing, times=3, **remote.looking)
    assert [remote.broker.order(ID) for _ in range(3)] == [None] * 3
    order = remote.broker.order(ID)
    assert order is not None
    assert order.state == "filled"


@pytest.mark.parametrize("code", [404, 403, 400], ids=str)
def test_a_page_is_never_taken_for_no_such_order(remote: RemoteBroker, code: int):
    remote.server.misbehave(does.html(code), times=does.FOR_EVER, **remote.looking)
    with pytest.raises(Unavailable, match=f"HTTP {code}"):
        remote.broker.order(ID)


def test_429_says_how_long_to_wait(remote: RemoteBroker):
    """Row 50."""
    remote.server.misbehave(rate_limited(20), **remote.sending)
    outcome = send(remote)
    assert isinstance(outcome, Unknown)
    assert outcome.wait_seconds == pytest.approx(20, abs=1)


def test_nothing_listens_there(remote: RemoteBroker):
    """Rows 27, 55: the server is down."""
    broker = remote.nowhere()
    request = OrderRequest(
        client_order_id=ID, symbol=remote.symbols[0], side="buy", quantity=Decimal(1)
    )
    assert isinstance(broker.submit(request), Unknown)
    assert broker.cancel("any").result == "unknown"
    with pytest.raises(Unavailable):
        broker.account()
    broker.close()


# -- cancels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act", [does.drop_after, does.instead(does.html(502)), SILENT, does.status(429)]
)
def test_a_cancel_without_an_answer_is_unknown(remote: RemoteBroker, act: Act):
    remote.fill_as("never")
    assert isinstance(outcome := send(remote), Accepted)
    remote.server.misbehave(act, **remote.canceling)
    broker = asking(remote, act)
    assert broker.cancel(outcome.order.broker_order_id).result == "unknown"
    assert len(remote.server.calls("", "DELETE")) == 1


# -- reads ----------------------------------------------------------------------------------------

BROKEN = {
    "dropped": does.drop,
    "503": does.status(503),
    "a page": does.html(),
    "a page with 502": does.html(502),
    "empty": does.empty(),
    "cut": does.cut_json,
    "broken off": does.break_off,
    "another shape": does.other_json("nothing of the kind"),
    "silence": SILENT,
}
READS = {
    "account": lambda b: b.account(),
    "positions": lambda b: b.positions(),
    "open orders": lambda b: b.open_orders(),
    "order": lambda b: b.order(ID),
    "clock": lambda b: b.clock(),
}


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN.keys())
def test_a_read_is_asked_again(remote: RemoteBroker, act: Act):
    remote.server.misbehave(act)
    assert asking(remote, act).account().cash == CASH
    assert len(remote.server.journal) >= 2


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN.keys())
def test_a_read_that_keeps_failing_is_unavailable(remote: RemoteBroker, act: Act, read):
    """Rows 27, 48, 49: one kind of error, whatever was sent."""
    if act is SILENT and read is not READS["account"]:
        pytest.skip("waits three seconds, and once is enough")
    remote.server.misbehave(act, times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="Try again later"):
        read(asking(remote, act))


def test_a_read_waits_for_the_reset(remote: RemoteBroker):
    """Row 50."""
    began = remote.clock()
    remote.server.misbehave(rate_limited(20))
    assert remote.broker.account().cash == CASH
    assert 19 <= (remote.clock() - began).total_seconds() <= 25


def test_a_read_gives_up_when_it_is_limited_for_ever(remote: RemoteBroker):
    """Row 50."""
    began = remote.clock()
    remote.server.misbehave(rate_limited(20), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="limits"):
        remote.broker.account()
    assert (remote.clock() - began).total_seconds() < 180


def test_a_reset_in_the_past_is_survived(remote: RemoteBroker):
    """Row 51."""
    remote.server.misbehave(rate_limited(-3600), times=2)
    assert remote.broker.account().cash == CASH


@pytest.mark.parametrize("code", [401, 403])
def test_refused_keys_call_a_person_at_once(remote: RemoteBroker, code: int):
    """Row 53: no second try."""
    refused = does.status(code, {"code": 40110000, "message": "request is not authorized"})
    remote.server.misbehave(refused, times=does.FOR_EVER)
    with pytest.raises(NeedsOperator, match="keys"):
        remote.broker.account()
    assert len(remote.server.journal) == 1
    outcome = send(remote)
    assert isinstance(outcome, Refused)
    assert outcome.kind == "account"


# -- secrets --------------------------------------------------------------------------------------


def test_no_secret_is_ever_seen(remote: RemoteBroker, caplog):
    """Row 80: not in what is said, logged, shown or traced, though the server repeats it all."""
    caplog.set_level("DEBUG")
    echo = {"code": 40110000, "message": "not authorized: " + " ".join(remote.secrets)}
    seen = [repr(remote.broker), str(remote.broker), repr(vars(remote.broker))]
    for code in (401, 403, 404, 422, 500):
        remote.server.misbehave(does.status(code, echo), times=2)
        seen.append(repr(send(remote)))
        seen.append(repr(remote.broker.cancel("any")))
        remote.server.misbehave(does.status(code, echo), times=2)
        try:
            seen.append(repr(remote.broker.account()))
        except SluiceError as err:
            seen.append("".join(traceback.format_exception(err)))
        remote.server.behave()
    everything = caplog.text + "".join(seen) + "".join(repr(r.__dict__) for r in caplog.records)
    assert "authorized" in everything
    for secret in remote.secrets:
        assert secret not in everything
