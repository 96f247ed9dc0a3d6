"""`tendril playbook test` reports like a test runner: what failed, where, what happened instead, and why."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook_dir

HOLDS = """scenario: A competitor is turned away
lead: {email: someone@competitor.example}
expect:
  - ends: {as: disqualified, reason: competitor, within: 1m}
  - never_sends: {}
"""
FAILS = """scenario: Pricing is answered within the hour
lead: {timezone: Europe/Berlin}
events: [{at: 2d, page: /pricing}]
expect:
  - sends: {asset: pricing-answers, within: 30m, after: /pricing}
  - stage: {is: comparison, at: /pricing}
"""
BROKEN = "scenario: Broken\nexpect:\n  - sends: {asset: pricing-answer}\n"


@pytest.fixture
def tendril(tmp_path: Path) -> Terminal:
    """A terminal without a database: none is needed."""
    return Terminal("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    copy = tmp_path / "mine"
    shutil.copytree(minimal_playbook_dir(), copy)
    (copy / "tests").mkdir()
    return copy


def write(playbook: Path, **files: str) -> Path:
    for name, text in files.items():
        (playbook / "tests" / f"{name}.yaml").write_text(text)
    return playbook


async def test_scenarios_that_hold_pass(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, one=HOLDS, two=f"{HOLDS}---\n{HOLDS}"))

    assert "tests/one.yaml .\n" in answer.out
    assert "tests/two.yaml ..\n" in answer.out
    assert "3 scenarios, 6 expectations; all held" in answer.out


async def test_a_failure_names_place_expectation_what_happened_and_the_decisions_nearby(
    tendril: Terminal, playbook: Path
):
    answer = await tendril("playbook", "test", write(playbook, pricing=FAILS), code=1)

    said = " ".join(answer.out.split())
    assert "FAIL Pricing is answered within the hour" in said
    assert f"{playbook}/tests/pricing.yaml:5" in answer.out
    assert "expected sends pricing-answers within 30m after /pricing" in said
    assert "instead sent pricing-answers on day 2 (Wed 4 Mar, 11:00 UTC)" in said
    assert "not pricing-answers: its time has not come [gap], until Wed 04 Mar 11:00 UTC" in said
    assert "1 failed (1 expectation)" in said


async def test_every_expectation_is_told_when_asked(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, pricing=FAILS), "--verbose", code=1)

    assert "FAIL  sends pricing-answers within 30m after /pricing" in answer.out
    assert "ok  stage is comparison at /pricing" in answer.out


async def test_one_scenario_can_be_chosen(tendril: Terminal, playbook: Path):
    write(playbook, one=HOLDS, pricing=FAILS)

    assert "1 scenario, 2" in (await tendril("playbook", "test", playbook, "--only", "COMPETITOR")).out
    missed = await tendril("playbook", "test", playbook, "--only", "competitors", code=1)
    assert "No scenario has “competitors”" in missed.err
    assert "“A competitor is turned away”" in missed.err


async def test_a_broken_file_is_told_with_file_line_and_column_and_the_others_run(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, broken=BROKEN, one=HOLDS), code=1)

    assert f"{playbook}/tests/broken.yaml:3:13: reference: " in answer.out
    assert "did you mean “pricing-answers”?" in answer.out
    assert "1 scenario, 2 expectations; all held; 1 problem in the files" in answer.out


async def test_nothing_is_said_to_hold_where_nothing_ran(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, broken=BROKEN), code=1)

    assert "no scenario was run; 1 problem in the files" in answer.out
    assert "all held" not in answer.out


async def test_a_start_without_a_zone_is_told_how_to_write_one(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, one=f"start: 2026-04-03\n{HOLDS}"), code=1)

    assert "tests/one.yaml:1:8: value: “start”: “2026-04-03” has no time zone: write 2026-03-02T10:00:00Z" in answer.out


async def test_a_playbook_without_tests_is_told_where_to_write_them(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", playbook, code=1)

    assert "has no tests" in answer.err
    assert "tests/NAME.yaml" in answer.err


async def test_a_broken_playbook_is_sent_to_check(tendril: Terminal, playbook: Path):
    (playbook / "playbook.yaml").write_text("name: x\n")

    assert "tendril playbook check" in (await tendril("playbook", "test", write(playbook, a=HOLDS), code=1)).err


async def test_programs_get_json(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, pricing=FAILS, broken=BROKEN), "--json", code=1)

    assert answer.json["total"] == answer.json["failed"] == 1
    (item,) = answer.json["items"]
    assert [one["held"] for one in item["expectations"]] == [False, True]
    assert item["expectations"][0]["line"] == 5
    assert answer.json["problems"][0]["rule"] == "reference"


async def test_pull_requests_get_annotations(tendril: Terminal, playbook: Path):
    answer = await tendril(
        "playbook", "test", write(playbook, pricing=FAILS, broken=BROKEN), "--format", "github", code=1
    )

    broken, failed, summary = answer.out.splitlines()
    assert broken.startswith("::error file=")
    assert f"{playbook.name}/tests/broken.yaml,line=3,col=13,title=reference::" in broken
    assert f"{playbook.name}/tests/pricing.yaml,line=5,col=1,title=Pricing is answered" in failed
    assert "1 failed" in summary


async def test_ci_servers_get_junit(tendril: Terminal, playbook: Path):
    answer = await tendril(
        "playbook", "test", write(playbook, pricing=FAILS, broken=BROKEN, one=HOLDS), "--format", "junit", code=1
    )

    suite = ET.fromstring(answer.out)  # noqa: S314 - we have just written it
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    assert [case.get("name") for case in suite] == [
        "A competitor is turned away",
        "Pricing is answered within the hour",
        "reference",
    ]


async def test_an_answer_to_no_question_is_warned_about(tendril: Terminal, playbook: Path):
    text = "scenario: Too early\nevents: [{at: 1d, sales: accepted}]\nexpect: [{no_handoff: {}}]\n"

    answer = await tendril("playbook", "test", write(playbook, early=text))

    assert f"{playbook}/tests/early.yaml:2: warning: accepted comes to nothing: no handoff is open" in answer.out


async def test_nothing_is_coloured_where_there_is_no_terminal(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "test", write(playbook, pricing=FAILS), "-v", code=1)

    assert "\x1b" not in answer.out
    assert max(map(len, answer.out.splitlines())) <= 100
    assert json.dumps(answer.err) == '""'
