"""A vendor that answers nobody is left alone for about as long as it has been silent."""

import logging
from dataclasses import dataclass

import pytest
from temporalio.exceptions import ApplicationError

from activities.door import Door
from domain.errors import LeadFault, OurFault, TransientFault, VendorFault
from domain.words import Channel

SILENCE = TransientFault("no answer", vendor="smtp", code="no_answer")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(Channel.EMAIL, clock)


def turned_away(door: Door) -> float:
    """Seconds after which whoever comes now is to come again."""
    with pytest.raises(ApplicationError, match="email has not answered") as away:
        door.enter()
    assert away.value.next_retry_delay is not None
    return away.value.next_retry_delay.total_seconds()


def silent(door: Door, times: int) -> None:
    for _ in range(times):
        door.enter()
        door.failed(SILENCE)


def test_it_closes_when_nobody_was_answered_three_times_in_a_row(door: Door):
    silent(door, 2)
    door.enter()
    door.answered()
    silent(door, 3)
    assert 1 <= turned_away(door) <= 3


def test_who_is_turned_away_comes_again_after_as_long_as_the_silence_has_lasted(door: Door, clock: Clock):
    silent(door, 3)
    for lasting, soonest, latest in ((40.0, 20, 60), (3600.0, 150, 450)):
        clock.now = 1000.0 + lasting
        door.enter()
        assert soonest <= turned_away(door) <= latest


def test_one_is_let_through_now_and_then_and_opens_it_for_all_when_it_is_answered(door: Door, clock: Clock):
    silent(door, 3)
    clock.now += 60
    door.enter()
    turned_away(door)
    clock.now += 5
    door.enter()
    door.answered()
    door.enter()
    door.enter()


@pytest.mark.parametrize(
    "fault",
    [
        TransientFault("try later", vendor="smtp", status=450),
        OurFault("wrong password", vendor="smtp", status=535),
        LeadFault("no such mailbox", vendor="smtp", status=550),
    ],
    ids=["later", "ours", "theirs"],
)
def test_a_refusal_is_an_answer(door: Door, fault: VendorFault):
    silent(door, 2)
    door.failed(fault)
    silent(door, 2)
    door.enter()


@pytest.mark.parametrize(
    "fault",
    [
        TransientFault("no more for now", vendor="hubspot", code="budget", retry_after=8.0),
        TransientFault("every connection is in use", vendor="smtp", code="busy"),
    ],
    ids=["rate", "connections"],
)
def test_what_was_not_asked_says_nothing(door: Door, fault: VendorFault):
    silent(door, 2)
    for _ in range(5):
        door.failed(fault)
    door.enter()
    silent(door, 1)
    turned_away(door)


def test_the_log_says_once_that_nobody_answers_and_when_somebody_does_again(
    door: Door, clock: Clock, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "tendril.touches")
    silent(door, 3)
    clock.now += 60
    silent(door, 1)
    clock.now += 60
    door.enter()
    door.answered()
    door.answered()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    closed, opened = [vars(record) for record in caplog.records]
    assert (closed["vendor"], opened["silent_seconds"]) == ("smtp", 120)
