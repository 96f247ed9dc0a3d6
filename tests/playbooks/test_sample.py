"""The bundled sample is invented, well formed, and tells the whole story of the default playbook."""

import json
from collections import Counter
from zoneinfo import available_timezones

import pytest

from authoring.load import load_playbook
from domain.decision import Decision
from domain.playbook.compiled import CompiledPlaybook
from domain.words import Channel, DisqualifyReason, Ending, Phase, RejectReason
from tests.playbooks.sample_story import Row, behaviour_of, journey, rows
from tests.playbooks.test_shipped_playbooks import PLAYBOOKS

LEADS, SCRIPT, SELLERS = rows("leads.csv"), rows("behaviour.csv"), rows("sellers.csv")
Story = dict[str, list[Decision]]


def of(lead: Row, table: list[Row]) -> list[Row]:
    return [row for row in table if row["lead"] == lead["external_id"]]


@pytest.fixture(scope="module")
def playbook() -> CompiledPlaybook:
    return CompiledPlaybook(load_playbook(PLAYBOOKS / "b2b-saas"))


@pytest.fixture(scope="module")
def story(playbook: CompiledPlaybook) -> Story:
    """Lead → its decisions, each lead for itself."""
    return {lead["external_id"]: journey(playbook, lead, of(lead, SCRIPT), of(lead, SELLERS)) for lead in LEADS}


def test_about_sixty_leads_with_addresses_that_cannot_exist():
    assert 55 <= len(LEADS) <= 65
    assert all(lead["email"].endswith(".example") for lead in LEADS)
    for column in ("external_id", "email", "anonymous_id"):
        assert len({lead[column] for lead in LEADS}) == len(LEADS), column


def test_every_row_names_a_lead_and_is_well_formed():
    known = {lead["external_id"] for lead in LEADS}
    assert {row["lead"] for row in SCRIPT + SELLERS} <= known
    assert {row["type"] for row in SCRIPT} <= {"page", "track", "command"}
    assert all(isinstance(json.loads(row["properties"] or "{}"), dict) for row in SCRIPT)
    assert [float(row["day"]) for row in SCRIPT] == sorted(float(row["day"]) for row in SCRIPT)
    assert min(float(row["day"]) for row in SCRIPT) >= 0
    assert {row["reason"] for row in SELLERS if row["answer"] == "reject"} <= set(RejectReason)


def test_zones_and_sizes_are_mixed():
    zones = {lead["timezone"] for lead in LEADS if lead["timezone"]}
    assert zones <= available_timezones()
    assert len(zones) >= 10
    sizes = {int(lead["employees"]) for lead in LEADS if lead["employees"]}
    assert min(sizes) < 10
    assert max(sizes) > 5000


def test_every_behaviour_is_one_that_the_playbook_names(playbook: CompiledPlaybook):
    scripted = [row for row in SCRIPT if row["type"] != "command"]
    assert all(playbook.matcher.hits([behaviour_of(row, 1)]) for row in scripted)


def test_journeys_end_in_every_way_a_newcomer_should_see(story: Story):
    endings = Counter(decisions[-1].state.ending for decisions in story.values())
    assert endings[Ending.SALES_ACCEPTED] >= 12
    assert endings[Ending.SUNSET] >= 10
    assert endings[Ending.OPTED_OUT] >= 3
    assert endings[Ending.DISQUALIFIED] >= 8
    reasons = {d[-1].state.ending_reason for d in story.values() if d[-1].state.ending is Ending.DISQUALIFIED}
    assert {DisqualifyReason.COMPETITOR, DisqualifyReason.VENDOR, DisqualifyReason.JOB_APPLICANT} <= reasons


def test_sales_accepts_rejects_and_forgets(story: Story):
    closed = [d.resolve_handoff for decisions in story.values() for d in decisions if d.resolve_handoff is not None]
    outcomes = Counter(handoff.outcome for handoff in closed)
    assert outcomes["accepted"] >= 12
    assert outcomes["rejected"] >= 6
    assert outcomes["expired"] >= 3
    second = [d for d in story.values() if d[-1].state.ending is Ending.SALES_ACCEPTED and d[-1].state.handoffs > 1]
    assert second, "somebody is rejected first and accepted later"


def test_handoffs_come_by_score_by_behaviour_and_at_the_door(story: Story):
    why = Counter(d.open_handoff.reason for decisions in story.values() for d in decisions if d.open_handoff)
    assert {"Booked a meeting", "Wrote to us", "Uses the trial actively", "ready for sales at entry"} <= set(why)
    assert "Fits well and shows strong interest" in why
    assert any("must look at the record" in reason for reason in why)


def test_some_fall_silent_and_come_back(story: Story):
    back = [d for d in story.values() if any(one.state.reengagements for one in d)]
    assert len(back) >= 4
    assert any(decisions[-1].state.ending is Ending.SALES_ACCEPTED for decisions in back)


def test_every_stage_and_every_asset_is_seen(playbook: CompiledPlaybook, story: Story):
    decisions = [decision for each in story.values() for decision in each]
    assert {d.state.stage for d in decisions} == set(playbook.stages)
    assert {touch.asset for d in decisions for touch in d.send} - {""} == set(playbook.document.assets)
    assert {touch.channel for d in decisions for touch in d.send} == set(Channel)


def test_nobody_who_declined_gets_mail_and_nobody_gets_an_asset_twice(story: Story):
    for lead in LEADS:
        sent = [touch for decision in story[lead["external_id"]] for touch in decision.send]
        assets = [touch.asset for touch in sent if touch.asset]
        assert len(assets) == len(set(assets))
        if lead["do_not_email"] == "yes":
            assert Channel.EMAIL not in {touch.channel for touch in sent}


def test_nobody_is_left_behind(story: Story):
    for decisions in story.values():
        last = decisions[-1]
        assert last.state.phase is Phase.ENDED or last.next_wake is not None
