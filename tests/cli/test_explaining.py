"""On call at nine in the evening: why a lead is where it is, as of any moment, and why something was not sent."""

from datetime import UTC, datetime, timedelta

import pytest

from storage import permission, retractions
from storage.database import Database
from storage.inbox import NewBehaviour, accept
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.usefixtures("playbook")
BEGAN = datetime.now(UTC) - timedelta(days=40)


def _day(number: float) -> datetime:
    return BEGAN + timedelta(days=number)


@pytest.fixture
async def lead(database: Database) -> str:
    """A lead who has lived forty days: looked at a customer's story on the first, which was retracted on the thirtieth,
    and complained on the thirty-first.
    """
    profile = LeadInput(email="ann@acme.example", fields={"role": "cfo", "employees": 400})
    lead = (await upsert(database, profile, BEGAN)).lead_id
    visit = NewBehaviour(message_id="m1", kind="page", name="/customers/orchard", occurred_at=BEGAN, lead_id=lead)
    await accept(database, [visit], BEGAN)
    await live(database, lead, days=29, start=BEGAN)
    await retractions.retract(database, ["m1"], "ann", "a scanner", _day(30))
    await permission.suppress(database, "ann@acme.example", "complained", "test", _day(31))
    return lead


async def _decisions(database: Database, lead: str) -> list[datetime]:
    rows = await database.pool.fetch("select at from decision where lead_id = $1 order by number", lead)
    return [row["at"] for row in rows]


async def test_the_story_as_of_then_knows_nothing_of_what_came_later(tendril: Terminal, database: Database, lead: str):
    second = (await _decisions(database, lead))[1]

    then = (await tendril("journeys", "explain", lead, "--at", f"{second:%Y-%m-%dT%H:%M:%S.%f}")).out
    now = (await tendril("journeys", "explain", lead)).out

    assert "Decision 2 was in force." in then
    assert "page /customers/orchard\n" in then
    assert "decision 3, " not in then
    for later in ("retracted", "complained", "scanner"):
        assert later not in then.partition("What can't be told")[0], later
        assert later in now, later
    assert then.partition("What can't be told")[0].count("decision 2, ") == 1


async def test_the_moment_is_a_time_an_age_or_a_decision(tendril: Terminal, lead: str):
    by_number = (await tendril("journeys", "explain", lead, "--decision", "1", "--json")).json
    by_age = (await tendril("journeys", "explain", lead, "--at", "39d ago", "--json")).json

    assert by_number["as_of"]["decision"] == {"number": 1, "revision": 1}
    assert by_age["decision_number"] >= 1
    for wrong, said in (
        (("--at", "yesterdayish"), "is no moment: write 2026-03-05"),
        (("--at", "2199-01-01"), "is still to come"),
        (("--at", "1d ago", "--decision", "1"), "say two moments"),
        (("--at", "50d ago"), "was not known yet"),
    ):
        assert said in (await tendril("journeys", "explain", lead, *wrong, code=1)).err


async def test_why_not_answers_from_the_ledger_and_the_rules(tendril: Terminal, database: Database, lead: str):
    await database.pool.execute("update lead set updated_at = now()")
    sent = (await tendril("journeys", "why-not", lead, "ent-cost", "--json")).json["answers"][0]
    now = (await tendril("journeys", "why-not", lead, "on-pricing", "--json")).json["answers"][0]
    past = (await tendril("journeys", "why-not", lead, "on-pricing", "--at", "20d ago", "--json")).json
    told = (await tendril("journeys", "why-not", lead, "on-pricing", "--at", "20d ago")).out
    then = past["answers"][0]

    assert (sent["verdict"], sent["key"]) == ("sent", f"{lead}/1/0/ent-cost")
    assert now["verdict"] == "suppressed"
    assert then["verdict"] == "not_triggered"
    assert "Conditions are asked about it as it is now." in past["unsure"][0]
    assert all(line in told for line in ("What can't be told:", *past["unsure"]))


async def test_why_not_tells_of_a_touch_that_was_refused(tendril: Terminal, database: Database, lead: str):
    await database.pool.execute("update touch set status = 'refused', reason = 'cap: full' where step = 'ent-cost'")

    told = await tendril("journeys", "why-not", lead, "ent-cost")

    assert f"refused: cap: full  {lead}/1/0/ent-cost" in told.out
    assert "[suppressed]" in told.out


async def test_why_not_tells_what_decisions_said_and_suggests_names(tendril: Terminal, lead: str):
    said = (await tendril("journeys", "why-not", lead, "ent-checklist", "--decision", "2")).out
    unknown = await tendril("journeys", "why-not", lead, "ent-chekclist", code=1)

    assert "ent-checklist (checklist), email, of the track for segment enterprise" in said
    assert "decision 2: checklist: its time has not come [gap], until" in said
    assert unknown.err.strip().endswith("Did you mean 'ent-checklist'?")
