"""The ways of a journey: given to sales and given back, and in what words the way forward is told."""

from datetime import timedelta

import pytest

from domain.core.decide import decide
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.words import CommandKind, DisqualifyReason, Ending
from tests.domain.core.life import (
    DAY,
    HOUR,
    MONDAY,
    command,
    event,
    facts,
    lead,
    live,
    playbook_with,
    rejections,
    rules,
    sent,
    step,
    track,
)
from tests.fixtures.playbooks import minimal_playbook

# --- what a wait passed over comes again with a track ----------------------------------------------------------------


def test_what_a_wait_passed_over_counts_within_one_track_only():
    playbook = playbook_with(track(step("t1", "hidden-cost", "2d"), step("t2", "checklist", "7d")))
    first = live(playbook=playbook, days=0)[0]
    passed = first.state.model_copy(update={"passed": ("t1",)})
    kept = decide(playbook, passed, facts(), MONDAY + HOUR)
    assert kept.state.passed == ("t1",)
    forced = [command(CommandKind.FORCE_STAGE, stage="problem_awareness")]
    assert decide(playbook, passed, facts(), MONDAY + HOUR, forced).state.passed == ()
    bigger = facts(lead(employees=500))
    assert decide(playbook, passed, bigger, MONDAY + HOUR).state.passed == ()


# --- sales, and what it answers --------------------------------------------------------------------------------------

MEETING = event("track", "Meeting Booked", 2 * DAY)


def recycling(reasons, **recycle):
    """The minimal playbook with other rules for leads that sales gives back."""
    document = minimal_playbook().model_dump(mode="json")
    own = {"cool_down": "30d", "most": 2, "reasons": reasons, **recycle}
    document["handoff"] |= {"recycle": own}
    return CompiledPlaybook(Playbook.model_validate(document))


def rejected(reason, after=3 * DAY, number=1):
    return event("crm", "sales_rejected", after, handoff=f"ld_test-1-{number}", reason=reason)


@pytest.mark.parametrize(("reason", "days"), [("no_budget", 90), ("timing", 30)])
def test_each_reason_has_its_own_cool_down(reason, days):
    playbook = recycling({"no_budget": {"cool_down": "90d"}})
    decisions = live(MEETING, rejected(reason), playbook=playbook, days=120)
    over = next(decision for decision in decisions if "cool_down_over" in rules([decision]))
    assert over.at == MONDAY + (3 + days) * DAY
    back = next(decision for decision in decisions if decision.resolve_handoff)
    assert back.crm["why_in_nurture"] == f"Sales gave the lead back ({reason.replace('_', ' ')}): quiet for a while."


def test_during_a_longer_cool_down_sales_is_not_asked_again_without_anything_new():
    playbook = recycling({"no_budget": {"cool_down": "90d"}})
    handoff = playbook.document.handoff
    always = handoff.model_copy(update={"rules": (handoff.rules[0].model_copy(update={"when": "true"}),)})
    playbook = CompiledPlaybook(playbook.document.model_copy(update={"handoff": always}))
    decisions = live(rejected("no_budget", DAY), playbook=playbook, days=95)
    opened = [decision.at - MONDAY for decision in decisions if decision.open_handoff]
    assert opened == [timedelta(0), 91 * DAY]


def test_a_reason_may_lead_back_to_another_stage():
    playbook = recycling({"no_authority": {"stage": "internal_alignment"}})
    back = next(d for d in live(MEETING, rejected("no_authority"), playbook=playbook, days=4) if d.resolve_handoff)
    assert back.state.stage == "internal_alignment"
    assert "goes on from internal alignment then" in [reason.text for reason in back.reasons]


def test_a_reason_may_end_the_journey():
    playbook = recycling({"no_need": {"disqualify": "poor_fit"}})
    last = live(MEETING, rejected("no_need"), playbook=playbook)[-1]
    assert (last.state.ending, last.state.ending_reason) == (Ending.DISQUALIFIED, "poor_fit")
    assert last.title == "Ended: disqualified; poor fit."


