"""A journey that outgrows one run goes on in the next, on the real server with its limits lowered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.clock import ScaledClock
from domain.words import CommandKind, Ending
from runtime.encryption import data_converter
from runtime.settings import Settings
from runtime.temporal import register_search_attributes
from storage.database import Database
from tests.fixtures.temporal import binary
from tests.workflows.long_track import long_track
from tests.workflows.running import Lead, Running, running_worker
from workflows.messages import JourneyEnd, workflow_id
from workflows.showing import ATTRIBUTES

THREE_DAYS_A_SECOND = 3 * 86400.0
#: History events after which the server suggests to continue as new: 4,096 unless told.
LARGE, SMALL, TINY = 4096, 30, 1


@asynccontextmanager
async def running_with(limit: int, database: Database, *, touches: int, scale: float = 1.0) -> AsyncIterator[Running]:
    """A worker on a real server that suggests to continue as new after ``limit`` events."""
    environment = await WorkflowEnvironment.start_local(
        data_converter=data_converter(Settings()),
        dev_server_existing_path=binary("temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={limit}"],
    )
    now = datetime.now(UTC)
    async with environment:
        await register_search_attributes(environment.client)
        async with running_worker(environment, database, long_track(touches), ScaledClock(scale, now, now)) as running:
            yield running


async def runs(lead: Lead) -> list[WorkflowHandle[None, JourneyEnd]]:
    """The runs of a lead's journey, the latest first."""
    client, id_ = lead.running.environment.client, workflow_id(lead.id)
    run_id, found = (await lead.journey.describe()).run_id, []
    while run_id:
        found.append(client.get_workflow_handle(id_, run_id=run_id))
        first = (await found[-1].fetch_history()).events[0].workflow_execution_started_event_attributes
        run_id = first.continued_execution_run_id
    return found


async def decisions(lead: Lead) -> list[tuple[int, str, list[str]]]:
    """Number, cause and wake types of every decision ever made, revisions included."""
    query = "select number, cause, wake_types from decision where lead_id = $1 order by number, revision"
    return [tuple(row) for row in await lead.running.database.pool.fetch(query, lead.id)]


async def shown(lead: Lead) -> tuple[dict[str, object], str]:
    """Search attributes and current details of the journey as the Temporal UI has them."""
    described = await lead.journey.describe()
    found = {key.name: described.typed_search_attributes.get(key) for key in ATTRIBUTES}
    metadata = await lead.journey.query("__temporal_workflow_metadata")
    return found, metadata.current_details


async def test_no_wake_and_no_command_is_lost_between_runs(database: Database):
    async with running_with(SMALL, database, touches=3) as running:
        lead = await running.enrol()
        for number in range(12):
            await lead.does("page", f"/blog/{number}")
            kind = CommandKind.RESUME if number % 2 else CommandKind.PAUSE
            assert (await lead.command(kind)).decision == 2 * number + 3, (
                "every command is answered, and considered once"
            )
        assert len(await runs(lead)) >= 3
        state = await lead.state()
        made = await decisions(lead)
    assert (state.number, state.cursor) == (25, 12)
    assert [number for number, _, _ in made] == list(range(1, 26)), "numbers go on, and none is decided twice"
    assert [cause for _, cause, _ in made[1:]] == ["behaviour", "command: pause", "behaviour", "command: resume"] * 6
    assert all(types for _, cause, types in made if cause == "behaviour"), "what woke it is carried over"


async def test_touches_and_what_is_shown_go_on_from_run_to_run(database: Database):
    async with running_with(SMALL, database, touches=8, scale=THREE_DAYS_A_SECOND) as running:
        lead = await running.enrol()
        await lead.until(lambda state: state.number >= 6, "comes to its sixth decision")
        attributes, details = await shown(lead)
        assert len(await runs(lead)) >= 2
        assert (attributes["TendrilStatus"], attributes["TendrilPlaybook"]) == ("nurture", "minimal")
        assert "What would move it forward" in details
        end = await lead.journey.result()
        chain = await runs(lead)
        made = await decisions(lead)
    assert (end.ending, end.decisions) == (Ending.LENGTH_LIMIT, len(made))
    assert len(chain) >= 3
    assert [number for number, _, _ in made] == list(range(1, len(made) + 1))
    assert running.mail.keys == [f"{lead.id}/1/0/step-piece-{number}" for number in range(1, 9)]


async def test_a_server_that_always_suggests_it_gets_one_run_a_decision(database: Database):
    async with running_with(TINY, database, touches=3) as running:
        lead = await running.enrol()
        for number in range(5):
            await lead.does("page", f"/blog/{number}")
        await lead.command(CommandKind.PAUSE)
        chain = await runs(lead)
        assert (await lead.state()).number == 7
    assert len(chain) <= 7, "no run follows another without a decision"


async def test_what_an_earlier_run_has_shown_is_taken_back(database: Database):
    async with running_with(TINY, database, touches=1, scale=THREE_DAYS_A_SECOND) as running:
        lead = await running.enrol()
        assert (await shown(lead))[0]["TendrilNextTouch"] is not None
        await lead.journey.result()
        assert len(await runs(lead)) >= 3
        assert (await shown(lead))[0]["TendrilNextTouch"] is None
