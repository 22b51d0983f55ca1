"""What is Alpaca's own: its words, its forms, its chains, its lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.brokers.base import Accepted, Refused
from core.errors import Unavailable
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import fills
from tests.unit.brokers.sending import send


def changing(**changes: object):
    """Each entry of a list, or the one object, with fields changed."""

    def change(answer):
        for entry in answer if isinstance(answer, list) else [answer]:
            entry.update(changes)
        return answer

    return does.changed(change)


# -- what goes out --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (Decimal("1e-5"), "0.00001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("123456789.123456789"), "123456789.123456789"),
        (Decimal("5.000000000000"), "5"),
        (Decimal("100"), "100"),
    ],
)
def test_a_quantity_goes_out_as_its_digits(broker, alpaca, quantity, text):
    """Row 10: a JSON string, never a float's 1e-05."""
    send(broker, quantity=quantity)
    [body] = alpaca.sent
    assert body == {
        "symbol": "SPY",
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "qty": text,
        "client_order_id": "a",
    }


@pytest.mark.parametrize("client_id", ["", "x" * 129])
def test_an_id_alpaca_would_not_take_is_not_sent(broker, alpaca, client_id):
    assert isinstance(send(broker, client_id), Refused)
    assert alpaca.sent == []


def test_an_id_of_the_full_length_is_taken(broker):
    assert isinstance(send(broker, "x" * 128), Accepted)


def test_a_request_id_is_kept_for_support(broker, alpaca):
    accepted = send(broker)
    assert isinstance(accepted, Accepted)
    assert accepted.order.request_id == f"{len(alpaca.journal):032x}"
    refused = send(broker, "b", "sell", "11")
    assert isinstance(refused, Refused)
    assert refused.request_id == f"{len(alpaca.journal):032x}"


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, 40310000, "insufficient buying power", "funds"),
        (
            403,
            40310000,
            "insufficient qty available for order (requested: 2, available: 1)",
            "funds",
        ),
        (403, 40310000, "potential wash trade detected. use complex orders", "wash_trade"),
        (422, 40310000, "potential wash trade detected. use complex orders", "wash_trade"),
        (403, 40310000, "cannot open a long buy while a short sell order is open", "wash_trade"),
        (403, 40310000, "new orders are rejected by user request", "account"),
        (403, 40310000, "account is restricted to liquidation only", "account"),
        (401, 40110000, "request is not authorized", "account"),
        (403, None, "forbidden.", "account"),
        (403, 40310000, 'asset "BRK.A" is not fractionable', "invalid"),
        (403, 40310000, "something new", "other"),
        (422, 40010001, 'asset "NOPE" not found', "invalid"),
        (422, 42210000, "asset SPY is not tradable", "invalid"),
        (400, 40010000, "request body format is invalid", "invalid"),
    ],
)
def test_refusals_are_told_apart(broker, alpaca, status, code, message, kind):
    """Rows 23, 25, 53."""
    content = {"message": message} | ({} if code is None else {"code": code})
    alpaca.misbehave(does.status(status, content))
    outcome = send(broker)
    assert isinstance(outcome, Refused)
    assert outcome.kind == kind
    assert message in outcome.reason
    assert len(alpaca.journal) == 1


def test_an_opposite_order_is_a_wash_trade(broker, alpaca):
    """Row 23."""
    alpaca.give("SPY", 5, "90")
    alpaca.fill_as(fills.never)
    send(broker, "a")
    outcome = send(broker, "b", "sell", "5")
    assert isinstance(outcome, Refused)
    assert outcome.kind == "wash_trade"


def test_a_flip_is_refused(broker, alpaca):
    """Row 24."""
    send(broker, "a", quantity="5")
    outcome = send(broker, "b", "sell", "8")
    assert isinstance(outcome, Refused)
    assert outcome.kind == "funds"


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_a_blocked_account_says_why(broker, alpaca, flag):
    """Row 53."""
    alpaca.block(flag)
    assert broker.account().blocked == flag.replace("_", " ")
    outcome = send(broker)
    assert isinstance(outcome, Refused)
    assert outcome.kind == "account"


def test_an_account_that_is_not_active_is_blocked(broker, alpaca):
    alpaca.account.status = "ACCOUNT_CLOSED"
    assert broker.account().blocked == "account status ACCOUNT_CLOSED"


# -- an order's life -------------------------------------------------------------------------------


