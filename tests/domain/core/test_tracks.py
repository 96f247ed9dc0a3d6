"""Which step of a track is next, and what follows when none is left."""

import pytest

from domain.words import Channel, CommandKind, Ending, Phase
from tests.domain.core.life import (
    DAY,
    HOUR,
    command,
    facts,
    lead,
    live,
    page,
    playbook_with,
    rejections,
    rules,
    step,
    steps,
    track,
)

NEXT_STAGE = {"stage": "research", "touches": [step("later", "compare", "2d")]}


def test_a_pool_sends_the_best_step_that_is_possible_and_ties_as_written():
    pool = track(
        step("filler", "guide"),
        step("tie", "checklist", priority=20),
        step("other-tie", "letter", priority=20),
        step("best", "compare", priority=90, when="behaviour.pricing_visit >= 1"),
        order="priority",
    )
    names = [name for _, name in steps(live(page("/pricing", 30 * HOUR), playbook=playbook_with(pool)))]
    assert names == ["tie", "best", "other-tie", "filler"]


def test_a_sequence_does_not_look_at_priorities():
    written = track(step("first", "guide"), step("second", "compare", priority=90))
    assert [name for _, name in steps(live(playbook=playbook_with(written)))] == ["first", "second"]


def test_an_exhausted_track_waits_unless_it_says_otherwise():
    decisions = live(playbook=playbook_with(track(step("only", "guide")), NEXT_STAGE), days=60)
    assert steps(decisions) == [(1, "only")]
    assert ("next touch", "no content left in problem awareness") in rejections(decisions, "exhausted")


def test_an_exhausted_track_advances_once_its_last_gap_has_passed_again():
    exhausted = track(step("first", "guide", "1d"), step("second", "checklist", "3d"), exhausted="advance")
    decisions = live(playbook=playbook_with(exhausted, NEXT_STAGE))
    assert steps(decisions) == [(1, "first"), (4, "second"), (9, "later")]
    assert [d.state.stage for d in decisions if d.at == decisions[0].at + 7 * DAY] == ["research"]


def test_steps_held_back_by_their_condition_are_left_behind():
    exhausted = track(step("first", "guide"), step("no", "letter", when="false"), exhausted="advance")
    assert steps(live(playbook=playbook_with(exhausted, NEXT_STAGE))) == [(1, "first"), (4, "later")]


def test_an_exhausted_track_goes_nowhere_when_the_next_stage_leads_straight_back():
    playbook = playbook_with(track(step("only", "guide"), exhausted="advance"), NEXT_STAGE)
    stages = playbook.document.model_dump(mode="json")["stages"]
    stages[1]["transitions"] = [{"to": "problem_awareness", "when": "touches.sent >= 1"}]
    decisions = live(playbook=playbook_with(*playbook.document.model_dump(mode="json")["tracks"], stages=stages))
    assert steps(decisions) == [(1, "only")]
    words = "transitions lead from research back to problem awareness"
    assert ("stage", words) in rejections(decisions, "circle")
    assert {d.state.stage for d in decisions} == {"problem_awareness"}


def test_in_the_last_stage_advancing_is_waiting():
    last = {"stage": "internal_alignment", "touches": [step("only", "guide")], "exhausted": "advance"}
    commands = {HOUR: [command(CommandKind.FORCE_STAGE, stage="internal_alignment")]}
    decisions = live(playbook=playbook_with(last), commands=commands, days=60)
    assert decisions[-1].state.stage == "internal_alignment"
    assert rejections(decisions, "exhausted")


def test_an_exhausted_track_begins_re_engagement():
    decisions = live(playbook=playbook_with(track(step("only", "guide", "4d"), exhausted="re_engage")))
    assert steps(decisions) == [(4, "only"), (8, "fresh"), (18, "still-there")]
    assert decisions[-1].state.ending is Ending.SUNSET


