"""Leads and journeys are listed with totals, shown, and explained in words."""

from datetime import UTC, datetime

import pytest

from domain.facts import FieldValue
from storage import deployment, permission
from storage.database import Database
from storage.inbox import NewBehaviour, accept
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.usefixtures("playbook")


async def enrolled(database: Database, number: int, **fields: FieldValue) -> str:
    profile = LeadInput(external_id=f"crm-{number}", email=f"lead{number}@company{number}.example", fields=fields)
    return (await upsert(database, profile, datetime.now(UTC))).lead_id


async def test_leads_are_listed_with_their_total(tendril: Terminal, database: Database):
    for number in range(1, 6):
        await enrolled(database, number)

    page = (await tendril("leads", "list", "--limit", "2", "--json")).json
    everything = (await tendril("leads", "list", "--all", "--json")).json
    found = (await tendril("leads", "list", "--search", "company3", "--json")).json

    assert (page["total"], len(page["items"])) == (5, 2)
    assert (everything["total"], len(everything["items"])) == (5, 5)
    assert [lead["external_id"] for lead in found["items"]] == ["crm-3"]


async def test_a_table_says_when_there_is_more(tendril: Terminal, database: Database):
    await enrolled(database, 1)
    await enrolled(database, 2)

    said = (await tendril("leads", "list", "--limit", "1")).out

    assert "External id" in said
    assert "1 of 2" in said


async def test_a_lead_is_shown_by_any_of_its_names(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1, role="cfo")

    for name in (lead, "crm-1", "lead1@company1.example"):
        assert (await tendril("leads", "show", name, "--json")).json["id"] == lead
    assert "fields.role" in (await tendril("leads", "show", lead)).out


async def test_the_story_tells_where_why_what_happened_and_what_comes_next(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1, role="cfo", employees=400)
    visit = NewBehaviour(
        message_id="m1", kind="page", name="/customers/orchard", occurred_at=datetime.now(UTC), lead_id=lead
    )
    await accept(database, [visit], datetime.now(UTC))
    decisions = await live(database, lead, days=30)

    story = (await tendril("journeys", "explain", lead)).out

    assert story.startswith(f"Lead {lead}, crm-1, lead1@company1.example")
    assert "Status nurture, phase nurture, segment Enterprise." in story
    assert "+40 decision-maker" in story
    assert "page /customers/orchard" in story
    places = [story.index(f"decision {decision.state.number}, ") for decision in decisions]
    assert places == sorted(places)
    assert len(places) > 2
    assert f"because {decisions[0].reasons[0].text}" in story
    assert decisions[-1].next_wake is not None
    assert f"Next: {decisions[-1].next_wake.at:%Y-%m-%d %H:%M}, {decisions[-1].next_wake.cause}" in story
    sent = [touch.key for decision in decisions for touch in decision.send]
    assert sent
    assert all(key in story for key in sent)
    assert "What would move it forward:" in story


async def test_what_was_considered_and_not_done_is_in_the_story(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1)
    decisions = await live(database, lead, days=60)
    rejected = [rejected for decision in decisions for rejected in decision.rejected]
    assert rejected, "nothing was rejected in this life: choose another"

    story = (await tendril("journeys", "explain", lead)).out

    assert f"not {rejected[0].what}: {rejected[0].why} [{rejected[0].rule}]" in story


async def test_an_ended_journey_says_how_it_ended(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1)
    await permission.suppress(database, "lead1@company1.example", "complained", "test", datetime.now(UTC))
    await live(database, lead, days=1)

    story = (await tendril("journeys", "explain", lead)).out

    assert "complained" in story
    assert "Nothing more happens by itself." in story


async def test_a_lead_that_has_not_decided_yet_says_so(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1)

    story = (await tendril("journeys", "explain", lead)).out

    assert "has not decided yet" in story


async def test_the_story_as_json_holds_the_decisions(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1)
    decisions = await live(database, lead, days=10)

    view = (await tendril("journeys", "explain", lead, "--json")).json

    assert view["lead"]["id"] == lead
    assert len(view["decisions"]) == len(decisions)
    assert view["next_wake"]["cause"]


async def test_journeys_are_listed_by_filter(tendril: Terminal, database: Database):
    big, small = await enrolled(database, 1, employees=400), await enrolled(database, 2, employees=4)
    for lead in (big, small):
        await live(database, lead, days=1)

    everyone = (await tendril("journeys", "list", "--json")).json
    enterprise = (await tendril("journeys", "list", "--segment", "enterprise", "--in-flight", "--json")).json
    ended = (await tendril("journeys", "list", "--ended", "--json")).json

    assert everyone["total"] == len(everyone["items"]) == 2
    assert [journey["lead_id"] for journey in enterprise["items"]] == [big]
    assert ended == {"total": 0, "items": []}
    assert big in (await tendril("journeys", "list", "--status", "nurture")).out


async def test_an_unknown_lead_is_one_line_with_a_remedy(tendril: Terminal):
    answer = await tendril("journeys", "explain", "ld_nobody", code=1)

    assert answer.err == "tendril: There is no lead ld_nobody. `tendril leads list --search TEXT` finds leads.\n"


async def test_a_scaled_clock_is_named_beside_times(tendril: Terminal, database: Database):
    lead = await enrolled(database, 1)
    await deployment.set_clock(database, 86400, datetime.now(UTC))

    assert "a day a second" in (await tendril("journeys", "explain", lead)).out
    assert "a day a second" in (await tendril("journeys", "list")).err
    assert "a day a second" in (await tendril("leads", "list")).err
