"""Which messages tell a channel of its events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from apprise import Apprise

from core.accounts.addresses import address_of, mail_address
from core.accounts.channels import Choice, choice_of
from core.accounts.events import KINDS, Event, Recorded
from core.accounts.outbox import BACK_OFF, MOST_SINGLE, MOST_TRIES, Delivery, bundles
from core.errors import BadInput, UnknownName

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
USER = UUID(int=1)


def delivery(
    number: int, kind="refused", *, tries=0, severity="info", text=None, **names
) -> Delivery:
    at = NOON + timedelta(seconds=number)
    event = Event(
        user_id=USER, at=at, kind=kind, severity=severity, text=text or f"Order {number} refused."
    )
    recorded = Recorded(number, event, names.get("account"), names.get("deployment"))
    return Delivery(recorded, tries)


def ids(made) -> list[list[int]]:
    return [bundle.event_ids for bundle in made]


def test_few_events_are_a_message_each_in_their_order():
    due = [delivery(n) for n in (3, 1, 2)]
    assert ids(bundles(due, {})) == [[1], [2], [3]]


def test_a_burst_of_one_kind_is_one_message_and_leaves_other_kinds_alone():
    due = [delivery(n) for n in range(1, MOST_SINGLE + 2)] + [delivery(50, "started")]
    made = bundles(due, {})
    assert ids(made) == [list(range(1, MOST_SINGLE + 2)), [50]]


def test_exactly_as_many_as_allowed_are_sent_singly():
    assert len(bundles([delivery(n) for n in range(MOST_SINGLE)], {})) == MOST_SINGLE


def test_what_was_told_in_the_last_minute_counts():
    due = [delivery(n) for n in range(5)]
    assert len(bundles(due, {"refused": MOST_SINGLE - 5})) == 5
    assert len(bundles(due, {"refused": MOST_SINGLE - 4})) == 1
    assert len(bundles(due, {"started": 100})) == 5


def test_what_failed_before_waits_behind_what_did_not():
    due = [delivery(1, tries=2), delivery(2), delivery(3, tries=1)]
    assert ids(bundles(due, {})) == [[2], [3], [1]]


def test_a_single_message_says_where_and_what():
    (made,) = bundles([delivery(1, account="Main", deployment="Trend", severity="warning")], {})
    message = made.message()
    assert (message.title, message.severity) == ("Sluice: Refused", "warning")
    assert message.text == "Main · Trend: Order 1 refused."


def test_a_message_of_many_counts_them_quotes_the_first_and_is_as_important_as_the_worst():
    due = [delivery(n, severity="critical" if n == 7 else "info") for n in range(60)]
    message = bundles(due, {})[0].message()
    lines = message.text.splitlines()
    assert message.title == "Sluice: Refused, 60 times"
    assert lines[0] == "60 events, 12:00 UTC"
    assert lines[1:6] == [f"Order {n} refused." for n in range(5)]
    assert lines[6] == "and 55 more, on the page Operations"
    assert message.severity == "critical"


def test_a_message_is_short_enough_for_every_service():
    due = [delivery(n, text="x" * 5_000) for n in range(20)]
    assert len(bundles(due, {})[0].message().text) <= 1_500
    assert len(bundles(due[:1], {})[0].message().text) <= 1_500


def test_tries_end_after_the_longest_wait():
    assert MOST_TRIES == 6
    assert [wait.total_seconds() / 60 for wait in BACK_OFF[:3]] == [1, 5, 30]
    assert list(BACK_OFF) == sorted(BACK_OFF)


# -- what a form says ----------------------------------------------------------------------------


def test_a_choice_is_checked_and_said_in_words():
    assert str(choice_of(" Team ", [], "info")) == "every event"
    assert choice_of("Team", list(KINDS)) == Choice("Team")
    some = choice_of("Team", ["stopped", "refused"], "warning")
    assert some.kinds == ("refused", "stopped")
    assert str(some) == "refused, stopped, warnings and worse"
    assert str(choice_of("Team", list(KINDS)[:5], "critical")).startswith("5 of ")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "a", "kinds": ["exploded"]}, "kinds"),
        ({"name": "a", "severity": "loud"}, "severity"),
    ],
)
def test_a_wrong_choice_names_its_field(wrong, field):
    with pytest.raises(BadInput) as caught:
        choice_of(**wrong)
    assert caught.value.field == field


def test_an_unknown_kind_is_an_unknown_name():
    with pytest.raises(UnknownName, match="refused"):
        choice_of("a", ["refusd"])


@pytest.mark.parametrize("text", ["", "  ", "jsons://host/" + "psst" * 600])
def test_an_address_that_is_none_is_refused_and_not_shown(text):
    with pytest.raises(BadInput) as caught:
        address_of(text)
    assert "psst" not in str(caught.value)


def test_an_e_mail_address_is_put_together_whatever_the_password_holds():
    made = mail_address(
        "smtp.example.com", "starttls", "me@example.com", "p@s:s/w?o=r&d%", "", "boss@example.com"
    )
    service = Apprise.instantiate(made.get_secret_value())
    assert (service.smtp_host, service.port, service.secure_mode) == (
        "smtp.example.com",
        587,
        "starttls",
    )
    assert (service.user, service.password) == ("me@example.com", "p@s:s/w?o=r&d%")
    assert service.from_addr[1] == "me@example.com"
    assert [mail for _, mail in service.targets] == ["boss@example.com"]


def test_a_mail_server_of_the_house_needs_no_password():
    made = mail_address("localhost", "none", "", "", "sluice@example.com", "boss@example.com")
    service = Apprise.instantiate(made.get_secret_value())
    assert (service.port, service.secure_mode, service.user) == (25, "insecure", None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "smtp.example.com/x"}, "host"),
        ({"sender": "me"}, "sender"),
        ({"to": "boss"}, "to"),
        ({"user": "", "password": "pw"}, "user"),
    ],
)
def test_a_wrong_field_of_an_e_mail_is_named(wrong, field):
    right = {
        "host": "smtp.example.com", "security": "tls", "user": "me", "password": "pw",
        "sender": "me@example.com", "to": "boss@example.com",
    }  # fmt: skip
    with pytest.raises(BadInput) as caught:
        mail_address(**right | wrong)
    assert caught.value.field == field
