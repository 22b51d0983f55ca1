"""Patience: how often, how long, and that a user can stop it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import Cancelled, Unavailable
from core.market.patience import Limited, Passing, Patience
from tests.fakes.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2024-07-02T15:00:00")


@pytest.fixture
def patience(clock: VirtualClock) -> Patience:
    return Patience(vendor="Vendor", clock=clock, sleep=clock.sleep)


class Asked:
    """A question that fails ``failures`` times and then answers 42."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        if self.failures:
            raise self.failures.pop(0)
        return 42


def quiet(doing: str) -> None:
    pass


def test_a_good_answer_is_asked_for_once_and_never_waited_for(patience, clock):
    asked = Asked()
    assert patience.read(asked, quiet) == 42
    assert (asked.times, clock.slept) == (1, [])


def test_failures_are_asked_again_after_pauses_that_double(patience, clock):
    begun = clock()
    assert patience.read(Asked(*[Passing("hiccups")] * 3), quiet) == 42
    assert clock() - begun == timedelta(seconds=1 + 2 + 4)


def test_the_fourth_failure_is_final_and_says_what_it_was(patience):
    asked = Asked(*[Passing("hiccups")] * 9)
    with pytest.raises(Unavailable, match=r"Vendor hiccups \(4 tries\)\. Try again later"):
        patience.read(asked, quiet)
    assert asked.times == 4


def test_a_rate_limit_is_waited_for_until_its_reset(patience, clock):
    reset = clock() + timedelta(seconds=20)
    assert patience.read(Asked(Limited(reset)), quiet) == 42
    assert clock() == reset


@pytest.mark.parametrize("ahead", [None, -30])
def test_a_reset_unknown_or_in_the_past_is_waited_for_a_little(patience, clock, ahead):
    begun = clock()
    until = None if ahead is None else clock() + timedelta(seconds=ahead)
    assert patience.read(Asked(Limited(until)), quiet) == 42
    assert clock() - begun == timedelta(seconds=1)


def test_rate_limits_do_not_use_up_the_tries(patience):
    failures = [Passing("hiccups"), Limited(), Limited(), Limited(), Limited(), Passing("hiccups")]
    assert patience.read(Asked(*failures), quiet) == 42


def test_a_rate_limit_for_ever_is_given_up_after_two_minutes_and_few_questions(patience, clock):
    begun, asked = clock(), Asked(*[Limited()] * 1000)
    with pytest.raises(Unavailable, match="limits how often"):
        patience.read(asked, quiet)
    assert clock() - begun <= timedelta(seconds=120)
    assert asked.times == 7  # after waits of 1, 2, 4, 8, 16 and 32 s


def test_a_reset_beyond_its_patience_is_not_waited_for_and_named(patience, clock):
    with pytest.raises(Unavailable, match="Try again after 16:00:00 UTC"):
        patience.read(Asked(Limited(clock() + timedelta(hours=1))), quiet)
    assert clock.slept == []


def test_waiting_tells_each_second_and_can_be_stopped(patience, clock):
    told: list[str] = []

    def tell(doing: str) -> None:
        told.append(doing)
        if len(told) == 5:
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        patience.read(Asked(Limited(clock() + timedelta(seconds=60))), tell)
    assert sum(clock.slept) == 4
    assert told[0].endswith("in 60 s")
    assert told[4].endswith("in 56 s")


def test_other_errors_are_not_asked_again(patience):
    asked = Asked(Unavailable("closed"), Passing("never reached"))
    with pytest.raises(Unavailable, match="closed"):
        patience.read(asked, quiet)
    assert asked.times == 1
