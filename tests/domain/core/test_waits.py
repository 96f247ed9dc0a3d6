"""Waits of steps: what happens, or does not, while a gap passes."""

import pytest

from domain.words import CommandKind
from tests.domain.core.life import DAY, HOUR, command, live, page, playbook_with, rejections, step, steps, track

FIRST, LAST = step("first", "guide", "1d"), step("last", "compare", "10d")


def waiting(**wait):
    wait = {"behaviours": ["pricing_visit"], **wait}
    return playbook_with(track(FIRST, step("second", "checklist", "7d", wait=wait), LAST))


def test_what_is_waited_for_sends_the_step_at_once():
    decisions = live(page("/pricing", 3 * DAY), playbook=waiting())
    assert steps(decisions) == [(1, "first"), (3, "second"), (13, "last")]


def test_without_it_the_step_leaves_when_its_gap_ends():
    assert steps(live(page("/blog", 3 * DAY), playbook=waiting())) == [(1, "first"), (8, "second"), (18, "last")]


def test_what_happened_before_the_wait_began_does_not_count():
    assert steps(live(page("/pricing", 12 * HOUR), playbook=waiting()))[1] == (8, "second")


def test_looking_back_makes_it_count():
    assert steps(live(page("/pricing", 12 * HOUR), playbook=waiting(lookback="1d")))[1] == (1, "second")
    assert steps(live(page("/pricing", 12 * HOUR), playbook=waiting(lookback="1h")))[1] == (8, "second")


def test_a_step_is_passed_over_because_of_what_happened_and_the_next_gap_goes_on():
    decisions = live(page("/pricing", 3 * DAY), playbook=waiting(then="skip"))
    assert steps(decisions) == [(1, "first"), (11, "last")]
    assert rejections(decisions, "wait") == [("checklist", "passed over: looked at pricing")]


def test_a_step_that_only_behaviour_sends_is_passed_over_when_its_gap_ends():
    decisions = live(playbook=waiting(otherwise="skip"))
    assert steps(decisions) == [(1, "first"), (18, "last")]
    words = [why for _, why in rejections(decisions, "wait")]
    assert words == [
        "waits until 2026-03-10 09:00 UTC: looked at pricing",
        "did not happen until 2026-03-10 09:00 UTC: looked at pricing",
    ]


def test_and_leaves_when_it_happens():
    decisions = live(page("/pricing", 3 * DAY), playbook=waiting(otherwise="skip"))
    assert steps(decisions) == [(1, "first"), (3, "second"), (13, "last")]


def test_while_nothing_may_leave_no_touch_is_announced():
    announced = [d.next_touch_at for d in live(playbook=waiting(otherwise="skip")) if d.at == d.state.anchor]
    assert announced[1] is None


def test_any_of_several_behaviours_or_patterns_will_do():
    twice = {"label": "came twice", "any": ["page_view"], "times": 2, "within": "7d"}
    wait = {"behaviours": ["reply", "twice"]}
    playbook = playbook_with(track(step("only", "guide", "20d", wait=wait)), patterns={"twice": twice})
    assert steps(live(page("/blog", 2 * DAY), page("/faq", 5 * DAY), playbook=playbook)) == [(5, "only")]


@pytest.mark.parametrize(("otherwise", "second"), [("send", [(2, "second"), (12, "last")]), ("skip", [(12, "last")])])
def test_an_operator_who_skips_the_wait_ends_its_gap(otherwise, second):
    commands = {2 * DAY: [command(CommandKind.SKIP_WAIT)]}
    decisions = live(playbook=waiting(otherwise=otherwise), commands=commands)
    assert steps(decisions)[1:] == second


def test_what_happened_before_the_wait_began_does_not_count_because_an_operator_skips_it():
    playbook = waiting(then="skip", otherwise="send")
    decisions = live(
        page("/pricing", 12 * HOUR), playbook=playbook, commands={2 * DAY: [command(CommandKind.SKIP_WAIT)]}
    )
    assert steps(decisions) == [(1, "first"), (2, "second"), (12, "last")]


def test_what_was_passed_over_may_come_again_when_the_track_begins_anew():
    commands = {9 * DAY: [command(CommandKind.FORCE_STAGE, stage="problem_awareness")]}
    decisions = live(page("/pricing", 12 * DAY), playbook=waiting(otherwise="skip"), commands=commands)
    assert steps(decisions) == [(1, "first"), (12, "second"), (22, "last")]
