"""What days alone change happens on the day on which they do, not at the next touch."""

import json
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.decide import decide
from domain.core.simulate import steps as simulate_steps
from domain.facts import Behaviour
from domain.words import CommandKind
from tests.domain.core.generated import compiled, documents
from tests.domain.core.life import DAY, HOUR, MONDAY, command, facts, live, playbook_with, step, steps, track
from tests.domain.core.test_profiling import asking
from tests.fixtures.examples import examples

LATER = "days.in_journey >= 5"
#: Conditions whose answers fade with a score, leave a window, or wait for the ledger: seen at the next decision.
_FADING = {
    "score.intent >= 20": "lead.employees >= 2",
    "score.intent >= 10": "days.in_journey >= 20",
    "score.intent >= 60": "false",
    "behaviour.several.in_30d >= 1": "behaviour.several >= 1",
    "touches.sent >= 2": "lead.employees >= 2",
    "touches.sent >= 3": LATER,
}


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"cadence": {"paces": [{"id": "soon", "when": LATER, "factor": 0.25}]}}, 10),
        ({"cadence": {"paces": [{"id": "slow", "when": f"!({LATER})", "factor": 2}]}}, 40),
        ({"lengths": [{"id": "brief", "when": "days.in_journey >= 5", "factor": 0.25}]}, 10),
    ],
)
def test_gaps_that_days_shorten_are_shortened_on_that_day(changes, day):
    playbook = playbook_with(track(step("one", "guide", "40d")), **changes)
    assert steps(live(playbook=playbook, days=60)) == [(day, "one")]


def test_a_pace_that_makes_gaps_longer_wakes_nobody():
    slow = {"paces": [{"id": "fast", "when": f"!({LATER})", "factor": 0.5}, {"id": "slow", "when": LATER, "factor": 2}]}
    first = live(playbook=playbook_with(track(step("one", "guide", "40d")), cadence=slow), days=0)[0]
    assert first.next_wake.at == MONDAY + 20 * DAY


def test_another_segment_that_days_bring_about_has_its_track_from_that_day():
    segments = [{"id": "long", "label": "Long here", "when": LATER}, {"id": "all", "label": "All"}]
    tracks = track(step("own", "guide", "1d"), segment="long"), track(step("other", "checklist", "40d"))
    assert steps(live(playbook=playbook_with(*tracks, segments=segments), days=60)) == [(5, "own")]


def test_a_step_that_days_rule_out_makes_room_for_the_next_on_that_day():
    steps_ = step("early", "guide", "40d", when=f"!({LATER})"), step("late", "checklist", "2d")
    assert steps(live(playbook=playbook_with(track(*steps_)), days=60)) == [(5, "late")]


def test_what_comes_after_the_next_step_or_was_sent_wakes_nobody():
    steps_ = step("one", "guide", "1d"), step("two", "checklist", "30d"), step("three", "compare", "1d", when=LATER)
    decisions = live(playbook=playbook_with(track(*steps_)), days=20)
    assert [(d.at - MONDAY) / DAY for d in decisions] == [0, 1]


def test_who_takes_part_in_an_experiment_from_a_day_on_gets_its_gap_from_that_day():
    variants = [{"id": "control", "weight": 0}, {"id": "soon", "gap": "6d"}]
    experiment = {"id": "timing", "steps": ["one"], "when": LATER, "variants": variants}
    playbook = playbook_with(track(step("one", "guide", "40d")), experiments=[experiment])
    assert steps(live(playbook=playbook, days=60)) == [(6, "one")]


def test_a_paused_lead_still_leaves_an_audience_on_the_day():
    audience = {"id": "fresh", "label": "Fresh", "when": "days.quiet < 9"}
    playbook = playbook_with(track(step("one", "guide", "40d")), audiences=[audience])
    decisions = live(playbook=playbook, days=60, commands={HOUR: [command(CommandKind.PAUSE)]})
    assert [((d.at - MONDAY) // DAY, d.audiences["fresh"]) for d in decisions] == [(0, True), (0, True), (9, False)]


def test_triage_that_days_change_is_asked_on_that_day():
    lets_pass = {"id": "patient", "when": "days.in_journey < 2", "then": "profile"}
    sales = {"id": "ready", "when": "true", "then": "sales"}
    opened = [d.at for d in live(playbook=asking(lets_pass, sales), days=9) if d.open_handoff]
    assert opened == [MONDAY + 2 * DAY]


def _steady(document):
    """The playbook without what fades, and with quiet times that leave room for a life."""
    text = json.dumps(document)
    for fading, steady in _FADING.items():
        text = text.replace(fading, steady)
    calm = json.loads(text)
    calm["re_engagement"] |= {"after": "30d", "sunset": "20d"}
    calm["profile"] |= {"patience": "7d"}
    return compiled(calm | {"length_limit": "365d"})


def _does(decision):
    state = decision.state
    where = (state.phase, state.stage, state.segment, state.profiling, state.ending)
    return where, decision.send, decision.open_handoff, dict(decision.audiences)


@examples(60)
@given(documents(), st.lists(st.integers(0, 60 * 24 * 60), max_size=5), st.booleans(), st.integers(0, 99))
def test_nothing_happens_before_the_next_wake_that_an_earlier_wake_would_have_done(document, visits, paused, seed):
    playbook, chance = _steady(document), Random(seed)
    behaviours = [
        Behaviour(position=number, kind="page", name="/pricing", at=MONDAY + timedelta(minutes=minute))
        for number, minute in enumerate(sorted(visits), start=1)
    ]
    asked = {MONDAY + 3 * DAY: [command(CommandKind.PAUSE)]} if paused else {}
    lived = list(simulate_steps(playbook, facts(), behaviours, MONDAY, MONDAY + 200 * DAY, asked))
    for now, following in pairwise(lived):
        decision = now.decision
        begins = decision.at + HOUR  # by then what this decision sent has arrived
        between = begins + (following.decision.at - begins) * chance.random()
        if begins < between < min(following.decision.at, decision.next_wake.at):
            early = decide(playbook, decision.state, now.facts, between)
            where, sends, handoff, audiences = _does(early)
            assert (where, audiences) == (_does(decision)[0], _does(decision)[3]), decision.next_wake
            assert (sends, handoff) == ((), None), decision.next_wake
