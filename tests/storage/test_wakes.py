"""Wakes: leased by one relay at a time, forgotten only when nothing more has happened, never lost."""

import asyncio
from datetime import timedelta

import pytest

from domain.decision import Decision
from domain.state import JourneyState
from storage import resets, wakes
from storage.database import Database
from storage.enrolment import wake_running
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.permission import suppress
from tests.storage.samples import NOW, applied, enrolled, event

_WAITS = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


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


async def test_while_a_reset_opens_a_journey_again_nobody_begins_the_next(database: Database):
    await applied(database, re_entry={"policy": "always"})
    lead = await enrolled(database)
    await _end(database)
    await accept(database, [event("1", lead_id=lead)], NOW)
    async with resets.reopening(database, lead, 1):
        again = asyncio.create_task(wakes.reenter(database, lead, NOW + timedelta(days=1)))
        async with asyncio.timeout(60):
            while not await database.pool.fetch(_WAITS):  # noqa: ASYNC110 PostgreSQL tells nobody
                await asyncio.sleep(0.01)
    await again
    assert await database.pool.fetch("select cycle, ended_at from journey") == [(1, None)]


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


async def _waiting(db: Database, source: str, number: int) -> list[str]:
    """So many leads whose wakes have one source."""
    leads = [await enrolled(db, f"{source}{index}@acme.example") for index in range(number)]
    await db.pool.execute("delete from pending_wake where lead_id = any($1)", leads)
    for lead in leads:
        await accept(db, [event(lead, lead_id=lead)], NOW, sender=source)
    return leads


async def test_what_one_source_floods_delays_another_by_one_turn(database: Database, playbook: str):
    flood, quiet = await _waiting(database, "flood", 5), await _waiting(database, "quiet", 1)
    assert [wake.lead for wake in await wakes.lease(database, 3, 30)] == [flood[0], quiet[0], flood[1]]


async def test_turns_already_taken_are_remembered_between_leases(database: Database, playbook: str):
    flood, quiet = await _waiting(database, "flood", 3), await _waiting(database, "quiet", 1)
    (first,) = await wakes.lease(database, 1, 30)
    assert (first.lead, first.next_turn) == (flood[0], 1)
    (second,) = await wakes.lease(database, 1, 30, turns={"flood": 1})
    assert second.lead == quiet[0]


async def test_a_source_with_its_share_undecided_waits_and_others_do_not(database: Database, playbook: str):
    flood, quiet = await _waiting(database, "flood", 3), await _waiting(database, "quiet", 1)
    leased = await wakes.lease(database, 10, 30, share=2, undecided={"flood": 1})
    assert [wake.lead for wake in leased] == [flood[0], quiet[0]]
    assert await wakes.lease(database, 10, 30, share=2, undecided={"flood": 3}) == []


async def test_an_interrupt_goes_before_all_turns_and_is_taken_where_nothing_else_may_be(
    database: Database, playbook: str
):
    await _waiting(database, "flood", 2)
    lead = await enrolled(database, "bob@acme.example")
    async with database.pool.acquire() as connection:
        await wake_running(connection, [lead], "opt_out")
    (urgent,) = await wakes.lease(database, 10, 30, most=0)
    assert (urgent.lead, set(urgent.types), urgent.next_turn) == (lead, {"enrolled", "opt_out"}, None)


@pytest.mark.parametrize("name", ["replied", "unsubscribed", "complained", "bounced_hard"])
async def test_answers_to_mail_interrupt(database: Database, playbook: str, name: str):
    await _waiting(database, "flood", 1)
    lead = await enrolled(database, "bob@acme.example")
    await accept(database, [event("1", lead_id=lead, kind="delivery", name=name)], NOW)
    assert [wake.lead for wake in await wakes.lease(database, 10, 30, most=0)] == [lead]


async def test_a_wake_of_two_sources_waits_for_neithers_turn(database: Database, playbook: str):
    first, *_, last = await _waiting(database, "flood", 4)
    await accept(database, [event("other", lead_id=last)], NOW, sender="quiet")
    assert [wake.lead for wake in await wakes.lease(database, 2, 30)] == [first, last]


async def test_a_lead_woken_again_while_it_was_told_queues_anew(database: Database, playbook: str):
    first, second = await _waiting(database, "flood", 2)
    (leased,) = await wakes.lease(database, 1, 30)
    await accept(database, [event("more", lead_id=first)], NOW, sender="flood")
    await wakes.done(database, first, leased.version)
    assert [wake.lead for wake in await wakes.lease(database, 10, 30)] == [second, first]


async def test_journeys_that_decided_or_ended_are_told_from_those_that_have_not(database: Database, playbook: str):
    decided, ended, neither = [await enrolled(database, f"lead{number}@acme.example") for number in range(3)]
    await _decide(database, decided, playbook)
    await database.pool.execute("update journey set ended_at = $2 where lead_id = $1", ended, NOW)
    asked = [(lead, 1, 0) for lead in (decided, ended, neither)]
    assert set(await wakes.decided(database, asked)) == {decided, ended}
