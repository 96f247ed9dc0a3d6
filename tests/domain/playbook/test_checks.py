"""What is named exists, and nothing is written in vain: each finding of the whole document, at its path.

The pages in docs/lints show one example of each rule (tests/authoring/test_lints.py); here are the others.
"""

import copy
import time
from typing import Any

import pytest

from domain.playbook.check import problems
from domain.playbook.models import Playbook
from tests.fixtures.playbooks import minimal_playbook

CONSENT = "We use your answer to choose what we send you."
QUESTION = {"field": "role", "ask": "What do you do there?"}
VARIANTS = [{"id": "as-it-is"}, {"id": "sooner", "gap": "1d"}]


def findings(**changes):
    """(rule, path) of what is wrong once ``changes`` are made: dotted paths (``tracks__0__touches``) to values."""
    data = copy.deepcopy(minimal_playbook().model_dump(mode="json"))
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        part: Any = data
        for step in steps:
            part = part[step]
        part[last] = value
    return [(finding.rule, finding.path) for finding in problems(Playbook.model_validate(data))]


def profile(**changes):
    return {"questions": [QUESTION], "consent": CONSENT} | changes


def experiment(**changes):
    return {"id": "one", "steps": ["guide"], "variants": VARIANTS} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"tracks__2__touches__1__wait": {"behaviours": ["click", "clack"]}},
            ("reference", ("tracks", 2, "touches", 1, "wait", "behaviours", 1)),
            id="a wait for a behaviour",
        ),
        pytest.param(
            {"patterns": {"busy": {"label": "was busy", "sequence": ["click", "clack"], "within": "7d"}}},
            ("reference", ("patterns", "busy", "sequence", 1)),
            id="a part of a pattern",
        ),
        pytest.param(
            {"patterns": {"busy": {"label": "was busy", "any": ["click"], "within": "7d", "group": "wbe"}}},
            ("reference", ("patterns", "busy", "group")),
            id="a pattern's group",
        ),
        pytest.param(
            {"experiments": [experiment(steps=["giude"])]},
            ("reference", ("experiments", 0, "steps", 0)),
            id="a step of an experiment",
        ),
        pytest.param(
            {"experiments": [experiment(steps=["trigger-on-reply"])]},
            ("reference", ("experiments", 0, "steps", 0)),
            id="a trigger of an experiment, which sends nothing",
        ),
        pytest.param(
            {"experiments": [experiment(variants=[{"id": "as-it-is"}, {"id": "other", "asset": "giude"}])]},
            ("reference", ("experiments", 0, "variants", 1, "asset")),
            id="a variant's asset",
        ),
        pytest.param(
            {"profile": profile(questions=[{"field": "roles", "ask": "What do you do?"}])},
            ("reference", ("profile", "questions", 0, "field")),
            id="a question's field",
        ),
        pytest.param(
            {"profile": profile(), "tracks__3__touches__1__ask": "employees"},
            ("reference", ("tracks", 3, "touches", 1, "ask")),
            id="a question that a step asks",
        ),
        pytest.param(
            {"handoff__recycle__reasons": {"timing": {"stage": "comparison"}}, "stages": "without comparison"},
            ("reference", ("handoff", "recycle", "reasons", "timing", "stage")),
            id="the stage to go on from after a rejection",
        ),
    ],
)
def test_what_is_named_must_exist(changes, expected):
    if "stages" in changes:
        stages = minimal_playbook().model_dump(mode="json")["stages"]
        changes = {**changes, "stages": [stage for stage in stages if stage["id"] != "comparison"]}
    assert expected in findings(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"patterns": {"click": {"label": "was busy", "any": ["reply"], "within": "7d"}}},
            ("duplicate", ("patterns", "click")),
            id="a pattern named as a behaviour",
        ),
        pytest.param(
            {"lengths": [{"id": "a", "when": "lead.free_mail", "limit": "90d"}, {"id": "a", "limit": "120d"}]},
            ("duplicate", ("lengths", 1, "id")),
            id="lengths",
        ),
        pytest.param(
            {
                "situations": [
                    {"id": "a", "label": "A", "when": "lead.free_mail"},
                    {"id": "a", "label": "B", "when": "!lead.free_mail"},
                ]
            },
            ("duplicate", ("situations", 1, "id")),
            id="situations",
        ),
        pytest.param(
            {
                "cadence__paces": [
                    {"id": "a", "when": "lead.free_mail", "factor": 1},
                    {"id": "a", "when": "!lead.free_mail", "factor": 2},
                ]
            },
            ("duplicate", ("cadence", "paces", 1, "id")),
            id="paces",
        ),
        pytest.param(
            {"experiments": [experiment(), experiment(steps=["compare"])]},
            ("duplicate", ("experiments", 1, "id")),
            id="experiments",
        ),
        pytest.param(
            {"experiments": [experiment(variants=[*VARIANTS, {"id": "sooner", "gap": "2d"}])]},
            ("duplicate", ("experiments", 0, "variants", 2, "id")),
            id="variants",
        ),
        pytest.param(
            {"profile": profile(questions=[QUESTION, QUESTION])},
            ("duplicate", ("profile", "questions", 1, "field")),
            id="questions",
        ),
        pytest.param(
            {
                "profile": profile(
                    touches=[{"id": "guide", "channel": "sdr_task", "ask": "role", "gap": "0d", "note": "Ask."}]
                )
            },
            ("duplicate", ("tracks", 2, "touches", 0, "id")),
            id="a step of profiling and one of a track",
        ),
    ],
)
def test_two_of_one_name_are_refused(changes, expected):
    assert expected in findings(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {
                "patterns": {
                    "busy": {"label": "was busy", "any": ["click"], "times": 3, "within": "7d"},
                    "busier": {"label": "was busier", "all": ["busy", "reply"], "within": "30d"},
                }
            },
            ("pattern", ("patterns", "busier", "all", 0)),
            id="a pattern of patterns",
        ),
        pytest.param(
            {"patterns": {"busy": {"label": "was busy", "any": ["click"], "times": 3, "within": "181d"}}},
            ("pattern", ("patterns", "busy", "within")),
            id="a window longer than memory",
        ),
        pytest.param(
            {"patterns": {"busy": {"label": "was busy", "all": ["click", "click"], "within": "7d"}}},
            ("pattern", ("patterns", "busy", "all")),
            id="all of the same",
        ),
        pytest.param(
            {"experiments": [experiment(variants=[{"id": "a", "weight": 0}, {"id": "b", "weight": 0, "gap": "1d"}])]},
            ("experiment", ("experiments", 0, "variants")),
            id="an experiment without weights",
        ),
        pytest.param(
            {"experiments": [experiment(steps=["sdr-look"], variants=[{"id": "a"}, {"id": "b", "channel": "email"}])]},
            ("asset", ("experiments", 0, "variants", 1, "channel")),
            id="a task that becomes a mail without content",
        ),
        pytest.param(
            {"tracks__3__touches__1__ask": "next"},
            ("profile", ("tracks", 3, "touches", 1, "ask")),
            id="a step that asks without a profile",
        ),
        pytest.param(
            {"profile": profile(questions=[QUESTION | {"options": [{"label": "Yes", "value": True}]}])},
            ("question", ("profile", "questions", 0, "options", 0, "value")),
            id="an option of another type",
        ),
        pytest.param(
            {"cadence__holidays": {"unknown": "XX"}},
            ("holidays", ("cadence", "holidays", "unknown")),
            id="a country without holidays",
        ),
        pytest.param(
            {"cadence__spread": "9h"}, ("cadence", ("cadence", "spread")), id="a spread longer than the window"
        ),
        pytest.param(
            {"tracks__0__touches__0__window": "any"},
            ("twice-a-day", ("cadence", "least_gap")),
            id="a touch at any hour, twenty hours after the one before",
        ),
        pytest.param(
            {"profile": profile(touches=[{"id": "ask", "channel": "sdr_task", "gap": "0d", "note": "Ask."}])},
            ("unreachable-touch", ("profile", "touches")),
            id="profiling to which triage leads nobody",
        ),
        pytest.param(
            {"tracks__2__touches": [{"id": "once-more", "asset": "checklist", "gap": "3d"}]},
            ("asset-twice", ("tracks", 2, "touches")),
            id="a track without anything new",
        ),
        pytest.param(
            {"triggers__1__behaviour": "zz", "behaviours__zz": {"on": "delivery", "event": "replied", "label": "z"}},
            ("unreachable-trigger", ("triggers", 1, "behaviour")),
            id="a trigger on a behaviour that never happens",
        ),
        pytest.param(
            {"scoring__intent__entry": [], "behaviours": "faint"},
            ("threshold", ("scoring", "sales_ready")),
            id="more intent than all behaviours together give",
        ),
    ],
)
def test_what_can_not_work_is_told(changes, expected):
    if changes.get("behaviours") == "faint":
        named = minimal_playbook().model_dump(mode="json")["behaviours"]
        changes = {**changes, "behaviours": {name: one | {"points": 1, "most": 3} for name, one in named.items()}}
    assert expected in findings(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"cadence__least_gap": "8h"}, id="as long a gap as the window is open"),
        pytest.param(
            {"cadence__least_gap": "1h", "cadence__caps": [{"most": 1, "within": "1d"}]}, id="a cap of one a day"
        ),
        pytest.param({"tracks__4__exhausted": "advance"}, id="a track that advances to the last stage"),
        pytest.param({"experiments": [experiment(steps=["trigger-on-pricing"])]}, id="an experiment on a trigger"),
        pytest.param({"triggers__1__first_only": True}, id="first only, with a cool-down"),
        pytest.param({"lengths": [{"id": "short", "when": "lead.free_mail", "limit": "1d"}]}, id="a length for some"),
        pytest.param(
            {
                "tracks__3__touches__0__asset": "guide",
                "experiments": [experiment(variants=[{"id": "a"}, {"id": "b", "asset": "compare"}])],
            },
            id="an asset of a variant",
        ),
    ],
)
def test_what_works_gives_no_cause(changes):
    assert findings(**changes) == []


