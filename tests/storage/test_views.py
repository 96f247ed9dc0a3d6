"""What people look at, and the small stores: views, handoffs, keys, playbooks, clock, dead letters."""

from datetime import timedelta

import pytest

from domain.decision import Decision, OpenHandoff, Reason, SendTouch, Wake
from domain.errors import NotFound, Refused
from domain.state import JourneyState
from domain.words import Channel
from storage import dead_letters, handoffs, views
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import LeadInput, upsert
from storage.views import JourneyFilters
from tests.storage.samples import NOW, applied, enrolled, event


async def _handed_over(db: Database) -> str:
    """A lead with one decision that sent an e-mail and opened a handoff."""
    playbook = await applied(db)
    lead = await enrolled(db)
    await accept(db, [event("1", lead_id=lead)], NOW)
    begun = JourneyState.begin(lead, 1, playbook, NOW)
    decision = Decision(
        state=begun.model_copy(update={"number": 1}),
        at=NOW,
        title="Handed over",
        send=(SendTouch(key=f"{lead}/1/0/hello", channel=Channel.EMAIL, step="hello"),),
        open_handoff=OpenHandoff(id=f"{lead}-1-1", reason="ready", sla_at=NOW, brief={"why": "asked"}),
        reasons=(Reason(rule="ready", text="Asked for a demo"),),
        next_wake=Wake(at=NOW + timedelta(days=1), cause="SLA"),
    )
    await PgJourneys(db).record(begun, decision, "enrolled", ["enrolled"])
    return lead


async def test_a_journey_is_shown_whole(database: Database):
    lead = await _handed_over(database)
    view = await views.journey_view(database, lead)
    assert (view["lead_id"], view["cycle"], view["status"], view["suppressed"]) == (lead, 1, "new", "")
    assert view["next_wake"] == {"at": NOW + timedelta(days=1), "cause": "SLA"}
    assert [reason["text"] for reason in view["reasons"]] == ["Asked for a demo"]
    assert [touch["status"] for touch in view["touches"]] == ["planned"]
    assert [handoff["brief"] for handoff in view["handoffs"]] == [{"why": "asked"}]
    assert [decision["title"] for decision in view["decisions"]] == ["Handed over"]
    assert [behaviour["name"] for behaviour in view["behaviours"]] == ["/pricing"]
    assert [cycle["cycle"] for cycle in view["cycles"]] == [1]


async def test_a_journey_not_decided_yet_is_shown_too(database: Database):
    await applied(database)
    view = await views.journey_view(database, await enrolled(database))
    assert (view["next_wake"], view["reasons"], view["scores"], view["decisions"]) == (None, [], {}, [])


async def test_no_journey_and_no_lead_are_told_apart(database: Database):
    lead = (await upsert(database, LeadInput(external_id="x"), NOW, enrol=False)).lead_id
    with pytest.raises(NotFound, match="has no journey"):
        await views.journey_view(database, lead)
    with pytest.raises(NotFound, match="There is no lead"):
        await views.journey_view(database, "ld_nobody")


async def test_journeys_are_paged_without_gap_or_repetition(database: Database):
    await applied(database)
    made = [await enrolled(database, f"lead{number}@acme.example") for number in range(7)]
    await database.pool.execute("update journey set status = 'nurture' where lead_id = any($1)", made[:5])
    seen, cursor = [], None
    while True:
        items, cursor, total = await views.list_journeys(database, JourneyFilters(status="nurture"), cursor, 2)
        seen += [item["lead_id"] for item in items]
        if cursor is None:
            break
    assert (sorted(seen), total) == (sorted(made[:5]), 5)
    assert (await views.list_journeys(database, JourneyFilters(ended=True)))[2] == 0


@pytest.mark.parametrize("cursor", ["nonsense", "%%%", "YWJj", "é"])
async def test_a_foreign_cursor_is_refused(database: Database, cursor: str):
    with pytest.raises(Refused, match="cursor"):
        await views.list_journeys(database, cursor=cursor)


async def test_counts_and_last_decisions_sum_up(database: Database):
    lead = await _handed_over(database)
    counts = await views.counts(database)
    assert counts["journeys"]["status"] == {"new": 1}
    assert counts["journeys"]["stage"] == {"problem_awareness": 1}
    assert (counts["touches"], counts["handoffs"], counts["wakes"]) == ({"email": {"planned": 1}}, {"open": 1}, 1)
    (last,) = await views.last_decisions(database, 10)
    assert (last["lead_id"], last["title"], last["at"]) == (lead, "Handed over", NOW)


async def test_handoffs_are_listed_by_status(database: Database):
    lead = await _handed_over(database)
    items, total = await handoffs.list_handoffs(database, status="open")
    assert ([item.id for item in items], total) == ([f"{lead}-1-1"], 1)
    assert (await handoffs.list_handoffs(database, status="accepted"))[1] == 0
    assert (await handoffs.get(database, f"{lead}-1-1")).lead_id == lead
    with pytest.raises(NotFound):
        await handoffs.get(database, "nonsense")


async def test_dead_letters_are_kept_whole(database: Database):
    await dead_letters.add(database, "webhook", "not an event", ["odd"], NOW)
    (letter,), total = await dead_letters.newest(database)
    assert (letter.source, letter.reason, letter.body, total) == ("webhook", "not an event", {"body": ["odd"]}, 1)
