"""Erasing somebody whose journey runs: it ends, and Temporal forgets all of it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.words import CommandKind, Ending
from runtime.encryption import data_converter
from runtime.erasing import Erasing
from runtime.settings import Settings
from runtime.temporal import register_search_attributes
from storage import erasure
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook
from tests.fixtures.temporal import binary
from tests.workflows.running import Running, eventually, running_worker
from workflows.messages import workflow_id

REASON = "talked to Ada of Acme"
#: A run is deleted once the server has put all its other tasks behind it, which it notes down every half minute.
_QUEUES = ("transfer", "timer", "visibility")


@pytest_asyncio.fixture
async def on_a_prompt_server(database: Database) -> AsyncIterator[Running]:
    """A worker on the real server, which notes down its progress ten times a second."""
    options = [f'--dynamic-config-value=history.{queue}ProcessorUpdateAckInterval="100ms"' for queue in _QUEUES]
    environment = await WorkflowEnvironment.start_local(
        data_converter=data_converter(Settings()),
        dev_server_existing_path=binary("temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=options,
    )
    async with environment:
        await register_search_attributes(environment.client)
        async with running_worker(environment, database, minimal_playbook()) as running:
            yield running


async def runs(client: Client, lead: str) -> int:
    return len([run async for run in client.list_workflows(f"WorkflowId = '{workflow_id(lead)}'")])


async def test_the_journey_ends_and_its_history_goes_with_what_operators_wrote(on_a_prompt_server: Running):
    running = on_a_prompt_server
    lead = await running.enrol(role="cfo")
    client = running.environment.client
    erasing = Erasing(running.database, client, running.parts.clock)
    await lead.command(CommandKind.PAUSE, reason=REASON)
    history = await lead.journey.fetch_history()
    assert any(REASON.encode() in event.SerializeToString() for event in history.events)

    await erasure.erase(running.database, lead.id, "test", await running.now())
    assert await erasing.look() == 0, "the journey has not ended yet"
    await running.relay()
    assert (await lead.journey.result()).ending is Ending.OPTED_OUT

    async def finished() -> bool:
        await erasing.look()
        await _reconciled(running)
        progress = await erasure.progress(running.database, lead.id)
        return bool(progress and progress.finished_at)

    await eventually(finished, "the erasure was never finished")
    assert await runs(client, lead.id) == 0
    with pytest.raises(RPCError, match="not found"):
        await lead.journey.fetch_history()


async def _reconciled(running: Running) -> None:
    """The CRM takes what it is to show."""
    lists, now = running.parts.lists, await running.now()
    crm = await lists.dirty_crm(10)
    await lists.crm_pushed(crm, {change.lead: "crm-1" for change in crm}, now)