def test_a_trigger_may_answer_a_pattern_and_a_step_wait_for_one():
    assert (
        findings(
            patterns={"busy": {"label": "was busy", "any": ["click"], "times": 3, "within": "7d"}},
            triggers__1__behaviour="busy",
            tracks__2__touches__1__wait={"behaviours": ["busy"]},
        )
        == []
    )


def test_a_playbook_of_many_parts_is_checked_in_bounded_time():
    rule = 'score.intent >= {} && lead.employees > {} && score.fit < {} && lead.role != "a{}"'
    ways = [{"to": "comparison", "when": rule.format(n % 90, n, n % 80, n)} for n in range(200)]
    many = {f"b{n:04}": {"on": "page", "path": f"/a*{n:04}", "label": "x"} for n in range(200)}
    started = time.process_time()
    findings(stages__0__transitions=ways, behaviours=minimal_playbook().model_dump(mode="json")["behaviours"] | many)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("crm", "path"),
    [
        pytest.param({"fields": {"fit_levle": False}}, ("crm", "fields", "fit_levle"), id="a field that is none"),
        pytest.param(
            {"fields": {"offer": {"hubspto": "x"}}}, ("crm", "fields", "offer", "hubspto"), id="a CRM that is none"
        ),
        pytest.param(
            {"corrections": {"shoe_size": {"hubspot": "shoe"}}},
            ("crm", "corrections", "shoe_size"),
            id="a lead field that is none",
        ),
        pytest.param(
            {"opportunity": {"stage": {"hubspto": "x"}}},
            ("crm", "opportunity", "stage", "hubspto"),
            id="a CRM of an opportunity",
        ),
        pytest.param(
            {"fields": {"offer": {"hubspot": "x"}, "segment": {"hubspot": "X"}}},
            ("crm", "fields", "segment", "hubspot"),
            id="two fields in one property",
        ),
    ],
)
def test_what_the_crm_is_told_has_a_place_of_its_own(crm, path):
    assert ("crm", path) in findings(crm=crm)


def test_a_mapping_that_is_whole_is_sound():
    mapping = {
        "fields": {"offer": False, "segment": {"hubspot": "market", "salesforce": "Market__c"}},
        "corrections": {"role": {"hubspot": "jobtitle"}},
        "opportunity": {"stage": {"hubspot": "qualifiedtobuy"}},
    }
    assert not [rule for rule, _ in findings(crm=mapping) if rule == "crm"]
