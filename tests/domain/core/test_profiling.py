"""Leads whom triage sends to be asked first: one question at a time, and always an end to it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.decide import decide
from domain.core.simulate import steps as simulate_steps
from domain.facts import Behaviour, Permission
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.words import Channel, CommandKind, Ending, Phase
from tests.domain.core.life import (
    DAY,
    HOUR,
    MONDAY,
    command,
    event,
    facts,
    lead,
    live,
    page,
    playbook_with,
    step,
    steps,
    track,
)
from tests.fixtures.examples import examples
from tests.fixtures.playbooks import minimal_playbook

ASKS_FIRST = {"id": "thin", "when": '!("role" in known) || !("employees" in known)', "then": "profile"}
PROFILE = {
    "questions": [
        {"field": "role", "ask": "What is your role?"},
        {"field": "employees", "ask": "How many people work at your company?"},
    ],
    "consent": "We use the answer to send what fits your work.",
    "touches": [
        step("ask1", "one-question", "1d", ask="next"),
        step("ask2", "fresh-look", "4d", ask="next"),
    ],
    "patience": "7d",
}
TRACK = track(step("t1", "hidden-cost", "2d"), step("t2", "checklist", "7d"))


def asking(*more_triage, profile=None, **changes):
    """A playbook that asks for role and size before anything else."""
    return playbook_with(TRACK, profile=PROFILE | (profile or {}), triage=[*more_triage, ASKS_FIRST], **changes)


def learn(**fields):
    """The profile says more from now on."""
    return lambda known: known.model_copy(
        update={"lead": known.lead.model_copy(update={"fields": {**known.lead.fields, **fields}})}
    )


def told(playbook, changes, *happenings, days=60):
    """Every decision of a lead whose profile changes on the way; answers arrive as identify events."""
    answers: list[tuple[timedelta, str, str, dict[str, Any]]] = [(after, "identify", "answer", {}) for after in changes]
    behaviours = [
        Behaviour(position=number, kind=kind, name=name, properties=properties, at=MONDAY + after)
        for number, (after, kind, name, properties) in enumerate(sorted([*happenings, *answers]), start=1)
    ]
    learned = {MONDAY + after: [change] for after, change in changes.items()}
    until = MONDAY + days * DAY
    return [one.decision for one in simulate_steps(playbook, facts(), behaviours, MONDAY, until, changes=learned)]


def test_a_lead_of_whom_too_little_is_known_is_asked_before_anything_else():
    decisions = live(playbook=asking(), days=30)
    assert [name for _, name in steps(decisions)] == ["ask1", "ask2", "t1", "t2"]
    assert decisions[0].state.profiling
    assert decisions[0].crm["why_in_nurture"] == "Being asked for what is missing: role, employees."
    assert decisions[0].forward[0] == "answers to what is missing: role, employees"


def test_nobody_is_asked_what_is_known_already():
    decisions = live(playbook=asking(), entry=facts(lead(role="cfo", employees=50)), days=10)
    assert not decisions[0].state.profiling
    assert [name for _, name in steps(decisions)] == ["t1", "t2"]


def test_answers_end_the_questions_at_once():
    decisions = told(asking(), {3 * DAY: learn(role="cfo", employees=90)}, days=30)
    assert [(round(day), name) for day, name in steps(decisions)] == [(1, "ask1"), (5, "t1"), (12, "t2")]
    assert "every question is answered" in decisions[2].title


def test_one_answer_of_two_leaves_the_other_to_be_asked():
    decisions = told(asking(), {3 * DAY: learn(role="cfo")}, days=8)
    assert [name for _, name in steps(decisions)] == ["ask1", "ask2"]
    assert decisions[-1].crm["why_in_nurture"] == "Being asked for what is missing: employees."


def test_an_answer_that_makes_a_lead_ready_for_sales_hands_it_over():
    ready = {"id": "ready", "when": '"role" in known && lead.role == "cfo"', "then": "sales"}
    decisions = told(asking(ready), {3 * DAY: learn(role="cfo")}, days=3)
    assert decisions[-1].at == MONDAY + 3 * DAY
    assert decisions[-1].state.phase is Phase.HANDOFF
    assert decisions[-1].open_handoff.brief["why_now"] == "ready for sales now that more is known"


def test_an_answer_may_show_that_someone_is_no_lead():
    student = {"id": "student", "when": 'lead.role == "student"', "then": "disqualify", "reason": "personal_research"}
    last = told(asking(student), {3 * DAY: learn(role="student")})[-1]
    assert (last.state.ending, last.state.ending_reason) == (Ending.DISQUALIFIED, "personal_research")


@pytest.mark.parametrize(("otherwise", "phase"), [("sales_review", Phase.SALES_REVIEW), ("nurture", Phase.NURTURE)])
def test_whose_profile_stays_incomplete_goes_where_the_playbook_says_when_patience_is_over(otherwise, phase):
    decisions = live(playbook=asking(profile={"otherwise": otherwise}), days=5 + 7)
    asked = next(decision for decision in decisions if decision.send and decision.send[0].step == "ask2")
    assert (asked.next_wake.at - asked.at, asked.next_wake.cause) == (
        7 * DAY,
        "time for answers is over: goes on with what is known",
    )
    assert decisions[-1].at == asked.at + 7 * DAY
    assert decisions[-1].state.phase is phase
    assert not decisions[-1].state.profiling


def test_who_can_not_be_asked_is_not_waited_for():
    entry = facts(permission=Permission(declined=frozenset({Channel.EMAIL})))
    first = live(playbook=asking(profile={"otherwise": "sales_review"}), entry=entry, days=1)[0]
    assert first.state.phase is Phase.SALES_REVIEW
    assert first.open_handoff.reason == "the profile stays incomplete (role, employees)"


def test_interest_that_fades_is_no_reason_to_stop_asking_but_what_the_lead_does_is():
    warm = ASKS_FIRST | {"when": 'score.intent >= 18 && !("role" in known)'}
    playbook = playbook_with(TRACK, profile=PROFILE, triage=[warm])
    entry = facts(lead(source="referral"))  # 20 points at entry, halved every 14 days
    faded = live(playbook=playbook, entry=entry, days=10)
    assert faded[-1].scores.intent < 18
    assert faded[-1].state.profiling
    visited = live(page("/", 9 * DAY), playbook=playbook, entry=entry, days=9)
    assert not visited[-1].state.profiling
    assert "triage no longer asks for more" in visited[-1].title


def test_opened_mails_deliveries_and_retractions_end_no_questions():
    opens = [event("delivery", name, number * DAY) for number, name in enumerate(["delivered", "opened"], start=2)]
    opens.append(event("retraction", "behaviour retracted", 2 * DAY))
    warm = ASKS_FIRST | {"when": "score.intent >= 19"}
    playbook = playbook_with(TRACK, profile=PROFILE, triage=[warm])
    assert live(*opens, playbook=playbook, entry=facts(lead(source="referral")), days=3)[-1].state.profiling


def test_a_stage_that_changes_meanwhile_does_not_put_the_questions_off():
    stages = [stage.model_dump(mode="json") for stage in minimal_playbook().stages]
    moved = live(page("/pricing", 4 * DAY), playbook=asking(stages=stages), days=6)
    assert moved[-1].state.stage == "comparison"
    assert [(round(day), name) for day, name in steps(moved)] == [(1, "ask1"), (5, "ask2")]


def test_a_paused_lead_is_not_sent_on():
    pause = {6 * DAY: [command(CommandKind.PAUSE)], 30 * DAY: [command(CommandKind.RESUME)]}
    decisions = live(playbook=asking(), commands=pause, days=31)
    paused = [decision for decision in decisions if decision.state.paused_since]
    assert all(decision.state.profiling for decision in paused)
    assert not decisions[-1].state.profiling


def test_an_operator_may_skip_the_wait_for_answers():
    decisions = live(playbook=asking(), commands={6 * DAY: [command(CommandKind.SKIP_WAIT)]}, days=6)
    assert decisions[-1].at == MONDAY + 6 * DAY
    assert not decisions[-1].state.profiling
    assert not decisions[-1].send, "one command skips one wait"


def test_a_playbook_that_no_longer_asks_lets_its_leads_go_on():
    first = live(playbook=asking(), days=0)[0]
    newer = playbook_with(TRACK, triage=[])
    after = decide(newer, first.state, facts(), MONDAY + HOUR)
    assert not after.state.profiling
    assert after.next_wake.cause == "next touch: hidden-cost"


def test_questions_use_up_none_of_the_time_that_the_leads_length_allows():
    lengths = [{"id": "short", "limit": "12d"}]
    assert steps(live(playbook=asking(lengths=lengths))) == [(1, "ask1"), (5, "ask2"), (14, "t1"), (21, "t2")]


def test_triage_to_a_profile_that_the_playbook_lacks_is_nurture():
    first = live(playbook=playbook_with(TRACK, triage=[ASKS_FIRST]), days=0)[0]
    assert (first.state.phase, first.state.profiling) == (Phase.NURTURE, False)


CONDITIONS = st.sampled_from(
    [ASKS_FIRST["when"], "true", "false", "score.intent >= 10", "days.in_stage % 2 == 0", "behaviour.page_view >= 2"]
)
ASSETS = st.sampled_from(["one-question", "fresh-look", "hidden-cost"])


@st.composite
def profiling_playbooks(draw):
    document = minimal_playbook().model_dump(mode="json")
    asks = [
        step(
            f"ask{number}",
            draw(ASSETS),
            draw(st.sampled_from(["0d", "3d", "20d"])),
            ask=draw(st.sampled_from([None, "next", "role", "employees"])),
            when=draw(st.none() | CONDITIONS),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    otherwise, patience = draw(st.sampled_from(["sales_review", "nurture"])), draw(st.sampled_from(["0d", "7d", "30d"]))
    document["profile"] = PROFILE | {"touches": asks, "otherwise": otherwise, "patience": patience}
    then = st.sampled_from(["sales", "sales_review", "nurture", "profile"])
    document["triage"] = [
        {"id": f"rule{number}", "when": draw(CONDITIONS), "then": draw(then)} for number in range(3)
    ] + [{"id": "rest", "when": "true", "then": "profile"}]
    document["triggers"][-1] |= {"cool_down": "1d"}
    return CompiledPlaybook(Playbook.model_validate(document))


@examples(60)
@given(
    profiling_playbooks(),
    st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["/", "/pricing", "/customers/a"])), max_size=8),
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from([{"role": "cfo"}, {"employees": 300}])), max_size=2),
)
def test_questions_always_end_and_the_same_life_is_decided_the_same(playbook, visits, answers):
    happenings = [page(path, day * DAY + number * HOUR) for number, (day, path) in enumerate(visits)]
    changes = {day * DAY + number * timedelta(minutes=7): learn(**said) for number, (day, said) in enumerate(answers)}
    decisions = told(playbook, changes, *happenings, days=250)
    asking_for = [decision for decision in decisions if decision.state.profiling]
    assert not decisions[-1].state.profiling, "asked for ever"
    assert all(decision.state.phase is Phase.NURTURE for decision in asking_for)
    assert all(decision.next_wake for decision in asking_for)
    again = told(playbook, changes, *happenings, days=250)
    assert [one.model_dump_json() for one in decisions] == [one.model_dump_json() for one in again]