def test_nobody_is_given_back_more_often_than_the_playbook_allows():
    lives = []
    for number in range(3):
        at = (1 + number * 40) * DAY
        lives += [event("track", "Meeting Booked", at), rejected("timing", at + DAY, number + 1)]
    last = live(*lives, playbook=recycling({}))[-1]
    assert (last.state.ending, last.state.ending_reason) == (Ending.DISQUALIFIED, "other")
    assert last.state.rejections == ("timing", "timing", "timing")
    assert "sales rejected the lead 3 times, 2 are allowed: timing" in [reason.text for reason in last.reasons]


@pytest.mark.parametrize(
    ("said", "recorded"),
    [("unreachable", "invalid_contact"), ("bad_data", "invalid_contact"), ("no_fit", "poor_fit"), ("no_need", "other")],
)
def test_whom_sales_rejected_once_too_often_is_disqualified_in_the_words_of_the_crm(said, recorded):
    last = live(MEETING, rejected(said), playbook=recycling({}, most=0))[-1]
    assert (last.state.status, last.crm["disqualification_reason"]) == ("disqualified", recorded)
    assert recorded in set(DisqualifyReason)


def test_a_handoff_that_nobody_answered_is_no_rejection():
    unanswered = event("track", "Meeting Booked", DAY)
    lives = [unanswered]
    for number in (2, 3):
        at = number * 40 * DAY
        lives += [event("track", "Meeting Booked", at), rejected("timing", at + DAY, number)]
    assert not live(*lives, playbook=recycling({}), days=125)[-1].state.ended


def test_the_brief_names_the_buyers_situation_and_opens_with_its_advice():
    situations = [
        {"id": "big", "label": "Large company.", "when": "lead.employees >= 200"},
        {
            "id": "approval",
            "label": "Needs approval.",
            "when": "behaviour.meeting >= 1",
            "advice": "Ask who else decides.",
        },
    ]
    document = minimal_playbook().model_dump(mode="json") | {"situations": situations}
    playbook = CompiledPlaybook(Playbook.model_validate(document))
    decisions = live(MEETING, entry=facts(lead(employees=300)), playbook=playbook, days=3)
    assert "intent low; large company." in decisions[0].crm["why_in_nurture"]
    brief = next(decision.open_handoff.brief for decision in decisions if decision.open_handoff)
    assert brief["situations"] == ["Large company.", "Needs approval."]
    assert brief["opener"] == "They booked a meeting last. Ask who else decides."


def test_without_advice_the_brief_opens_with_the_question_of_the_stage():
    brief = next(decision.open_handoff.brief for decision in live(MEETING, days=3) if decision.open_handoff)
    assert brief["opener"] == "They booked a meeting last; start from their question: Does this one work for us?"


# --- told in words ---------------------------------------------------------------------------------------------------


def test_the_way_forward_is_told_in_words_without_what_holds_already():
    first = live(entry=facts(lead(role="cfo")), days=0)[0]
    assert first.forward == (
        "to comparison: looked at pricing",
        "to sales (Fits well and is very active): intent at least 70",
        "to research: intent at least 15",
        "to sales (Booked a meeting): booked a meeting",
    )


def test_the_next_wake_names_what_days_alone_will_change():
    stages = [stage.model_dump(mode="json") for stage in minimal_playbook().stages]
    stages[0]["transitions"] = [{"to": "research", "when": "days.quiet >= 5"}]
    first = live(playbook=playbook_with(track(step("t", "checklist", "30d")), stages=stages), days=0)[0]
    assert (first.next_wake.at, first.next_wake.cause) == (MONDAY + 5 * DAY, "quiet for 5 days: moves to research")


def test_a_situation_that_days_alone_bring_about_is_looked_at_ahead():
    stages = [stage.model_dump(mode="json") for stage in minimal_playbook().stages]
    stages[0]["transitions"] = [{"to": "research", "when": "situation.stalled"}]
    stalled = {"id": "stalled", "label": "Has stalled", "when": "days.quiet >= 9"}
    playbook = playbook_with(track(step("t", "checklist", "30d")), stages=stages, situations=[stalled])
    first = live(playbook=playbook, days=0)[0]
    assert (first.next_wake.at, first.next_wake.cause) == (MONDAY + 9 * DAY, "has stalled: moves to research")


def test_an_ended_journey_says_how_it_ended():
    last = live()[-1]
    assert last.state.ending is Ending.SUNSET
    assert last.crm["why_in_nurture"] == "Ended: sunset; quiet through re-engagement."
    assert not rejections([last], "exhausted")
    assert sent([last]) == []
