"""Scenarios: read with places, run on the core, and every kind of expectation can hold and can fail."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from authoring.scenarios.course import course
from authoring.scenarios.expectations import Expectation
from authoring.scenarios.life import Life
from authoring.scenarios.models import KINDS, Scenario
from authoring.scenarios.moments import parse_span
from authoring.scenarios.reading import read_scenarios
from authoring.scenarios.run import run
from tests.fixtures.playbooks import minimal_compiled

PAGE = Path(__file__).parents[2] / "docs" / "playbook-tests.md"

#: A chief operating officer who looks at pricing on day 2, books a meeting on day 8 and is given back on day 9.
LIFE = """
scenario: A chief operating officer looks around
lead: {timezone: Europe/Berlin, fields: {role: coo, employees: 400}}
events:
  - {at: 2d, page: /pricing}
  - {at: 8d, track: Meeting Booked}
  - {at: 9d, sales: rejected, reason: timing}
until: 6mo
expect:
"""
#: Each kind of expectation: what holds of that life, what does not, and a part of what is said instead.
EXPECTATIONS = {
    "handoff": ("{rule: meeting, within: 1h, after: meeting, to: sales}", "{rule: ready}", "given to sales on day 8"),
    "no_handoff": ("{from: handoff}", "{}", "given to sales on day 8"),
    "sends": ("{asset: pricing-answers, within: 1d, after: /pricing}", "{asset: letter}", "never sent"),
    "never_sends": ("{channel: direct_mail}", "{asset: pricing-answers}", "pricing-answers on day 2"),
    "in_order": ("{assets: [hidden-cost, pricing-answers]}", "{assets: [pricing-answers, hidden-cost]}", "hidden-cost"),
    "no_touch": ("{from: 9d, to: 30d}", "{from: 1d, to: 3d}", "pricing-answers on day 2"),
    "at_most": ("{touches: 3, within: 7d}", "{touches: 1, within: 7d, channel: email}", "in one such stretch"),
    "alert": ("{trigger: on-meeting, within: 1h, after: 2}", "{trigger: on-reply}", "never sent"),
    "because": ("{rule: on-pricing, within: 1m, after: 1}", "{rule: on-reply}", "never decided"),
    "ends": ("{as: sunset}", "{as: disqualified, reason: competitor}", "as sunset"),
    "lives_until": ("3mo", "6mo", "as sunset"),
    "stage": ("{is: comparison, at: /pricing}", "{is: research, at: 3d}", "it was comparison on day 3"),
    "segment": ("{is: enterprise}", "{is: smb, at: 1}", "it was enterprise"),
    "status": ("{is: nurture, within: 1h}", "{is: re_engaged, within: 6mo}", "only ever nurture"),
    "phase": ("{is: cool_down, at: rejected}", "{is: handoff, at: 10d}", "it was cool down"),
    "score": ("{of: intent, least: 20, at: 1}", "{of: fit, most: 50}", "it was 90"),
    "audience": ("{id: high_intent, at: 3d}", "{id: high_intent, member: true, at: 1d}", "it was not so"),
}


def scenario(text: str) -> Scenario:
    return Scenario.model_validate(yaml.safe_load(text))


def directory(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "tests").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "tests" / f"{name}.yaml").write_text(text)
    return tmp_path


def results(tmp_path: Path, text: str):
    read = read_scenarios(directory(tmp_path, all=text), minimal_compiled())
    assert not read.problems, [str(one) for one in read.problems]
    return list(run(minimal_compiled(), read.scenarios))


def verdict(tmp_path: Path, text: str):
    ((one,),) = [result.verdicts for result in results(tmp_path, text)]
    return one


def problems(tmp_path: Path, text: str, **more: str) -> list[str]:
    return [str(one) for one in read_scenarios(directory(tmp_path, all=text, **more), minimal_compiled()).problems]


# --- what may be expected ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", EXPECTATIONS)
def test_an_expectation_that_is_met_holds(key, tmp_path):
    met, _, _ = EXPECTATIONS[key]

    assert verdict(tmp_path, f"{LIFE}  - {key}: {met}\n").held


@pytest.mark.parametrize("key", EXPECTATIONS)
def test_one_that_is_not_met_says_what_happened_instead_and_shows_decisions(key, tmp_path):
    _, unmet, instead = EXPECTATIONS[key]

    found = verdict(tmp_path, f"{LIFE}  - {key}: {unmet}\n")

    assert instead in found.instead
    assert 1 <= len(found.near) <= 4


def test_no_kind_of_expectation_is_left_out_here_or_on_the_page():
    elsewhere = {"does_not_end", "length", "situation"}

    assert set(Expectation.model_fields) == {*EXPECTATIONS, *elsewhere}
    assert set(re.findall(r"^  - (\w+):", PAGE.read_text(), re.MULTILINE)) >= set(Expectation.model_fields)


def test_a_journey_that_goes_on_does_not_end(tmp_path):
    text = "scenario: Goes on\nuntil: {}\nexpect:\n  - does_not_end: true\n"

    assert verdict(tmp_path, text.format("30d")).held
    assert "ended on day" in verdict(tmp_path, text.format("12mo")).instead


def test_lengths_and_situations_are_asked_of_the_playbook_as_it_is_then(tmp_path):
    document = minimal_compiled().document
    data = document.model_dump(mode="json") | {
        "lengths": [{"id": "short", "preset": "smb", "when": "lead.employees < 100"}, {"id": "long", "limit": "300d"}],
        "situations": [{"id": "waiting", "label": "Waits", "when": "days.quiet >= 20"}],
    }
    playbook = type(minimal_compiled())(type(document).model_validate(data))
    text = """
