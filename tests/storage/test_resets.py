"""What is foretold of a reset, and the row of an ended journey that one opens again."""

import asyncio

import pytest

from domain.decision import Decision
from domain.state import JourneyState
from domain.versions import Policy
from domain.words import Ending, Phase
from storage import resets
from storage.database import Database
from storage.journeys import PgJourneys
from storage.playbook_changes import Asked, put_in_force
from tests.storage.recorded import record
from tests.storage.samples import NOW, playbook

_WAITS = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize(("policy", "goes_on"), [(Policy.FOLLOW, True), (Policy.PIN, False)])
async def test_a_reset_decides_by_what_its_version_is_followed_by_or_by_its_own(
    database: Database, begun: JourneyState, policy: Policy, goes_on: bool
):
    await record(database, await record(database, begun))
    newer = playbook(length_limit="90d")
    await put_in_force(database, newer, Asked(by="ann", policy=policy), NOW)
    decides = newer.content_hash() if goes_on else begun.playbook
    for number in (1, 2):
        assert (await resets.consequences(database, begun.lead, 1, number)).version == decides
    (standing,) = (await resets.standings(database, [begun.lead]))[begun.lead]
    assert standing.active == newer.content_hash()


async def test_a_decision_made_while_the_reset_is_under_way_waits_and_then_stands(
    database: Database, begun: JourneyState
):
    over = begun.model_copy(update={"number": 1, "phase": Phase.ENDED, "ending": Ending.SUNSET})
    ending, journeys = Decision(state=over, at=NOW, title="Over"), PgJourneys(database)
    await journeys.record(begun, ending, "timer", [])
    async with resets.reopening(database, begun.lead, 1):
        deciding = asyncio.create_task(journeys.record(begun, ending, "timer", []))
        async with asyncio.timeout(10):
            while not await database.pool.fetch(_WAITS):  # noqa: ASYNC110 PostgreSQL tells nobody
                await asyncio.sleep(0.01)
    await deciding
    assert await database.pool.fetchval("select ending from journey where lead_id = $1", begun.lead) == "sunset"
