"""Who is woken before whom, of those who are due at about the same time."""

from datetime import timedelta

import pytest

from domain.core.decide import decide
from domain.decision import Decision
from tests.domain.core.life import DAY, MONDAY, facts, live, page, playbook_with, step, track

MINUTE = timedelta(minutes=1)
TRACK = track(step("one", "hidden-cost", "2d"))
ANSWER = {"channel": "email", "asset": "checklist", "delay": "2d", "window": "any"}
HANDED_OVER = {"rules": [{"id": "late", "when": "days.in_journey >= 2", "label": "Two days have passed."}]}
AT_TEN = MONDAY + 2 * DAY


def _waits(playbook, *happenings) -> Decision:
    return live(*happenings, playbook=playbook, days=0.5)[-1]


def _answering(**more):
    trigger = {"id": "pricing", "behaviour": "pricing_visit", "cool_down": "1d", "touch": ANSWER | more}
    return playbook_with(TRACK, triggers=[trigger])


def _handing_over():
    handoff = playbook_with(TRACK).document.handoff.model_dump(mode="json")
    return playbook_with(TRACK, handoff=handoff | HANDED_OVER)


def test_of_those_due_in_the_same_minute_sales_come_first_then_answers_then_what_is_scheduled():
    handed = _waits(_handing_over()).next_wake
    answered = _waits(_answering(), page("/pricing", timedelta())).next_wake
    scheduled = _waits(playbook_with(TRACK)).next_wake
    assert (handed.at, answered.at, scheduled.at) == (AT_TEN, AT_TEN, AT_TEN)
    assert handed.comes == AT_TEN
    assert answered.comes == AT_TEN + MINUTE / 2
    assert AT_TEN + MINUTE <= scheduled.comes < AT_TEN + 2 * MINUTE


def test_what_is_urgent_does_not_wait_for_a_scheduled_touch_of_the_same_lead():
    """Both are due at once; the handoff is woken for, and takes the touch's place."""
    waits = _waits(_handing_over())
    assert "to sales" in waits.next_wake.cause
    later = decide(_handing_over(), waits.state, facts(), waits.next_wake.comes)
    assert later.open_handoff is not None
    assert [touch.step for touch in later.send] == ["handoff"]


@pytest.mark.parametrize(("expires", "patience"), [("1h", MINUTE / 2), ("10s", timedelta())])
def test_an_answer_is_not_kept_waiting_until_it_has_expired(expires, patience):
    waits = _waits(_answering(expires=expires), page("/pricing", timedelta()))
    assert waits.next_wake.patience == patience


def test_a_touch_is_not_kept_waiting_until_its_window_has_closed():
    until_ten = {"opens": "08:00", "closes": "10:01"}
    assert _waits(playbook_with(TRACK, cadence=until_ten)).next_wake.patience == timedelta()


def test_a_wait_of_less_than_a_minute_is_kept_to_the_second():
    quick = playbook_with(track(step("one", "hidden-cost", "30s")))
    assert live(playbook=quick, days=0)[0].next_wake.patience == timedelta()