scenario: Quiet for three weeks
lead: {fields: {employees: 50}}
expect:
  - length: {is: short}
  - length: {is: long}
  - situation: {is: waiting, at: 10d}
  - situation: {is: waiting, at: 10d, holds: false}
  - situation: {is: waiting, at: 25d}
until: 30d
"""
    read = read_scenarios(directory(tmp_path, all=text), playbook)
    (result,) = run(playbook, read.scenarios)

    assert [one.held for one in result.verdicts] == [True, False, False, True, True]
    assert result.verdicts[1].instead.startswith("it was short")


def test_a_moment_that_never_came_fails_and_says_so(tmp_path):
    found = verdict(tmp_path, f"{LIFE}  - sends: {{asset: guide, after: letter}}\n")

    assert found.instead == "letter never happened"


def test_how_often_something_is_sent_may_be_bounded(tmp_path):
    mails = "{{channel: email, count: {{least: {}, most: {}}}}}"

    assert verdict(tmp_path, f"{LIFE}  - sends: {mails.format(2, 20)}\n").held
    assert verdict(tmp_path, f"{LIFE}  - sends: {mails.format(1, 1)}\n").instead.startswith("sent hidden-cost")


# --- what may happen -----------------------------------------------------------------------------------------------


def lived(events: str, until: str = "30d", **more: str) -> Life:
    extra = "".join(f"{key}: {value}\n" for key, value in more.items())
    text = f"scenario: What happens\nevents: [{events}]\nuntil: {until}\n{extra}expect: [{{does_not_end: true}}]\n"
    return Life(minimal_compiled(), course(scenario(text)))


def test_answers_fill_the_profile_and_count_as_behaviour():
    life = lived("{at: 3d, answers: {employees: 500}}")

    assert life.steps[-1].facts.lead.fields["employees"] == 500
    assert [one.name for step in life.steps for one in step.arrived] == ["Question Answered"]
    assert life.last.decision.state.segment == "enterprise"


def test_a_colleague_turns_up():
    life = lived("{at: 3d, account: {active_leads_30d: 2}}")

    assert [step.facts.account.active_leads_30d for step in life.steps if step.decision.at.day in {3, 5}] == [0, 2]


def test_what_happened_before_the_start_is_history():
    life = lived("{at: -3d, page: /pricing}, {at: -2d, identify: {role: coo}}")

    first = life.steps[0]
    assert [one.name for one in life.course.entry.behaviours] == ["/pricing", "identify"]
    assert first.arrived == ()
    assert first.decision.state.cursor == 2
    assert first.facts.lead.fields == {"role": "coo"}


def test_what_happens_several_times_is_written_once():
    life = lived("{at: 2d, page: /customers/a, times: 3, every: 12h}")

    times = [one.at - life.start for step in life.steps for one in step.arrived]
    assert times == [timedelta(days=2), timedelta(days=2.5), timedelta(days=3)]


def test_an_operator_pauses_and_resumes():
    life = lived("{at: 12h, command: pause}, {at: 20d, command: resume}")

    sent = [step.decision.at - life.start for step, _ in life.sent]
    assert min(sent) >= timedelta(days=20)


def test_an_answer_of_sales_that_nobody_asked_for_is_noted(tmp_path):
    text = "scenario: Too early\nevents:\n  - {at: 1d, sales: accepted}\nexpect: [{no_handoff: {}}]\n"

    (result,) = results(tmp_path, text)

    assert result.held
    assert result.notes == ((3, "accepted comes to nothing: no handoff is open"),)


def test_every_kind_of_event_is_on_the_page():
    written = set(re.findall(r"^  - \{at: [^,]+, (\w+):", PAGE.read_text(), re.MULTILINE))

    assert written == set(KINDS)


def test_the_page_holds_scenarios_of_the_right_shape():
    page = PAGE.read_text().partition("## In CI")[0]
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    whole = {"scenario": "What the page shows", "expect": [{"does_not_end": True}]}

    assert len(blocks) >= 3
    for block in blocks:
        Scenario.model_validate(whole | block)


# --- files ---------------------------------------------------------------------------------------------------------


def test_one_file_holds_several_scenarios_each_with_its_lines(tmp_path):
    first = "# the first\nscenario: One thing\nexpect: [{does_not_end: true}]\n"
    text = f"{first}---\n\nscenario: Another\nexpect:\n  - no_touch: {{}}\n"

    read = read_scenarios(directory(tmp_path, several=text), minimal_compiled())

    assert [one.scenario.scenario for one in read.scenarios] == ["One thing", "Another"]
    assert [one.line("expect", 0) for one in read.scenarios] == [3, 8]


def test_a_lead_is_like_another_but_for_what_is_said(tmp_path):
    (tmp_path / "tests" / "leads").mkdir(parents=True)
    (tmp_path / "tests" / "leads" / "coo.yaml").write_text(
        "country: US\nfields: {role: coo, employees: 900}\naccount: {active_leads_30d: 3}\n"
    )
    text = "scenario: Like one\nlead: {like: leads/coo.yaml, fields: {employees: 5}}\nexpect: [{does_not_end: true}]\n"

    (placed,) = read_scenarios(directory(tmp_path, one=text), minimal_compiled()).scenarios

    assert placed.scenario.lead.country == "US"
    assert placed.scenario.lead.fields == {"role": "coo", "employees": 5}
    assert placed.scenario.account.active_leads_30d == 3


@pytest.mark.parametrize(
    ("line", "place", "rule", "words"),
    [
        ("lead: {fields: {rol: coo}}", "2:17", "reference", "no lead field “rol”; did you mean “role”?"),
        ("lead: {fields: {employees: many}}", "2:28", "value", "“employees” must be a whole number"),
        ("lead: {timezone: Mars/Base}", "2:18", "value", "is not a time zone"),
        ("lead: {like: nobody.yaml}", "2:14", "lead", "tests/nobody.yaml:1:1: can't be read"),
        ("evnts: []", "2:1", "unknown-key", "did you mean “events”?"),
        ("events: [{at: 3, page: /a}]", "2:15", "value", "write it with a unit"),
        ("events: [{at: 3d}]", "2:10", "value", "exactly one of page, track"),
        ("events: [{at: 3d, page: /a, track: B}]", "2:10", "value", "not page and track"),
        ("events: [{at: 3d, sales: rejected}]", "2:10", "value", "one of these reasons"),
        ("events: [{at: 13mo, page: /pricing}]", "2:15", "time", "after the scenario's end"),
        ("events: [{at: -1d, command: pause}]", "2:15", "time", "there is no journey yet"),
        ("events: [{at: 1d, command: force_stage, stage: reserch}]", "2:41", "reference", "did you mean “research”?"),
        ("variants: {subject: b}", "2:12", "reference", "no experiment “subject”"),
        ("expect: [{sends: {asset: guid}}]", "2:19", "reference", "did you mean “guide”?"),
        ("expect: [{sends: {step: trigger-on-pricin}}]", "2:19", "reference", "did you mean “trigger-on-pricing”?"),
        ("expect: [{handoff: {rule: red}}]", "2:21", "reference", "no rule “red”; did you mean “ready”?"),
        ("expect: [{handoff: {after: pricing_vist}}]", "2:21", "reference", "did you mean “pricing_visit”?"),
        ("expect: [{handoff: {after: 3}}]", "2:21", "reference", "there is no event 3: 0 are written"),
        ("expect: [{stage: {is: research, at: 2y}}]", "2:33", "reference", "nothing is called “2y”"),
        ("expect: [{stage: {is: research, at: 13mo}}]", "2:37", "time", "after the scenario's end"),
        ("expect: [{stage: {is: research, at: 1d, within: 2d}}]", "2:18", "value", "keep one"),
        ("expect: [{stage: {is: late}}]", "2:23", "value", "is none of problem_awareness"),
        ("expect: [{audience: {id: high}}]", "2:22", "reference", "no audience “high”"),
        ("expect: [{sends: {}, no_touch: {}}]", "2:10", "value", "exactly one key"),
        ("expect: [{send: {asset: guide}}]", "2:11", "unknown-key", "did you mean “sends”?"),
        ("expect: []", "2:9", "value", "needs at least 1"),
        (f"events: [{', '.join(['{at: 1d, page: /a, times: 500}'] * 5)}]", "2:9", "value", "2,500 things happen"),
        ("until: soon", "2:8", "value", "months are 12mo"),
    ],
)
def test_what_is_wrong_is_named_at_its_place(line, place, rule, words, tmp_path):
    more = "" if line.startswith("expect") else "\nexpect: [{does_not_end: true}]"

    found = problems(tmp_path, f"scenario: Broken\n{line}{more}\n")

    assert [one.split(": ")[0] for one in found] == [f"tests/all.yaml:{place}"], found
    assert f": {rule}: " in found[0]
    assert words in found[0]


def test_an_event_that_means_nothing_to_the_playbook_is_a_warning(tmp_path):
    text = "scenario: Misspelt\nevents: [{at: 1d, track: Meeting Boked}]\nexpect: [{does_not_end: true}]\n"

    (found,) = problems(tmp_path, text)

    assert "warning: the playbook names no behaviour for “Meeting Boked”; did you mean “Meeting Booked”?" in found


def test_every_broken_scenario_is_told_and_the_others_run(tmp_path):
    good = "scenario: Good\nexpect: [{does_not_end: true}]\n"
    bad = "scenario: Bad\nexpect: [{sends: {asset: nothing}}]\n"

    read = read_scenarios(
        directory(tmp_path, a=f"{bad}---\n{good}---\n{bad}", b="- 1\n", c="# empty\n"), minimal_compiled()
    )

    assert [one.scenario.scenario for one in read.scenarios] == ["Good"]
    assert [(one.file, one.line) for one in read.problems] == [
        ("tests/a.yaml", 2),
        ("tests/a.yaml", 8),
        ("tests/b.yaml", 1),
        ("tests/c.yaml", 1),
    ]


@pytest.mark.parametrize(("text", "days"), [("3d", 3), ("12mo", 360), ("1mo15d", 45), ("36h", 1.5), ("P2D", 2)])
def test_spans_know_months(text, days):
    assert parse_span(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["", "soon", "3", "mo", "9999mo", "1.5d"])
def test_other_spans_are_refused(text):
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_span(text)
