"""A check must be able to fail: under each of these defects a test of its group does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.brokers.alpaca import AlpacaBroker
from core.brokers.base import Refused, Unknown
from core.db.orders import Orders
from core.db.windows import Windows
from core.portfolio.ledger import ZERO
from tests.faults import (
    test_accounts,
    test_completing,
    test_kill_switch,
    test_order_life,
    test_processes,
    test_reconcile,
    test_scheduler,
    test_submit,
)
from tests.faults.stand import Stand

Patch = pytest.MonkeyPatch
_numbers = itertools.count(1)


def new_id_on_resend(patch: Patch) -> None:
    real, seen = AlpacaBroker.submit, set[str]()

    def submit(self: Any, request: Any) -> Any:
        id_ = request.client_order_id
        again = id_ in seen
        seen.add(id_)
        return real(self, replace(request, client_order_id=f"{id_[:30]}-r") if again else request)

    patch.setattr(AlpacaBroker, "submit", submit)


def retries_a_post(patch: Patch) -> None:
    real = AlpacaBroker.submit

    def submit(self: Any, request: Any) -> Any:
        outcome = real(self, request)
        return real(self, request) if isinstance(outcome, Unknown) else outcome

    patch.setattr(AlpacaBroker, "submit", submit)


def a_time_out_is_a_refusal(patch: Patch) -> None:
    def unanswered(self: Any, id: Any, reason: str, *, not_found: bool = False) -> None:  # noqa: A002
        self.rejected(id, reason, kind="other", request_id=None)

    patch.setattr(Orders, "unanswered", unanswered)


def weights_are_not_checked(patch: Patch) -> None:
    patch.setattr("core.trading.plan.checked", lambda weights, **_: dict(weights))


def fills_are_increments(patch: Patch) -> None:
    from core.portfolio.netting import split_fill

    def split(parts: Any, filled: Any, cash: Any, step: Any) -> Any:
        booked = sum((part.booked_quantity for part in parts), ZERO)
        spent = sum((part.booked_cash for part in parts), ZERO)
        return split_fill(parts, booked + filled, spent + cash, step)

    patch.setattr("core.trading.fills.split_fill", split)


def older_views_are_believed(patch: Patch) -> None:
    def after(record: Any, view: Any, now: Any) -> Any:
        return replace(
            record,
            state=view.state,
            broker_order_id=view.broker_order_id,
            filled_quantity=view.filled_quantity,
            filled_cash=view.filled_cash,
            updated_at=now,
        )

    patch.setattr("core.db.orders._after", after)


def open_orders_do_not_block(patch: Patch) -> None:
    from core.trading.settle import Standing

    patch.setattr(Standing, "in_flight", frozenset())


def differences_are_ignored(patch: Patch) -> None:
    from core.trading import settle

    real = settle.compare
    patch.setattr(settle, "compare", lambda *a, **m: replace(real(*a, **m), differences=()))


def activities_have_no_names(patch: Patch) -> None:
    from core.trading import settle

    real = settle.entry_of

    def entry_of(*args: Any) -> Any:
        entry = real(*args)
        return entry and replace(entry, reference=f"activity:{next(_numbers)}")

    patch.setattr(settle, "entry_of", entry_of)


def the_window_key_is_not_unique(patch: Patch) -> None:
    real = Windows.claim

    def claim(self: Any, account_id: Any, session: Any, slot: int, **more: Any) -> Any:
        return real(self, account_id, session, 1000 + next(_numbers), **more)

    patch.setattr(Windows, "claim", claim)


def no_fence(patch: Patch) -> None:
    from sqlalchemy import literal, select

    patch.setattr("core.db.orders.held", lambda name, fence: select(literal(fence)))
    sending_threads_do_not_ask(patch)


def sending_has_no_end(patch: Patch) -> None:
    from core.trading.window import TradeWindow

    real = TradeWindow.run

    def run(self: Any, due: Any) -> Any:
        return real(self, replace(due, closes_at=due.closes_at.replace(year=2099)))

    patch.setattr(TradeWindow, "run", run)


def a_refused_account_goes_on(patch: Patch) -> None:
    from core.brokers.alpaca import broker

    real = broker.outcome

    def outcome(*args: Any) -> Any:
        found = real(*args)
        return replace(found, kind="other") if isinstance(found, Refused) else found

    patch.setattr(broker, "outcome", outcome)


def the_kill_switch_is_not_read(patch: Patch) -> None:
    patch.setattr(Orders, "guard", lambda *_: "active")
    patch.setattr(Orders, "forbidden", lambda *_, **__: None)
    nothing_is_called_off(patch)


def sending_threads_do_not_ask(patch: Patch) -> None:
    patch.setattr(Orders, "forbidden", lambda *_, **__: None)


def nothing_is_called_off(patch: Patch) -> None:
    patch.setattr("core.db.accounts.call_off", lambda *_: None)


def a_cancel_is_asked_for_once(patch: Patch) -> None:
    from core.trading.execute import Executor

    real, seen = Executor._cancel, set[Any]()

    def cancel(self: Any, orders: Any) -> None:
        fresh = [one for one in orders if one.id not in seen]
        seen.update(one.id for one in fresh if one.called_off)
        real(self, fresh)

    patch.setattr(Executor, "_cancel", cancel)


def nothing_is_completed(patch: Patch) -> None:
    patch.setattr("core.trading.decisions.owed", lambda *_: None)


def all_that_drifted_is_completed(patch: Patch) -> None:
    from core.trading import plan

    real = plan.wish

    def wish(*args: Any, at_most: Any = None, **more: Any) -> Any:
        return real(*args, **more)

    patch.setattr(plan, "wish", wish)


DEFECTS: list[tuple[Callable[[Patch], None], Callable[..., None]]] = [
    # Submit and identity
    (new_id_on_resend, test_submit.test_003_dropped_before_processing_is_sent_again_once_under_its_id),
    (retries_a_post, test_submit.test_001_connection_dropped_after_the_order_was_taken),
    (a_time_out_is_a_refusal, test_submit.test_001_connection_dropped_after_the_order_was_taken),
    # Order life
    (fills_are_increments, test_order_life.test_018_a_replaced_order_is_followed_and_counted_once),
    (older_views_are_believed, test_order_life.test_015_messages_out_of_order_never_take_a_state_back),
    # Reconcile and ledger
    (differences_are_ignored, test_reconcile.test_028_somebody_sold_what_strategies_own),
    (activities_have_no_names, test_reconcile.test_032_a_dividend_is_booked_once_when_it_arrives),
    # Scheduler
    (the_window_key_is_not_unique, test_submit.test_008_a_window_that_ran_runs_no_second_time),
    (no_fence, test_processes.test_040_fenced_between_two_handfuls),
    (sending_has_no_end, test_processes.test_042_claimed_then_closed_in_process),
    # Network and brokers, kill switch
    (retries_a_post, test_scheduler.test_048_a_server_that_never_answers),
    (the_kill_switch_is_not_read, test_kill_switch.test_076_kill_switch_in_the_middle_of_sending),
    (sending_threads_do_not_ask, test_kill_switch.test_076_orders_marked_for_sending_are_not_sent_after_it),
    (nothing_is_called_off, test_kill_switch.test_076_working_orders_are_canceled),
    (nothing_is_called_off, test_kill_switch.test_076_reducing_cancels_buys_and_lets_sales_go_on),
    (nothing_is_completed, test_completing.test_what_was_rejected_is_bought_in_the_next_window),
    (all_that_drifted_is_completed, test_completing.test_what_was_rejected_is_bought_in_the_next_window),
    (a_cancel_is_asked_for_once, test_kill_switch.test_076_replies_to_cancels_are_lost),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "test"), DEFECTS, ids=lambda one: one.__name__)
def test_the_suite_fails_under(stand: Stand, monkeypatch: Patch, defect: Any, test: Any) -> None:
    defect(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(stand)


def test_an_account_that_is_refused_and_goes_on_is_seen(stand: Stand, monkeypatch: Patch) -> None:
    from tests.fakes import misbehaviour as does

    a_refused_account_goes_on(monkeypatch)
    with pytest.raises(AssertionError):
        test_accounts.test_053_an_account_that_is_refused_stops_and_others_go_on(
            stand, does.status(403, test_accounts.USER_REQUEST)
        )


def test_weights_that_are_not_checked_are_seen(stand: Stand, monkeypatch: Patch) -> None:
    weights_are_not_checked(monkeypatch)
    with pytest.raises(AssertionError):
        test_submit.test_011_weights_that_cannot_be_abort_their_strategy_only(
            stand, monkeypatch, {"AAA": 0.8, "BBB": 0.8}, "limit"
        )


def test_open_orders_that_do_not_block_are_seen(stand: Stand, monkeypatch: Patch) -> None:
    open_orders_do_not_block(monkeypatch)
    with pytest.raises(AssertionError):
        test_order_life.test_017_pending_cancel_for_an_hour(stand, monkeypatch)


@pytest.mark.parametrize("what", ["sold by hand", "cash", "sent by nobody", "one id twice"])
def test_the_check_sees(stand: Stand, what: str) -> None:
    """The check that ends every test, against things it must not let pass."""
    stand.deploy(AAA=0.5)
    stand.window()
    assert stand.problems() == []
    match what:
        case "sold by hand":
            stand.fake.give("AAA", "-0.000000001", "100")
        case "cash":
            stand.fake.account.cash += 1
        case "sent by nobody":
            stand.fake.journal.append(
                replace(stand.fake.calls("/v2/orders", "POST")[0], body=OTHER)
            )
        case "one id twice":
            order = stand.fake.orders[0]
            stand.fake.desk.book.all["twice"] = replace(order, id="twice")
    assert len(stand.problems()) >= 1


OTHER = b'{"client_order_id": "x", "symbol": "AAA", "side": "buy", "qty": "1"}'
