"""`tendril playbook trace` tells one lead's whole story from files, from a scenario, or of an invented lead."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.terminal import Answer, Terminal
from tests.fixtures.playbooks import minimal_playbook_dir

MINIMAL = minimal_playbook_dir()
LEAD = """country: DE
timezone: Europe/Berlin
source: webinar
fields: {role: coo, employees: 400}
"""
EVENTS = [
    {"type": "page", "properties": {"path": "/pricing?plan=big"}, "timestamp": "2026-03-04T09:00:00Z"},
    {"type": "track", "event": "Meeting Booked", "properties": {"with": "ae"}, "timestamp": "8d"},
    {
        "type": "identify",
        "traits": {"employees": 50, "email": "robin@work.example"},
        "timestamp": "2026-03-03T09:00:00Z",
    },
    {"type": "delivery", "event": "clicked", "timestamp": "2026-02-20T09:00:00Z"},
]


@pytest.fixture
def tendril(tmp_path: Path) -> Terminal:
    """A terminal without a database: none is needed."""
    return Terminal("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """A lead and events, as options."""
    (tmp_path / "lead.yaml").write_text(LEAD)
    (tmp_path / "events.ndjson").write_text("\n".join(json.dumps(event) for event in EVENTS) + "\n\n")
    return ("--lead", "lead.yaml", "--events", "events.ndjson", "--start", "2026-03-02T09:00:00Z")


def said(answer: Answer) -> str:
    return " ".join(answer.out.split())


async def test_a_story_is_told_day_by_day_in_the_leads_zone(tendril: Terminal, files):
    story = said(await tendril("playbook", "trace", MINIMAL, *files, "--until", "30d"))

    assert "A lead: DE, Europe/Berlin, from webinar, address at company.example." in story
    assert "Known: role coo, employees 400." in story
    assert "Before the start: clicked." in story
    assert "Wednesday 4 March 2026, day 2" in story
    assert "10:00 page /pricing (path /pricing?plan=big)" in story
    assert "because moves to comparison [stage] (when behaviour.pricing_visit >= 1)" in story
    assert "not pricing-answers: its time has not come until Wed 4 Mar 11:00 [gap]" in story
    assert "next Wed 4 Mar 11:00: next touch: pricing-answers" in story
    assert "sends email pricing-answers [trigger-on-pricing]" in story
    assert "audience joins “High intent”" in story
    assert "Handed to sales: Booked a meeting." in story
    assert "handoff expired" in story
    assert story.index("10:00 page") < story.index("Handed to sales") < story.index("At the end")


async def test_an_identify_completes_the_profile(tendril: Terminal, files):
    story = said(await tendril("playbook", "trace", MINIMAL, *files, "--until", "30d"))

    assert "identify (employees 50" in story
    assert "segment is Small and medium" in story


async def test_without_files_an_invented_lead_lives_a_year(tendril: Terminal):
    story = said(await tendril("playbook", "trace", MINIMAL))

    assert "Known: first_name Robin" in story
    assert "journey ended, sunset: quiet through re-engagement" in story
    assert "touches 4 reached the lead, 0 went to sales" in story


async def test_what_stays_the_same_is_said_once(tendril: Terminal, files):
    story = said(await tendril("playbook", "trace", MINIMAL, *files, "--until", "7d"))

    assert story.count("not pricing-answers: its time") == 1


async def test_every_bad_line_is_named_at_once(tendril: Terminal, tmp_path: Path):
    lines = [
        "nonsense",
        '{"type": "trak", "event": "x", "timestamp": "2d"}',
        "",
        "[]",
        '{"type": "track", "timestamp": "2d"}',
        '{"type": "page"}',
        '{"type": "page", "timestamp": "2026-03-04T09:00:00"}',
        '{"type": "page", "properties": 3, "timestamp": "2d"}',
        '{"type": "page", "timestamp": "2d"}',
    ]
    (tmp_path / "bad.ndjson").write_text("\n".join(lines))

    answer = await tendril("playbook", "trace", MINIMAL, "--events", "bad.ndjson", code=1)

    told = dict(line.split(": ", 1) for line in answer.err.splitlines() if line.startswith("bad.ndjson:"))
    assert list(told) == [f"bad.ndjson:{number}" for number in (1, 2, 4, 5, 6, 7, 8)]
    assert told["bad.ndjson:2"] == "“trak” is no type of event; did you mean “track”?"
    assert "has no time zone" in told["bad.ndjson:7"]
    assert "7 lines are of no use" in answer.err
    assert answer.out == ""


async def test_a_broken_lead_is_named_with_its_place(tendril: Terminal, tmp_path: Path):
    (tmp_path / "lead.yaml").write_text("country: DE\nfields:\n  rol: coo\n")

    answer = await tendril("playbook", "trace", MINIMAL, "--lead", "lead.yaml", code=1)

    assert answer.err == "lead.yaml:3:3: reference: the playbook has no lead field “rol”; did you mean “role”?\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--until", "soon"), "'soon' is not a duration"),
        (("--start", "monday"), "'monday' is not a time"),
        (("--events", "none.ndjson"), "none.ndjson can't be read: No such file"),
        (("--lead", "none.yaml"), "none.yaml:1:1: file: can't be read"),
        (("--scenario", "none.yaml"), "none.yaml:1:1: file: can't be read"),
        (("--scenario", "x.yaml", "--lead", "y.yaml"), "Leave --lead and --events out"),
    ],
)
async def test_what_cannot_be_used_is_said_plainly(tendril: Terminal, options, words):
    answer = await tendril("playbook", "trace", MINIMAL, *options, code=1)

    assert words in answer.err
    assert "Traceback" not in answer.err


async def test_a_scenario_can_be_traced(tendril: Terminal, tmp_path: Path):
    (tmp_path / "two.yaml").write_text(
        "scenario: Quiet\nexpect: [{does_not_end: true}]\n---\n"
        "scenario: Books\nevents: [{at: 1d, track: Meeting Booked}, {at: 2d, sales: rejected, reason: timing}]\n"
        "until: 20d\nexpect: [{handoff: {}}]\n"
    )

    story = said(await tendril("playbook", "trace", MINIMAL, "--scenario", "two.yaml", "--only", "books"))
    unclear = await tendril("playbook", "trace", MINIMAL, "--scenario", "two.yaml", code=1)

    assert "sales says sales reject: timing" in story
    assert "handoff rejected timing" in story
    assert "there is “Quiet”, “Books”. Name one with --only." in unclear.err


async def test_programs_get_every_decision(tendril: Terminal, files):
    story = (await tendril("playbook", "trace", MINIMAL, *files, "--json")).json

    assert story["playbook"] == "minimal"
    assert story["total"] == len(story["items"])
    numbers = [item["decision"]["state"]["number"] for item in story["items"]]
    assert numbers == list(range(1, story["total"] + 1))
    assert [one["name"] for item in story["items"] for one in item["arrived"]][:2] == ["identify", "/pricing"]


async def test_events_after_the_end_are_mentioned(tendril: Terminal, files):
    answer = await tendril("playbook", "trace", MINIMAL, *files, "--until", "5d")

    assert "1 of 4 events come after the end (2026-03-07); --until reaches further." in answer.err


async def test_a_page_of_eighty_columns_is_enough(tendril: Terminal, files, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # Rich then believes in a terminal, and takes its width

    story = (await tendril("playbook", "trace", MINIMAL, *files)).out

    assert "\x1b[" in story
    assert max(map(len, _without_colour(story).splitlines())) <= 80


def _without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


async def test_times_in_the_evidence_are_the_leads_own(tendril: Terminal, files):
    story = said(await tendril("playbook", "trace", MINIMAL, *files[:2], "--start", "2026-03-02T09:00:00Z"))

    assert "quiet for 90 days [re_engagement] (quiet_since 2026-03-02 10:00)" in story
    assert "no content left in re-engagement [exhausted]" in story
