"""A message is sent within its time or not at all, and no address is ever shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from core.accounts.outbox import Message
from core.errors import BadInput, Unavailable
from core.notify import Notifier, destination
from tests.fakes import misbehaviour as does
from tests.fakes.server import Exchange, Reply
from tests.fakes.webhook import TOKEN, Webhook

MESSAGE = Message("Sluice: Refused", "Main: *TQQQ* <refused> & why\nsecond line", "warning")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as fake:
        yield fake


def test_a_message_arrives_as_it_was_written(hook):
    Notifier().send(hook.address(), MESSAGE)
    (body,) = hook.bodies()
    assert (body["title"], body["message"]) == (MESSAGE.title, MESSAGE.text)
    assert body["type"] == "warning"


def test_a_service_that_refuses_is_reported_with_its_reason_and_asked_once(hook):
    hook.misbehave(does.status(500), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="500"):
        Notifier().send(hook.address(), MESSAGE)
    assert len(hook.journal) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (does.status(500), "JSON: the message was refused (Internal server error, code 500)."),
        (does.status(418), "JSON: the message was refused (code 418)."),
        (does.drop, "JSON: it cannot be reached. Look at the address and the network."),
    ],
)
def test_a_reason_is_said_in_plain_words(hook, fault, reason):
    hook.misbehave(fault)
    with pytest.raises(Unavailable) as caught:
        Notifier().send(hook.address(), MESSAGE)
    assert str(caught.value) == reason


def test_a_silent_service_is_waited_for_no_longer_than_said_and_gets_nothing_meanwhile(hook):
    hook.misbehave(does.silent)
    notifier = Notifier(0.2)
    with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
        notifier.send(hook.address(), MESSAGE)
    with pytest.raises(Unavailable, match="still has the message before"):
        notifier.send(hook.address(), MESSAGE)
    notifier.send(hook.address("other"), MESSAGE)
    assert len(hook.bodies("hook")) == 1


def test_a_slow_service_is_waited_for(hook):
    hook.misbehave(does.slow(0.3))
    Notifier(5).send(hook.address(), MESSAGE)
    assert len(hook.bodies()) == 1


def test_an_address_that_no_service_answers_to_is_refused_without_showing_it():
    for wrong in ("nonsense", "https://example.com/psst", "slack://psst"):
        with pytest.raises(BadInput) as caught:
            destination(SecretStr(wrong))
        assert caught.value.field == "address"
        assert "psst" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "https://hooks.slack.com/services/T12345678/B12345678/abcdefghijklmnopqrstuvwx",
            "Slack …uvwx",
        ),
        (
            "https://discord.com/api/webhooks/123456789012345678/" + "k" * 60 + "wxyz",
            "Discord …wxyz",
        ),
        (
            "mailtos://me:hunter22@smtp.example.com?from=a@example.com&to=boss@example.com",
            "E-Mail b…@example.com",
        ),
        ("json://host/short", "JSON …"),
    ],
)
def test_of_an_address_the_service_and_a_tail_are_shown(address, shown):
    assert str(destination(SecretStr(address))) == shown


def echo(exchange: Exchange) -> Reply:
    """An error page that repeats the request."""
    call = exchange.call
    return Reply(502, f"{call.path} {dict(call.headers)}".encode(), {"X-Path": call.path})


FAULTS = {
    "a page that repeats the address": echo,
    "500": does.status(500),
    "404": does.status(404),
    "dropped": does.drop,
    "dropped after": does.drop_after,
    "silence": does.silent,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_and_no_log_shows_the_address(hook, fault, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    hook.misbehave(FAULTS[fault], times=does.FOR_EVER)
    with pytest.raises(Unavailable) as caught:
        Notifier(0.5).send(hook.address(), MESSAGE)
    error = caught.value
    shown = [
        str(error), repr(error), repr(vars(error)), *traceback.format_exception(error),
        *(f"{r.getMessage()} {r.args} {vars(r)}" for r in caplog.records), *capfd.readouterr(),
    ]  # fmt: skip
    assert TOKEN in hook.journal[0].path  # it was really used
    assert not any(TOKEN in text for text in shown)


def test_sending_leaves_no_log_with_the_address(hook, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    Notifier().send(hook.address(), MESSAGE)
    assert TOKEN not in caplog.text + "".join(capfd.readouterr())
