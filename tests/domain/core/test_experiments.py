"""Experiments: who gets what, and that it never changes."""

from collections import Counter

import pytest

from domain.core.decide import decide
from domain.core.experiments import draw
from domain.facts import TouchFact
from domain.playbook.models import Experiment
from domain.state import JourneyState
from domain.words import Channel, TouchStatus
from tests.domain.core.life import (
    DAY,
    MONDAY,
    facts,
    lead,
    live,
    page,
    playbook_with,
    rejections,
    step,
    steps,
    track,
)

CONTROL = {"id": "control"}
PEOPLE = [f"ld_{number}" for number in range(3000)]
TRACK = track(step("first", "guide", "2d"), step("second", "compare", "5d"))


def experiment(*variants, steps=("first",), **more):
    return {"id": "exp", "steps": list(steps), "variants": [CONTROL, *variants], **more}


def only(**changes):
    """Everybody gets this one, and nobody the control."""
    return experiment({"id": "it", **changes}) | {"variants": [CONTROL | {"weight": 0}, {"id": "it", **changes}]}


def shares(**more):
    drawn = Experiment.model_validate(experiment({"id": "other", "weight": 3}, **more))
    return Counter(variant.id if (variant := draw(drawn, name)) else "" for name in PEOPLE)


def test_shares_follow_the_weights():
    found = shares()
    assert found["other"] / len(PEOPLE) == pytest.approx(0.75, abs=0.03)


def test_the_holdout_is_as_large_as_it_says_and_the_rest_is_shared():
    found = shares(holdout=20)
    assert found[""] / len(PEOPLE) == pytest.approx(0.2, abs=0.03)
    assert found["other"] / (len(PEOPLE) - found[""]) == pytest.approx(0.75, abs=0.03)


def test_the_lot_hangs_on_the_names_alone():
    assert shares() == shares()
    assert shares(id="another") != shares()
    one, other = (Experiment.model_validate(experiment({"id": "other"}) | {"id": name}) for name in ("one", "two"))
    both = Counter((draw(one, name).id, draw(other, name).id) for name in PEOPLE)
    assert min(both.values()) / len(PEOPLE) == pytest.approx(0.25, abs=0.03), "independent of each other"


@pytest.mark.parametrize(
    ("variant", "sent"),
    [
        ({"subject": "Other words"}, [(2, "first", "guide", Channel.EMAIL), (7, "second", "compare", Channel.EMAIL)]),
        ({"asset": "letter"}, [(2, "first", "letter", Channel.EMAIL), (7, "second", "compare", Channel.EMAIL)]),
        ({"gap": "10d"}, [(10, "first", "guide", Channel.EMAIL), (15, "second", "compare", Channel.EMAIL)]),
        (
            {"channel": "direct_mail"},
            [(2, "first", "guide", Channel.DIRECT_MAIL), (7, "second", "compare", Channel.EMAIL)],
        ),
    ],
)
def test_a_variant_changes_what_it_says_and_the_ledger_knows_it(variant, sent):
    decisions = live(playbook=playbook_with(TRACK, experiments=[only(**variant)]), days=80)
    touches = [(d, touch) for d in decisions for touch in d.send]
    assert [((d.at - decisions[0].at) / DAY, t.step, t.asset, t.channel) for d, t in touches] == sent
    assert [touch.variant for _, touch in touches] == ["exp:it", ""]
    assert decisions[-1].state.variants == {"exp": "it"}


def test_the_holdout_gets_none_of_the_steps_and_the_rest_when_everyone_does():
    everyone_out = experiment({"id": "other"}, holdout=50)
    person = next(name for name in PEOPLE if draw(Experiment.model_validate(everyone_out), name) is None)
    playbook = playbook_with(TRACK, experiments=[everyone_out])
    entry = facts(lead().model_copy(update={"id": person}))
    decisions = live(playbook=playbook, entry=entry, days=80)
    assert steps(decisions) == [(7, "second")]
    assert rejections(decisions, "holdout") == [("guide", "held out of the experiment exp")]
    assert decisions[-1].state.variants == {"exp": ""}


def test_nobody_is_put_into_an_arm_before_the_step_is_due():
    decisions = live(playbook=playbook_with(TRACK, experiments=[only(subject="Other")]), days=80)
    assert [d.state.variants for d in decisions[:2]] == [{}, {"exp": "it"}]


def test_who_takes_part_is_asked_when_the_step_is_due():
    asked = only(subject="Other") | {"when": "lead.employees >= 200"}
    playbook = playbook_with(TRACK, experiments=[asked])
    small, large = (live(playbook=playbook, entry=facts(lead(employees=n)), days=80) for n in (5, 500))
    assert [touch.variant for d in small for touch in d.send] == ["", ""]
    assert [touch.variant for d in large for touch in d.send] == ["exp:it", ""]


