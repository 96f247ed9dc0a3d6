"""Wakes: leased by one relay at a time, forgotten only when nothing more has happened, never lost."""

import asyncio
from datetime import timedelta

import pytest

from domain.decision import Decision
from domain.state import JourneyState
from storage import wakes
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.permission import suppress
from tests.storage.samples import NOW, applied, enrolled, event


@pytest.fixture
async def playbook(database: Database) -> str:
    return await applied(database)


async def _decide(db: Database, lead: str, playbook: str, cursor: int = 0) -> JourneyState:
    begun = JourneyState.begin(lead, 1, playbook, NOW)
    state = begun.model_copy(update={"number": 1, "cursor": cursor})
    await PgJourneys(db).record(begun, Decision(state=state, at=NOW, title="First"), "enrolled", [])
    return state


async def _end(db: Database, at=NOW) -> None:
    await db.pool.execute("update journey set ended_at = $1, ending = 'sunset'", at)


async def test_a_leased_wake_says_what_the_journey_needs(database: Database, playbook: str):
    lead = await enrolled(database)
    (first,) = await wakes.lease(database, 10, 30)
    assert (first.lead, first.types, first.version, first.attempts, first.state) == (lead, ("enrolled",), 1, 1, None)
    assert first.journey is not None
    assert (first.journey.cycle, first.journey.playbook_hash, first.journey.ended) == (1, playbook, False)
    await wakes.done(database, lead, first.version)

    state = await _decide(database, lead, playbook)
    await accept(database, [event("1", lead_id=lead)], NOW)
    (second,) = await wakes.lease(database, 10, 30)
    assert second.types == ("/pricing",)
    assert JourneyState.model_validate(second.state) == state


async def test_relays_never_share_a_lease(database: Database, playbook: str):
    for number in range(30):
        await enrolled(database, f"lead{number}@acme.example")
    batches = await asyncio.gather(*(wakes.lease(database, 7, 30) for _ in range(8)))
    leased = [wake.lead for batch in batches for wake in batch]
    assert len(leased) == len(set(leased))
    rest = await wakes.lease(database, 50, 30)
    assert len(leased) + len(rest) == 30


async def test_a_lease_that_ran_out_comes_back(database: Database, playbook: str):
    lead = await enrolled(database)
    await wakes.lease(database, 10, 30)
    assert await wakes.lease(database, 10, 30) == []
    await database.pool.execute("update pending_wake set leased_until = now() - interval '1 second'")
    (again,) = await wakes.lease(database, 10, 30)
    assert (again.lead, again.attempts) == (lead, 2)


async def test_what_happens_while_a_wake_is_told_is_told_again(database: Database, playbook: str):
    lead = await enrolled(database)
    (leased,) = await wakes.lease(database, 10, 30)
    await accept(database, [event("1", lead_id=lead)], NOW)
    await wakes.done(database, lead, leased.version)
    (again,) = await wakes.lease(database, 10, 30)
    assert (set(again.types), again.version) == ({"enrolled", "/pricing"}, 2)
    await wakes.done_many(database, [(lead, again.version)])
    assert await wakes.waiting(database) == (0, 0.0)


async def test_a_failed_wake_waits_for_its_delay(database: Database, playbook: str):
    lead = await enrolled(database)
    (leased,) = await wakes.lease(database, 10, 30)
    await wakes.failed(database, lead, leased.version, 60)
    assert await wakes.lease(database, 10, 30) == []
    await wakes.failed(database, lead, leased.version, -1)
    assert len(await wakes.lease(database, 10, 30)) == 1


async def test_a_visit_begins_the_next_cycle_when_the_playbook_allows(database: Database, playbook: str):
    lead = await enrolled(database)
    await _end(database)
    await accept(database, [event("1", lead_id=lead)], NOW)
    assert await wakes.reenter(database, lead, NOW + timedelta(days=29)) is None
    begun = await wakes.reenter(database, lead, NOW + timedelta(days=31))
    assert begun is not None
    assert (begun.cycle, begun.ended, begun.cursor) == (2, False, 0)
    assert await wakes.reenter(database, lead, NOW + timedelta(days=32)) is None


async def test_what_happened_before_the_end_and_came_late_begins_nothing(database: Database, playbook: str):
    lead = await enrolled(database)
    await _end(database)
    await accept(database, [event("1", lead_id=lead, days=-1)], NOW)
    assert await wakes.reenter(database, lead, NOW + timedelta(days=31)) is None


async def test_only_a_leads_own_behaviour_begins_again_and_never_a_suppressed_leads(database: Database, playbook: str):
    lead = await enrolled(database)
    await _end(database)
    later = NOW + timedelta(days=60)
    await accept(database, [event("1", lead_id=lead, kind="delivery", name="opened")], NOW)
    await accept(database, [event("2", lead_id=lead, trusted=False)], NOW)
    assert await wakes.reenter(database, lead, later) is None
    await accept(database, [event("3", lead_id=lead)], NOW)
    await suppress(database, "ann@acme.example", "opted_out", "test", NOW)
    assert await wakes.reenter(database, lead, later) is None


async def test_journeys_that_lag_are_woken_and_no_others(database: Database, playbook: str):
    minute_ago = NOW + timedelta(minutes=1)
    never_begun, behind, abreast, paused, ended = [
        await enrolled(database, f"lead{number}@acme.example") for number in range(5)
    ]
    for lead in (behind, abreast, paused, ended):
        await _decide(database, lead, playbook, cursor=1 if lead == abreast else 0)
        await accept(database, [event(lead, lead_id=lead)], NOW)
    await database.pool.execute("update journey set paused_since = $2 where lead_id = $1", paused, NOW)
    await database.pool.execute("update journey set ended_at = $2 where lead_id = $1", ended, NOW)
    assert await wakes.lagging(database, minute_ago) == []
    await database.pool.execute("delete from pending_wake")
    assert await wakes.lagging(database, NOW) == []
    assert set(await wakes.lagging(database, minute_ago)) == {never_begun, behind}
    assert await wakes.lagging(database, minute_ago) == []


async def test_journeys_that_missed_their_time_are_woken_and_no_others(database: Database, playbook: str):
    late, early, paused, ended = [await enrolled(database, f"lead{number}@acme.example") for number in range(4)]
    set_wake = "update journey set next_wake_at = $2 where lead_id = $1"
    for lead in (late, paused, ended):
        await database.pool.execute(set_wake, lead, NOW)
    await database.pool.execute(set_wake, early, NOW + timedelta(hours=1))
    await database.pool.execute("update journey set paused_since = $2 where lead_id = $1", paused, NOW)
    await database.pool.execute("update journey set ended_at = $2 where lead_id = $1", ended, NOW)
    await database.pool.execute("delete from pending_wake")

    assert await wakes.overdue(database, NOW) == []
    assert await wakes.overdue(database, NOW + timedelta(minutes=30)) == [late]
    assert await wakes.overdue(database, NOW + timedelta(minutes=30)) == []