def test_a_replaced_order_is_followed_and_its_fills_counted_once(broker, alpaca, data, clock):
    """Row 18: 3 filled at 100, the other 7 replaced and filled at 102."""
    alpaca.fill_as(fills.partly("3"))
    send(broker)
    alpaca.fill_as(fills.never)
    second = alpaca.replace("a")
    waiting = broker.order("a")
    assert (waiting.state, waiting.filled_quantity) == ("partially_filled", 3)
    data.quotes.set("SPY", "102.00")
    alpaca.fill_as(fills.immediately)
    third = alpaca.replace(second.id)
    order = broker.order("a")
    assert (order.client_order_id, order.broker_order_id) == ("a", third.id)
    assert (order.state, order.quantity, order.filled_quantity) == ("filled", 10, 10)
    assert order.filled_cash == 3 * 100 + 7 * 102 == 100_000 - broker.account().cash
    assert [p.quantity for p in broker.positions()] == [10]
    assert [o.state for o in broker.recent_orders(clock())] == ["replaced", "replaced", "filled"]


def test_a_replacement_that_cannot_be_shown_is_no_answer(broker, alpaca):
    alpaca.fill_as(fills.never)
    send(broker)
    new = alpaca.replace("a")
    alpaca.misbehave(
        does.status(404, {"code": 40410000, "message": "order not found"}), path=new.id
    )
    with pytest.raises(Unavailable, match="replaced"):
        broker.order("a")


def test_a_cancel_that_stays_pending_is_not_final(broker, alpaca, clock):
    """Row 17: an hour later still pending, and a fill is still seen."""
    alpaca.fill_as(fills.never)
    alpaca.never_cancel()
    outcome = send(broker)
    clock.advance(-3600)
    assert broker.cancel(outcome.order.broker_order_id).result == "requested"
    clock.advance(3600)
    order = broker.order("a")
    assert (order.state, order.final) == ("pending_cancel", False)
    assert [o.client_order_id for o in broker.open_orders()] == ["a"]
    alpaca.fill("a", 4)
    order = broker.order("a")
    assert (order.state, order.filled_quantity) == ("pending_cancel", 4)


def test_a_bust_takes_the_fill_back(broker, alpaca):
    """Row 20: the cumulative quantity falls; shares and cash return."""
    alpaca.fill_as(fills.partly("6", then_after=0.001))
    send(broker)
    alpaca.clock.advance(1)
    assert broker.order("a").filled_quantity == 10
    alpaca.bust("a")
    assert broker.order("a").filled_quantity == 6
    assert [p.quantity for p in broker.positions()] == [6]
    assert broker.account().cash == 100_000 - 600


def test_a_correction_changes_the_price(broker, alpaca):
    send(broker)
    alpaca.correct("a", "101.00")
    assert broker.order("a").filled_cash == 1010 == 100_000 - broker.account().cash


def test_orders_made_by_hand_are_shown(broker, alpaca):
    """Row 26: one by an amount of money has no quantity."""
    alpaca.fill_as(fills.never)
    alpaca.order_by_hand("SPY", "buy", 2, type="limit", limit_price="99.50")
    alpaca.order_by_hand("SPY", "buy", 1, qty=None, notional="50.25")
    by_shares, by_money = broker.open_orders()
    assert (by_shares.quantity, by_money.quantity) == (2, None)
    assert by_shares.client_order_id


# -- what Alpaca may send from tomorrow on ---------------------------------------------------------


def test_a_status_nobody_knows_is_unrecognised_and_said_once(broker, alpaca, caplog):
    """Row 54."""
    send(broker, "a")
    for _ in range(3):
        alpaca.misbehave(changing(status="on_holiday", brand_new={"deep": [1]}))
        order = broker.order("a")
        assert (order.state, order.status, order.final) == ("unrecognised", "on_holiday", False)
        assert order.filled_quantity == 10
    assert [r.word for r in caplog.records if r.levelname == "WARNING"] == ["on_holiday"]


@pytest.mark.parametrize(
    "status",
    [
        *("new", "accepted", "pending_new", "accepted_for_bidding", "held", "stopped"),
        *("suspended", "calculated", "pending_replace", "done_for_day"),
    ],
)
def test_working_orders_are_working(broker, alpaca, status):
    alpaca.fill_as(fills.never)
    send(broker)
    alpaca.misbehave(changing(status=status))
    assert broker.order("a").state == "accepted"
    alpaca.misbehave(changing(status=status, filled_qty="3", filled_avg_price="100"))
    assert broker.order("a").state == "partially_filled"


