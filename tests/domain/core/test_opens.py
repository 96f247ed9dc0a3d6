"""Opened mails count for nothing, whatever a playbook makes of them (C13)."""

import copy

import pytest

from domain.playbook.check import problems
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from tests.domain.core.life import DAY, event, live, page, rules
from tests.fixtures.playbooks import minimal_playbook

OPEN = {"on": "delivery", "event": "opened", "label": "opened a mail"}
TWICE = {"label": "opened twice", "any": ["open"], "times": 2, "within": "30d", "points": 40}
TRIGGER = {"id": "on-open", "behaviour": "open", "alert": "Opened.", "stage": "evaluation", "cool_down": "1d"}


def document(**behaviours):
    given = copy.deepcopy(minimal_playbook().model_dump(mode="json"))
    given["behaviours"] |= behaviours
    return given


def eager():
    """A stored playbook that does with opens all that the check refuses."""
    given = document(open=OPEN | {"points": 50, "meaningful": True})
    given |= {"patterns": {"twice": TWICE}, "triggers": [*given["triggers"], TRIGGER]}
    return given


def opens(last=60):
    return [event("delivery", "opened", number * DAY) for number in range(1, last)]


def told(given):
    return {
        (finding.path, finding.severity)
        for finding in problems(Playbook.model_validate(given))
        if finding.rule == "opens"
    }


def test_opens_move_no_stage_no_score_no_trigger_and_no_handoff_even_where_a_stored_playbook_says_so():
    decisions = live(*opens(), days=100, playbook=CompiledPlaybook(Playbook.model_validate(eager())))
    assert {decision.state.stage for decision in decisions} == {"problem_awareness"}
    assert {decision.scores.intent for decision in decisions} == {0}
    assert not any(decision.open_handoff for decision in decisions)
    assert "on-open" not in rules(decisions)


def test_whoever_only_opens_mail_goes_quiet_and_is_not_brought_back_by_it():
    stored = CompiledPlaybook(Playbook.model_validate(eager()))
    decisions = live(*opens(last=200), days=400, playbook=stored)
    silent = live(days=400, playbook=stored)
    assert [d.state.phase for d in decisions if d.send] == [d.state.phase for d in silent if d.send]
    assert decisions[-1].state.ending == silent[-1].state.ending == "sunset"


def test_a_star_in_the_name_of_a_delivery_event_does_not_mean_opens():
    stored = CompiledPlaybook(Playbook.model_validate(document(any_mail=OPEN | {"event": "*", "points": 5})))
    assert live(*opens(), days=70, playbook=stored)[-1].scores.intent == 0
    replied = live(event("delivery", "delivered", DAY), page("/blog", 2 * DAY), days=3, playbook=stored)
    assert replied[-1].scores.intent > 0


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param({}, ("behaviours", "open", "points"), id="points"),
        pytest.param({}, ("patterns", "twice", "any", 0), id="a pattern"),
        pytest.param({}, ("triggers", -1, "behaviour"), id="a trigger"),
        pytest.param({"stages": "when"}, ("stages", 0, "transitions", 0, "when"), id="a stage"),
        pytest.param({"handoff": "rules"}, ("handoff", "rules", 0, "when"), id="the handoff"),
        pytest.param({"wait": True}, ("tracks", 0, "touches", 0, "wait", "behaviours", 0), id="a wait"),
    ],
)
def test_the_check_refuses_every_place_that_would_count_them(change, path):
    given = eager()
    if "stages" in change:
        given["stages"][0]["transitions"][0]["when"] = "behaviour.open.in_30d >= 2"
    if "handoff" in change:
        given["handoff"]["rules"][0]["when"] = "score.fit > 10 && behaviour.open >= 1"
    if "wait" in change:
        given["tracks"][0]["touches"][0]["wait"] = {"behaviours": ["open"]}
    place = tuple(len(given["triggers"]) - 1 if part == -1 else part for part in path)
    assert (place, "error") in told(given)


def test_conditions_that_only_choose_what_is_shown_may_ask_about_them():
    given = document(open=OPEN)
    given["audiences"][0]["when"] = "behaviour.open >= 1"
    given["tracks"][0]["touches"][0]["when"] = "behaviour.open == 0"
    assert told(given) == set()