def test_an_exhausted_track_ends_the_journey():
    decisions = live(playbook=playbook_with(track(step("only", "guide", "4d"), exhausted="end")))
    assert steps(decisions) == [(4, "only")]
    assert (decisions[-1].state.ending, decisions[-1].at) == (Ending.SUNSET, decisions[0].at + 8 * DAY)
    assert decisions[-1].send == ()


def test_even_without_a_gap_nothing_ends_in_the_decision_that_sends():
    decisions = live(playbook=playbook_with(track(step("only", "guide", "0d"), exhausted="end")))
    assert [(d.at - decisions[0].at, len(d.send), d.state.ended) for d in decisions] == [
        (0 * HOUR, 1, False),
        (1 * HOUR, 0, True),
    ]


def test_a_trigger_still_goes_before_the_end():
    trigger = {
        "id": "on-pricing",
        "behaviour": "pricing_visit",
        "cool_down": "14d",
        "touch": {"asset": "pricing-answers", "delay": "3d"},
    }
    playbook = playbook_with(track(step("only", "guide", "1d"), exhausted="end"), triggers=[trigger])
    decisions = live(page("/pricing", 30 * HOUR), playbook=playbook)
    assert [name for _, name in steps(decisions)] == ["only", "trigger-on-pricing"]


def test_a_step_that_asks_is_passed_over_once_the_answer_is_known():
    asking = playbook_with(track(step("ask", "one-question", ask="role"), step("then", "guide")))
    assert [name for _, name in steps(live(playbook=asking))] == ["ask", "then"]
    known = facts(lead(role="cfo", employees=5))
    assert [name for _, name in steps(live(playbook=asking, entry=known))] == ["then"]


QUESTIONS = [{"field": "role", "ask": "What do you do?"}, {"field": "company", "ask": "Where do you work?"}]
PROFILE = {
    "questions": QUESTIONS,
    "consent": "Used to send what fits what you do.",
    "touches": [step("ask-one", "one-question", "1d", ask="next"), step("ask-two", "letter", "3d", ask="next")],
    "patience": "5d",
}
INCOMPLETE = {"id": "incomplete", "when": '!("role" in known)', "then": "profile"}


def test_whoever_is_profiled_is_asked_before_any_track_begins():
    playbook = playbook_with(track(step("only", "guide", "2d")), profile=PROFILE, triage=[INCOMPLETE])
    decisions = live(playbook=playbook)
    assert steps(decisions) == [(1, "ask-one"), (4, "ask-two"), (11, "only")]
    assert {d.state.phase for d in decisions if d.state.profiling} == {Phase.NURTURE}


def test_asking_for_what_is_next_ends_when_everything_is_known():
    asking = playbook_with(track(step("ask", "one-question", ask="next"), step("then", "guide")), profile=PROFILE)
    whole = facts(lead(role="cfo", company="Acme"))
    assert [name for _, name in steps(live(playbook=asking, entry=whole))] == ["then"]
    half = facts(lead(role="cfo"))
    assert [name for _, name in steps(live(playbook=asking, entry=half))] == ["ask", "then"]


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SDR_TASK])
def test_a_step_for_any_hour_leaves_at_night(channel):
    night = {"opens": "09:00", "closes": "10:00", "days": ["mon"]}
    hurry = track(step("now", "guide", "12h", window="any", channel=channel))
    assert steps(live(playbook=playbook_with(hurry, cadence=night))) == [(0.5, "now")]


def test_caps_and_gaps_hold_at_any_hour():
    rules_ = {"least_gap": "2d", "caps": [{"most": 2, "within": "7d"}]}
    hurry = track(*(step(f"s{number}", asset, "0d", window="any") for number, asset in enumerate(("guide", "letter"))))
    hurry["touches"].append(step("third", "compare", "0d", window="any"))
    decisions = live(playbook=playbook_with(hurry, cadence=rules_))
    assert steps(decisions) == [(0, "s0"), (2, "s1"), (7, "third")]
    assert "exhausted" not in rules(decisions)
