"""Events reach the channels that want them: once, in order, and never in trading's way."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update

from core.accounts.channels import choice_of
from core.accounts.events import REPLAYED, Event
from core.accounts.outbox import BACK_OFF, MOST_SINGLE, MOST_TRIES, TOO_OLD
from core.accounts.users import User
from core.accounts.vault import Vault
from core.bootstrap import Services
from core.db.channel_tables import channels, deliveries
from core.db.channels import Channels
from core.db.deliveries import LEASE, Deliveries
from core.db.live_tables import accounts
from core.db.session import transaction
from core.errors import BadInput, NeedsOperator, Unavailable, UnknownName
from core.notify import Notifier, destination
from tests.fakes import misbehaviour as does
from tests.fakes.clock import VirtualClock
from tests.fakes.webhook import TOKEN, Webhook

MINUTE = timedelta(minutes=1)


class Stand:
    """Channels and outbox on one clock, with a webhook that takes what they send."""

    def __init__(self, services: Services, hook: Webhook) -> None:
        self.services, self.hook = services, hook
        self.clock = VirtualClock("2024-07-01T14:00:00")
        self.engine, self.user = services.database.engine, services.user.id
        self.channels = Channels(self.engine, self.clock, services.vault, destination)
        self.deliveries = Deliveries(self.engine, self.clock, services.vault)
        self.notifier = Notifier(0.5)

    def add(self, name: str, kinds=(), severity="info"):
        """A channel's id; the webhook's path has its name."""
        choice = choice_of(name, kinds, severity)
        made = self.channels.add(self.user, choice, self.hook.address(name))
        self.clock.sleep(1)
        return made

    def open_account(self) -> UUID:
        account = uuid4()
        row = {
            "id": account, "user_id": self.user, "name": "Main", "broker": "paper",
            "mode": "paper", "source": "demo", "slots": [10], "created_at": self.clock(),
        }  # fmt: skip
        with transaction(self.engine) as db:
            db.execute(insert(accounts).values(row))
        return account

    def happen(self, *texts: str, kind="refused", severity="info", user=None, **other) -> None:
        self.services.events.add(
            Event(
                user_id=user or self.user,
                at=self.clock(),
                kind=kind,
                severity=severity,
                text=t,
                **other,
            )
            for t in texts
        )

    def deliver(self, *, later: timedelta = timedelta(0), send=None) -> int:
        self.clock.sleep(later.total_seconds())
        return self.deliveries.deliver_due(self.clock(), send or self.notifier.send)

    def got(self, name: str = "team") -> list[str]:
        """The texts the channel was sent."""
        return [body["message"] for body in self.hook.bodies(name)]

    def states(self) -> list[tuple[str, int]]:
        query = select(deliveries.c.state, deliveries.c.tries).order_by(deliveries.c.event_id)
        with transaction(self.engine) as db:
            return [(row.state, row.tries) for row in db.execute(query)]

    def channel(self, name: str = "team"):
        return next(c for c in self.channels.all(self.user) if c.name == name)


@pytest.fixture
def stand(services) -> Iterator[Stand]:
    with Webhook() as hook:
        yield Stand(services, hook)


# -- what is sent --------------------------------------------------------------------------------


def test_an_event_is_sent_once_and_the_channel_says_when(stand):
    stand.add("team")
    stand.happen("one", "two")
    assert stand.deliver() == 2
    assert stand.deliver() == stand.deliver(later=timedelta(hours=1)) == 0
    assert stand.got() == ["one", "two"]
    assert stand.channel().last_sent_at is not None
    assert stand.channel().waiting == 0


def test_a_channel_gets_the_kinds_and_the_severity_it_chose(stand):
    stand.add("all")
    stand.add("some", ["started", "refused"])
    stand.add("grave", severity="critical")
    stand.happen("began", kind="started")
    stand.happen("no", severity="warning")
    stand.happen("stop", kind="breaker_tripped", severity="critical")
    stand.deliver()
    assert stand.got("all") == ["began", "no", "stop"]
    assert stand.got("some") == ["began", "no"]
    assert stand.got("grave") == ["stop"]


def test_what_happened_before_was_replayed_or_is_anothers_is_not_sent(stand):
    stranger = stand.services.users.ensure(User(uuid4(), "stranger"))
    stand.happen("before")
    stand.clock.sleep(1)
    stand.add("team")
    stand.happen("replayed", detail={REPLAYED: True})
    stand.happen("secret", user=stranger.id)
    stand.happen("now")
    assert stand.deliver() == 1
    assert stand.got() == ["now"]


def test_an_event_committed_after_younger_ones_were_sent_is_not_lost(stand):
    stand.add("team")
    with transaction(stand.engine) as db:
        late = Event(
            user_id=stand.user, at=stand.clock(), kind="refused", severity="info", text="a"
        )
        stand.services.events.add([late], db=db)
        stand.happen("b")
        assert stand.deliver() == 1
    assert stand.deliver() == 1
    assert stand.got() == ["b", "a"]


def test_a_burst_of_a_kind_becomes_a_message_that_counts(stand):
    stand.add("team")
    stand.happen(*(f"order {n}" for n in range(MOST_SINGLE)))
    stand.happen("started", kind="started")
    assert stand.deliver() == MOST_SINGLE + 1
    stand.happen(*(f"more {n}" for n in range(30)))
    assert stand.deliver(later=timedelta(seconds=10)) == 30
    assert len(stand.got()) == MOST_SINGLE + 2
    assert stand.hook.bodies("team")[-1]["title"] == "Sluice: Refused, 30 times"
    stand.happen("single again")
    stand.deliver(later=2 * MINUTE)
    assert stand.got()[-1] == "single again"


def test_a_channel_switched_off_gets_nothing_and_nothing_afterwards_of_then(stand):
    team = stand.add("team")
    stand.hook.misbehave(does.status(500))
    stand.happen("waits")
    stand.deliver()
    assert stand.channel().waiting == 1
    stand.channels.enable(stand.user, team, enabled=False)
    stand.happen("meanwhile")
    stand.deliver(later=2 * MINUTE)
    stand.channels.enable(stand.user, team, enabled=True)
    stand.clock.sleep(1)
    stand.happen("after")
    stand.deliver()
    assert stand.got() == ["waits", "after"]  # the first was refused with 500
    assert stand.states()[0] == ("dropped", 1)


def test_another_choice_loses_nothing_that_happened_under_the_old_one(stand):
    team = stand.add("team", ["refused"])
    stand.happen("old choice")
    stand.happen("not chosen", kind="started")
    stand.clock.sleep(600)
    stand.channels.change(stand.user, team, choice_of("crew", ["started"]))
    stand.clock.sleep(1)
    stand.happen("not any more")
    stand.happen("new choice", kind="started")
    stand.deliver()
    assert stand.got("team") == ["old choice", "new choice"]


# -- what fails ----------------------------------------------------------------------------------


def test_a_message_not_taken_is_tried_again_after_1_5_30_minutes_and_given_up_after_six(stand):
    stand.add("team")
    stand.happen("one")
    stand.hook.misbehave(does.status(503), times=does.FOR_EVER)
    assert stand.deliver() == 0
    assert "503" in stand.channel().last_error
    for tries, wait in enumerate(BACK_OFF, start=1):
        assert stand.states() == [("due", tries)]
        stand.deliver(later=wait - timedelta(seconds=1))
        assert stand.states() == [("due", tries)]
        stand.deliver(later=timedelta(seconds=2))
    assert stand.states() == [("failed", MOST_TRIES)]
    stand.deliver(later=timedelta(hours=10))
    assert len(stand.got()) == MOST_TRIES


def test_a_channel_that_works_again_gets_what_waited(stand):
    stand.add("team")
    stand.hook.misbehave(does.drop)
    stand.happen("one", "two")
    assert stand.deliver() == 0
    assert stand.states() == [("due", 1), ("due", 0)]
    assert stand.deliver(later=2 * MINUTE) == 2
    assert stand.got()[1:] == ["two", "one"]
    assert stand.channel().waiting == 0


def test_a_message_no_service_will_take_holds_up_no_other(stand):
    stand.add("team")

    def send(address, message):
        if message.text == "poison":
            raise Unavailable("400")
        stand.notifier.send(address, message)

    stand.happen("poison", "good", "better")
    for _ in range(12):
        stand.deliver(later=timedelta(hours=1), send=send)
    assert stand.got() == ["good", "better"]
    assert stand.states() == [("failed", MOST_TRIES), ("sent", 0), ("sent", 0)]


def test_old_news_is_given_up(stand):
    stand.add("team")
    stand.hook.misbehave(does.status(500))
    stand.happen("one")
    stand.deliver()
    assert stand.deliver(later=TOO_OLD + MINUTE) == 0
    assert stand.states() == [("failed", 1)]
    assert len(stand.got()) == 1


def test_a_silent_channel_keeps_no_other_waiting(stand):
    for name in ("silent", "team", "crew"):
        stand.add(name)
    stand.hook.misbehave(does.silent, times=does.FOR_EVER, path="/silent/")
    stand.happen(*"abc")
    took_turns = threading.Event()

    def send(address, message):
        if "/silent/" in address.get_secret_value():
            # Everything else arrives while this one is still waited for.
            took_turns.wait(20)
        stand.notifier.send(address, message)
        if len(stand.got("team")) == len(stand.got("crew")) == 3:
            took_turns.set()

    assert stand.deliver(send=send) == 6
    assert took_turns.is_set()
    assert len(stand.got("silent")) == 1
    assert "did not answer" in stand.channel("silent").last_error


def test_an_address_that_cannot_be_opened_is_the_channels_error_and_nobody_elses(stand, tmp_path):
    stand.add("team")
    stranger = Vault(tmp_path, None, sealed=lambda: 0)
    Channels(stand.engine, stand.clock, stranger, destination).add(
        stand.user, choice_of("broken"), stand.hook.address("broken")
    )
    stand.clock.sleep(1)
    stand.happen("one")
    assert stand.deliver() == 1
    assert "another key" in stand.channel("broken").last_error
    assert stand.got("team") == ["one"]


def test_a_mistake_in_the_sender_is_raised_after_the_others_were_served(stand):
    for name in ("bad", "team"):
        stand.add(name)
    stand.happen("one")

    def send(address, message):
        if "/bad/" in address.get_secret_value():
            raise KeyError("ours")
        stand.notifier.send(address, message)

    with pytest.raises(KeyError):
        stand.deliver(send=send)
    assert stand.got("team") == ["one"]
    assert stand.deliver(later=LEASE + MINUTE) == 1


# -- crashes and company -------------------------------------------------------------------------


def test_a_sender_that_died_before_recording_is_followed_by_another_after_its_lease(stand):
    """At least once: only the gap between sending and recording can send a message twice."""
    stand.add("team")
    stand.happen("one")
    dying = Deliveries(stand.engine, stand.clock, stand.services.vault)

    class Died(BaseException):
        pass

    def die(_outcome):
        raise Died

    dying._record = die
    with pytest.raises(Died):
        dying.deliver_due(stand.clock(), stand.notifier.send)
    assert stand.got() == ["one"]
    assert stand.deliver() == 0
    assert stand.deliver(later=LEASE + timedelta(seconds=1)) == 1
    assert stand.got() == ["one", "one"]
    assert stand.deliver(later=LEASE) == 0


def test_two_senders_at_once_send_everything_once_and_in_order(stand):
    for name in ("team", "crew"):
        stand.add(name)
    stand.happen(*(f"{n}" for n in range(8)))
    now, gate = stand.clock(), threading.Barrier(3)

    def work() -> None:
        gate.wait()
        Deliveries(stand.engine, stand.clock, stand.services.vault).deliver_due(
            now, stand.notifier.send
        )

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stand.got("team") == stand.got("crew") == [f"{n}" for n in range(8)]


def test_a_channel_is_served_by_one_sender_at_a_time(stand):
    for name in ("team", "crew"):
        stand.add(name)
    stand.happen("first")
    other = Deliveries(stand.engine, stand.clock, stand.services.vault)
    meanwhile = []

    def send(address, message):
        if "/team/" in address.get_secret_value() and not meanwhile:
            meanwhile.append(0)
            stand.happen("second")
            meanwhile[0] = other.deliver_due(stand.clock(), stand.notifier.send)
        stand.notifier.send(address, message)

    stand.deliver(send=send)
    assert "second" not in stand.got("team")
    stand.deliver()
    assert stand.got("team") == stand.got("crew") == ["first", "second"]


def test_a_channel_somebody_is_changing_is_left_for_the_next_time(stand):
    team = stand.add("team")
    stand.add("crew")
    stand.happen("one")
    told = []
    work = threading.Thread(target=lambda: told.append(stand.deliver()), daemon=True)
    with transaction(stand.engine) as db:
        mine = select(channels.c.id).where(channels.c.id == team)
        db.execute(mine.with_for_update(key_share=True))
        work.start()
        work.join(10)
        assert (told, stand.got("crew"), stand.got("team")) == ([1], ["one"], [])
    assert stand.deliver() == 1


def test_a_channel_that_failed_rests_and_is_not_asked_for_what_comes_meanwhile(stand):
    stand.add("team")
    stand.hook.misbehave(does.status(500))
    stand.happen("one")
    stand.deliver()
    stand.happen("two")
    assert stand.deliver(later=timedelta(seconds=10)) == 0
    assert len(stand.got()) == 1
    assert stand.deliver(later=MINUTE) == 2


def test_nothing_is_locked_and_no_connection_held_while_a_service_is_waited_for(stand):
    account = stand.open_account()
    stand.add("team")
    stand.happen("one", account_id=account)
    in_use = []

    def send(address, message):
        in_use.append(stand.engine.pool.checkedout())
        # What trading does meanwhile: it would fail at once if it had to wait for a lock.
        with transaction(stand.engine) as db:
            db.execute(text("SET LOCAL lock_timeout = '1ms'"))
            event = Event(
                user_id=stand.user, account_id=account, at=stand.clock(), kind="started",
                severity="info", text="two",
            )  # fmt: skip
            stand.services.events.add([event], db=db)
            db.execute(update(accounts).where(accounts.c.id == account).values(state="halted"))
        with transaction(stand.engine) as db:
            db.execute(text("SET LOCAL lock_timeout = '1ms'"))
            db.execute(select(channels.c.id).with_for_update(nowait=True))

    assert stand.deliver(send=send) == 1
    assert in_use == [0]


def test_deleting_an_account_takes_what_waits_with_it(stand):
    account = stand.open_account()
    stand.add("team")
    stand.hook.misbehave(does.status(500))
    stand.happen("one", account_id=account)
    stand.deliver()
    with transaction(stand.engine) as db:
        db.execute(accounts.delete())
    assert (stand.states(), stand.deliver(later=2 * MINUTE)) == ([], 0)


def test_settled_deliveries_are_forgotten_and_not_sent_again(stand):
    stand.add("team")
    stand.happen("one")
    stand.deliver()
    assert stand.deliveries.forget_older(stand.clock() - MINUTE) == 0
    stand.clock.sleep(30 * 86_400)
    assert stand.deliveries.forget_older(stand.clock() - timedelta(days=7)) == 1
    assert stand.deliver() == 0


# -- channels ------------------------------------------------------------------------------------


def test_a_channel_is_listed_without_its_address_and_stored_sealed(stand):
    stand.add("team", ["refused"], "warning")
    (found,) = stand.channels.all(stand.user)
    assert (found.choice, found.enabled) == (choice_of("team", ["refused"], "warning"), True)
    assert str(found.destination) == f"JSON …{TOKEN[-4:]}"
    assert TOKEN not in repr(found)
    with transaction(stand.engine) as db:
        stored = db.execute(text("SELECT channels::text FROM channels")).scalar_one()
    assert TOKEN not in stored
    assert TOKEN.encode().hex() not in stored
    assert stand.services.sealed.count() == 1


def test_a_name_is_taken_once_and_an_address_must_be_one(stand):
    team = stand.add("team")
    crew = stand.add("crew")
    with pytest.raises(BadInput, match="already"):
        stand.add("team")
    with pytest.raises(BadInput, match="already"):
        stand.channels.change(stand.user, crew, choice_of("team"))
    stand.channels.change(stand.user, team, choice_of("team", ["refused"]))
    with pytest.raises(BadInput, match="no service"):
        stand.channels.change(stand.user, team, choice_of("new"), type(stand.hook.address())("x"))
    assert stand.channel("team").choice.kinds == ("refused",)


def test_another_address_gets_what_waited(stand):
    team = stand.add("team")
    stand.hook.misbehave(does.status(404), path="/team/")
    stand.happen("one")
    stand.deliver()
    stand.channels.change(stand.user, team, choice_of("team"), stand.hook.address("moved"))
    assert stand.deliver() == 1
    assert stand.got("moved") == ["one"]


def test_a_test_message_tells_how_it_went_and_lets_what_waited_go(stand):
    team = stand.add("team")
    stand.hook.misbehave(does.status(500), times=2)
    stand.happen("one")
    stand.deliver()
    assert "500" in stand.channels.test(stand.user, team, stand.notifier.send)
    assert "500" in stand.channel().last_error
    assert stand.channels.test(stand.user, team, stand.notifier.send) == ""
    assert stand.deliver() == 1


def test_nobody_touches_anothers_channel(stand):
    team = stand.add("team")
    stranger = stand.services.users.ensure(User(uuid4(), "stranger")).id
    assert stand.channels.all(stranger) == []
    for act in (
        lambda: stand.channels.change(stranger, team, choice_of("mine")),
        lambda: stand.channels.enable(stranger, team, enabled=False),
        lambda: stand.channels.delete(stranger, team),
        lambda: stand.channels.test(stranger, team, stand.notifier.send),
    ):
        with pytest.raises(UnknownName):
            act()
    stand.channels.delete(stand.user, team)
    assert stand.channels.all(stand.user) == []


def test_everything_sealed_is_sealed_anew_with_a_new_key(stand, tmp_path):
    vault = Vault(tmp_path, None, sealed=lambda: 0)
    own = Channels(stand.engine, stand.clock, vault, destination)
    team = own.add(stand.user, choice_of("team"), stand.hook.address("team"))
    old = (tmp_path / "vault.key").read_text()
    vault.renew()
    assert stand.services.sealed.reseal(vault) == 1
    new = (tmp_path / "vault.key").read_text().removesuffix(old)
    (tmp_path / "vault.key").write_text(new)
    assert own.test(stand.user, team, stand.notifier.send) == ""
    (tmp_path / "vault.key").write_text(old)
    with pytest.raises(NeedsOperator):
        own.test(stand.user, team, stand.notifier.send)


def test_the_job_sends_with_the_services_as_they_are_wired(services, caplog):
    from jobs.notify import deliver

    with Webhook() as hook:
        made = services.channels.add(services.user.id, choice_of("team"), hook.address())
        services.events.add(
            [
                Event(
                    user_id=services.user.id, at=datetime.now(UTC), kind="started",
                    severity="info", text="The scheduler began.",
                )
            ]
        )  # fmt: skip
        assert deliver(services) == 1
        assert services.channels.test(services.user.id, made, services.notifier.send) == ""
        assert hook.bodies()[0]["message"] == "The scheduler began."
    assert TOKEN not in caplog.text


@pytest.mark.slow
def test_the_scheduler_sends_what_is_due(services, environment):
    """The real process, from an event's row to the webhook."""
    with Webhook() as hook:
        team = choice_of("team")
        services.channels.add(services.user.id, team, hook.address("team"))
        services.events.add(
            [
                Event(
                    user_id=services.user.id,
                    at=services.clock(),
                    kind="refused",
                    severity="warning",
                    text="one",
                )
            ]
        )
        command = [sys.executable, "-m", "jobs.scheduler"]
        scheduler = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 60
            while "one" not in [body["message"] for body in hook.bodies("team")]:
                assert time.monotonic() < end, "nothing was sent"
                time.sleep(0.2)
        finally:
            scheduler.terminate()
            scheduler.wait(15)