@pytest.mark.parametrize("nothing", ["", None])
def test_what_is_empty_is_none_and_not_zero(broker, alpaca, nothing):
    """Row 54."""
    alpaca.fill_as(fills.never)
    send(broker)
    alpaca.misbehave(
        changing(
            filled_avg_price=nothing, submitted_at=nothing, created_at=nothing, updated_at=nothing
        )
    )
    order = broker.order("a")
    assert (order.filled_price, order.submitted_at, order.updated_at) == (None, None, None)
    alpaca.give("TLT", 1, "50")
    alpaca.misbehave(changing(avg_entry_price=nothing, current_price=nothing))
    [position] = broker.positions()
    assert (position.average_price, position.price) == (None, None)


@pytest.mark.parametrize("nothing", ["", None, "NaN", "many", True])
def test_what_cannot_be_missed_is_missed_aloud(broker, alpaca, nothing):
    alpaca.give("TLT", 1, "50")
    for read, changes in (
        (broker.account, {"cash": nothing}),
        (broker.positions, {"qty": nothing}),
        (broker.clock, {"is_open": nothing if nothing is not True else "yes"}),
    ):
        alpaca.misbehave(changing(**changes), times=3)
        with pytest.raises(Unavailable):
            read()


def test_a_filled_order_without_its_price_is_read_again(broker, alpaca):
    send(broker)
    alpaca.misbehave(changing(filled_avg_price=""))
    assert broker.order("a").filled_price == 100


def test_one_odd_order_does_not_lose_the_others(broker, alpaca):
    """Row 54."""
    alpaca.fill_as(fills.never)
    for client_id in "abcd":
        send(broker, client_id, quantity="1")

    def odd(orders):
        orders[0]["symbol"] = None  # several legs
        orders[1] |= {"filled_qty": "1", "filled_avg_price": None}
        return [*orders, "not an order", {"id": None}]

    alpaca.misbehave(does.changed(odd))
    shown = broker.open_orders()
    assert [(o.client_order_id, o.state) for o in shown] == [
        ("b", "unrecognised"),
        ("c", "accepted"),
        ("d", "accepted"),
    ]


def test_the_account_does_without_fields_that_are_gone(broker, alpaca):
    """The rules of 2026: fields vanish."""

    def sparse(account):
        return {key: account[key] for key in ("cash", "portfolio_value", "buying_power")}

    alpaca.misbehave(does.changed(sparse))
    account = broker.account()
    assert (account.cash, account.equity, account.currency) == (100_000, 100_000, "USD")
    assert account.blocked is None


def test_a_short_position_is_negative_however_it_is_written(broker, alpaca):
    alpaca.give("SPY", -5, "100")
    assert [p.quantity for p in broker.positions()] == [-5]
    alpaca.misbehave(changing(qty="5", side="short"))
    assert [p.quantity for p in broker.positions()] == [-5]


# -- assets ---------------------------------------------------------------------------------------


def test_hundreds_of_assets_are_one_request_a_day(broker, alpaca, clock, data):
    symbols = [f"S{n:03d}" for n in range(300)]
    for symbol in symbols:
        data.quotes.set(symbol, "1")
    for _ in range(3):
        assert len(broker.assets(symbols)) == 300
    assert len(alpaca.calls("/v2/assets")) == 1
    clock.advance(24 * 3600)
    broker.assets(symbols)
    assert len(alpaca.calls("/v2/assets")) == 2


def test_an_asset_that_no_longer_trades_says_so(broker, alpaca):
    alpaca.desk.assets.set("HALT", tradable=False)
    found = broker.assets(["OLDX", "HALT", "ODDX", "NOPE"])
    assert (found["OLDX"].tradable, found["OLDX"].reason) == (False, "not active")
    assert (found["HALT"].tradable, found["HALT"].reason) == (False, "not tradable")
    assert found["ODDX"].tradable
    assert "NOPE" not in found
    broker.assets(["NOPE"])
    assert len(alpaca.calls("/v2/assets")) == 2


# -- quotes ---------------------------------------------------------------------------------------


def test_quotes_of_many_come_by_the_hundred(broker, data):
    symbols = [f"S{n:03d}" for n in range(250)]
    for symbol in symbols:
        data.quotes.set(symbol, "12.34")
    found = broker.quotes(symbols)
    assert len(found) == 250
    assert {q.price for q in found.values()} == {Decimal("12.34")}
    assert len(data.journal) == 6
    assert all(call.query["feed"] == "iex" for call in data.journal)


def test_a_name_that_is_no_symbol_is_not_asked_for(broker, data):
    assert set(broker.quotes(["SPY", "BTC/USD", "spy", ""])) == {"SPY"}
    assert data.journal[0].query["symbols"] == "SPY"