def test_an_arm_stays_when_the_weights_change():
    changed = experiment({"id": "it", "weight": 0}) | {"when": "false", "holdout": 50}
    playbook = playbook_with(TRACK, experiments=[changed])
    begun = JourneyState.begin("ld_test", 1, playbook.hash, MONDAY).model_copy(update={"variants": {"exp": "it"}})
    entered = decide(playbook, begun, facts(), MONDAY).state
    later = decide(playbook, entered, facts(), MONDAY + 2 * DAY)
    assert [(touch.step, touch.variant) for touch in later.send] == [("first", "exp:it")]


def test_an_arm_stays_in_the_leads_next_journey_and_after_a_reset():
    playbook = playbook_with(TRACK, experiments=[only(subject="Other words")])
    known = facts().model_copy(update={"touches": (received("control"),)})
    for cycle in (1, 2):
        begun = decide(playbook, JourneyState.begin("ld_test", cycle, playbook.hash, MONDAY), known, MONDAY).state
        again = decide(playbook, begun.model_copy(update={"anchor": MONDAY - 9 * DAY}), known, MONDAY + DAY)
        assert again.state.variants == {"exp": "control"}


def received(variant):
    """Another step of the experiment, from a journey or a decision that is no more."""
    return TouchFact(
        key="ld_test/1/0/old",
        cycle=1,
        step="old",
        channel=Channel.EMAIL,
        status=TouchStatus.SENT,
        at=MONDAY - 9 * DAY,
        variant=f"exp:{variant}",
        number=9,
    )


def test_a_waiting_touch_keeps_the_arm_it_was_called_for_with():
    trigger = {
        "id": "on-pricing",
        "behaviour": "pricing_visit",
        "cool_down": "14d",
        "touch": {"asset": "pricing-answers", "delay": "3d"},
    }
    late = only(subject="Other words") | {"steps": ["trigger-on-pricing", "first"], "when": "touches.sent >= 1"}
    playbook = playbook_with(TRACK, triggers=[trigger], experiments=[late])
    pending = live(page("/pricing", DAY), playbook=playbook, days=1)[-1].state
    assigned = pending.model_copy(update={"variants": {"exp": "it"}})
    sent = decide(playbook, assigned, facts(), MONDAY + 4 * DAY).send
    assert [(touch.step, touch.variant) for touch in sent] == [("trigger-on-pricing", "")]


def test_a_variants_asset_is_not_sent_to_who_has_seen_it():
    seen_first = track(step("before", "letter", "1d"), step("first", "guide", "2d"), step("second", "compare", "5d"))
    decisions = live(playbook=playbook_with(seen_first, experiments=[only(asset="letter")]), days=80)
    assert [name for _, name in steps(decisions)] == ["before", "second"]


def test_what_a_variant_sent_is_passed_over_later():
    twice = track(step("first", "guide", "2d"), step("second", "letter", "5d"), step("third", "compare", "5d"))
    decisions = live(playbook=playbook_with(twice, experiments=[only(asset="letter")]), days=80)
    assert [name for _, name in steps(decisions)] == ["first", "third"]


PRICING = {
    "id": "on-pricing",
    "behaviour": "pricing_visit",
    "cool_down": "14d",
    "touch": {"asset": "pricing-answers", "delay": "1h"},
}


def test_a_triggers_touch_may_be_varied_too():
    varied = only(asset="letter", gap="2d", channel="direct_mail") | {"steps": ["trigger-on-pricing"]}
    playbook = playbook_with(track(step("only", "guide", "80d")), triggers=[PRICING], experiments=[varied])
    decisions = live(page("/pricing", DAY), playbook=playbook, days=79)
    sent = [((d.at - decisions[0].at) / DAY, t.asset, t.channel, t.variant) for d in decisions for t in d.send]
    assert sent == [(3, "letter", Channel.DIRECT_MAIL, "exp:it")]


def test_a_triggers_holdout_gets_no_touch():
    out = experiment({"id": "other"}, steps=["trigger-on-pricing"], holdout=50)
    person = next(name for name in PEOPLE if draw(Experiment.model_validate(out), name) is None)
    playbook = playbook_with(track(step("only", "guide", "80d")), triggers=[PRICING], experiments=[out])
    entry = facts(lead().model_copy(update={"id": person}))
    decisions = live(page("/pricing", DAY), playbook=playbook, entry=entry, days=79)
    assert steps(decisions) == []
    assert rejections(decisions, "holdout") == [("trigger-on-pricing", "held out of the experiment exp")]
