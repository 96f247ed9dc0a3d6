"""Lengths and paces: how far apart scheduled touches are, and for how long they go on."""

import pytest

from tests.domain.core.life import DAY, facts, lead, live, page, playbook_with, rejections, step, steps, track

THREE = track(step("one", "guide", "4d"), step("two", "checklist", "4d"), step("three", "compare", "20d"))


def with_lengths(*lengths, **changes):
    return playbook_with(THREE, lengths=list(lengths), **changes)


@pytest.mark.parametrize(
    ("length", "days"),
    [
        ({"preset": "mid_market"}, [4, 8, 28]),
        ({"preset": "enterprise"}, [8, 16, 56]),
        ({"preset": "continuous"}, [10, 20, 70]),
        ({"preset": "smb"}, [2, 4, 14]),
        ({"preset": "smb", "factor": 1}, [4, 8]),
        ({"preset": "enterprise", "limit": "10d"}, [8]),
        ({"limit": "20d"}, [4, 8]),
        ({"factor": 0.5}, [2, 4, 14]),
    ],
)
def test_a_length_stretches_the_gaps_and_ends_what_is_scheduled(length, days):
    assert [day for day, _ in steps(live(playbook=with_lengths({"id": "it", **length})))] == days


def test_the_first_length_that_holds_counts():
    large = {"id": "large", "when": "lead.employees >= 200", "preset": "enterprise"}
    playbook = with_lengths(large, {"id": "others", "preset": "smb"})
    assert steps(live(playbook=playbook))[0] == (2, "one")
    assert steps(live(playbook=playbook, entry=facts(lead(employees=500))))[0] == (8, "one")


def test_after_its_length_a_lead_is_still_answered_and_asked_again_when_quiet():
    trigger = {
        "id": "on-pricing",
        "behaviour": "pricing_visit",
        "cool_down": "14d",
        "touch": {"asset": "pricing-answers", "delay": "1d"},
    }
    ending = {**THREE, "exhausted": "end"}
    playbook = playbook_with(ending, lengths=[{"id": "short", "limit": "5d"}], triggers=[trigger])
    decisions = live(page("/pricing", 40 * DAY), playbook=playbook)
    names = [touch.step for d in decisions for touch in d.send]
    assert names == ["one", "trigger-on-pricing", "fresh", "still-there"]
    words = "scheduled touches go on until 2026-03-07, as the lead's length says"
    assert rejections(decisions, "length") == [("next touch", words)]


def test_paces_multiply_the_gaps_and_the_first_that_holds_wins():
    paces = [
        {"id": "engaged", "when": "behaviour.pricing_visit >= 1", "factor": 0.5},
        {"id": "any", "when": "true", "factor": 2},
    ]
    playbook = playbook_with(THREE, cadence={"paces": paces})
    assert steps(live(playbook=playbook)) == [(8, "one"), (16, "two"), (56, "three")]
    assert steps(live(page("/pricing", 10 * DAY), playbook=playbook)) == [(8, "one"), (10, "two"), (20, "three")]


def test_length_and_pace_multiply_and_the_least_gap_holds():
    cadence = {"paces": [{"id": "fast", "when": "true", "factor": 0.25}], "least_gap": "3d"}
    playbook = with_lengths({"id": "short", "factor": 0.5}, cadence=cadence)
    assert steps(live(playbook=playbook)) == [(0.5, "one"), (3.5, "two"), (6.5, "three")]


def test_re_engagement_keeps_its_gaps():
    slow = {"paces": [{"id": "slow", "when": "true", "factor": 4}]}
    ending = track(step("only", "guide", "1d"), exhausted="re_engage")
    assert steps(live(playbook=playbook_with(ending, cadence=slow))) == [(4, "only"), (8, "fresh"), (18, "still-there")]