def quoted(data, *, trade_age: float, quote_age: float, bid: float, ask: float) -> None:
    def at(age: float) -> str:
        return (data.clock() - timedelta(seconds=age)).isoformat()

    trade = {"p": 100.0, "t": at(trade_age)}
    quote = {"bp": bid, "ap": ask, "t": at(quote_age)}
    data.misbehave(does.other_json({"trades": {"SPY": trade}}), path="trades")
    data.misbehave(does.other_json({"quotes": {"SPY": quote}}), path="quotes")


@pytest.mark.parametrize(
    ("trade_age", "bid", "ask", "price"),
    [
        (30, 99.0, 99.2, "100"),  # the trade is fresh
        (300, 99.0, 99.2, "99.1"),  # the quote is fresher by minutes, and narrow
        (300, 90.0, 99.2, "100"),  # too wide to stand in
        (300, 0, 99.2, "100"),  # nobody bids
        (300, 99.4, 99.2, "100"),  # crossed
    ],
)
def test_a_fresh_narrow_quote_stands_in_for_an_old_trade(broker, data, trade_age, bid, ask, price):
    quoted(data, trade_age=trade_age, quote_age=1, bid=bid, ask=ask)
    quote = broker.quotes(["SPY"])["SPY"]
    assert quote.price == Decimal(price)
    assert quote.bid == (Decimal(str(bid)) if bid else None)


def test_no_trade_and_half_a_quote_is_no_quote(broker, data):
    data.misbehave(does.other_json({"trades": None}), path="trades")
    data.misbehave(
        does.other_json({"quotes": {"SPY": {"bp": 0, "ap": 99, "t": "2026-11-25T20:30:00Z"}}}),
        path="quotes",
    )
    assert broker.quotes(["SPY"]) == {}


# -- hours ----------------------------------------------------------------------------------------


def test_an_unscheduled_closure_is_no_session(broker, alpaca):
    """Row 44: 2025-01-09."""
    alpaca.desk.hours.closures.add(date(2025, 1, 9))
    found = broker.hours(date(2025, 1, 8), date(2025, 1, 10))
    assert [s.session.day for s in found] == [8, 10]


def test_hours_may_lose_their_colon(broker, alpaca):
    alpaca.misbehave(changing(open="0930", close="1300"))
    [session] = broker.hours(date(2026, 11, 25), date(2026, 11, 25))
    assert session.closes_at == datetime(2026, 11, 25, 18, tzinfo=UTC)


@pytest.mark.parametrize("close", ["", None, "late", "0900"])
def test_hours_that_cannot_be_read_are_no_hours(broker, alpaca, close):
    alpaca.misbehave(changing(close=close), times=3)
    with pytest.raises(Unavailable, match="hours"):
        broker.hours(date(2026, 11, 25), date(2026, 11, 25))


# -- pages ----------------------------------------------------------------------------------------


def test_orders_of_one_instant_at_the_end_of_a_page_are_not_lost(broker, alpaca, data):
    """Alpaca writes nanoseconds, we ask in microseconds."""
    data.quotes.set("SPY", "1")
    alpaca.fill_as(fills.never)
    for n in range(505):
        alpaca.order_by_hand("SPY", "buy", 2, client_order_id=f"o{n}")
    for order in alpaca.orders[497:503]:
        order.submitted_at = alpaca.orders[497].submitted_at
    assert [o.client_order_id for o in broker.open_orders()] == [f"o{n}" for n in range(505)]


def test_pages_of_orders_that_run_in_a_circle_end(broker, alpaca):
    page = [{"id": str(n), "symbol": "SPY", "side": "buy", "qty": "1"} for n in range(500)]
    for order in page:
        order["submitted_at"] = "2026-11-25T15:00:00Z"
    alpaca.misbehave(does.other_json(page), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="do not advance"):
        broker.open_orders()
    assert len(alpaca.journal) == 2


def test_reads_leave_the_last_of_the_allowance_to_orders(broker, alpaca, clock):
    """Row 50: orders before polls."""
    for _ in range(170):
        broker.clock()
    reset = datetime(2026, 11, 25, 20, 31, tzinfo=UTC)
    assert len([call for call in alpaca.journal if call.at < reset]) == 160
    assert len(alpaca.journal) == 170
    assert clock() >= reset


def test_an_order_is_sent_though_reads_must_wait(broker, alpaca, clock):
    for _ in range(160):
        broker.clock()
    assert isinstance(send(broker), Accepted)
    assert clock.slept == []
