"""Encryption turned on under a sleeping journey, and its keys changed under it: the real server, real workers."""

import base64
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from domain.clock import ScaledClock
from domain.words import CommandKind, Ending
from runtime.encryption import data_converter
from runtime.settings import Settings
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook
from tests.workflows.long_track import long_track
from tests.workflows.running import Lead, Running, eventually, running_worker, sandboxed
from workflows.lead_journey import LeadJourney
from workflows.messages import WAKE, workflow_id

OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 8).decode()}" for name in ("2025", "2026"))


async def test_a_journey_lives_through_encryption_and_a_new_key(dev_server: WorkflowEnvironment, database: Database):
    async with keyed(dev_server, database) as running:
        lead, other = await running.enrol(), await running.enrol(email="b@acme.example")
    begun_plain = await stored(dev_server, lead)
    assert "problem_awareness" in begun_plain

    async with keyed(dev_server, database, OLD) as running:
        await of(running, lead, 10).does("page", "/blog/one")
        await of(running, other, 10).does("page", "/blog/one")
    assert (await stored(dev_server, lead)).count("problem_awareness") == begun_plain.count("problem_awareness")

    async with keyed(dev_server, database, NEW, OLD) as running:
        state = await of(running, lead, 20).does("page", "/blog/two")
        await of(running, lead).command(CommandKind.END)
        assert (await of(running, lead).journey.result()).ending is Ending.OPERATOR
    assert state.number >= 3
    history = await lead.journey.fetch_history()
    converter = data_converter(Settings(payload_keys=f"{NEW},{OLD}"))
    replayer = Replayer(workflows=[LeadJourney], workflow_runner=sandboxed(), data_converter=converter)
    await replayer.replay_workflow(history)

    async with keyed(dev_server, database, NEW) as running:
        await of(running, other).journey.signal(WAKE, ["page"])
        await eventually(lambda: waits(dev_server, other), "no task waits for the key")
    assert (await other.journey.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_failures_and_summaries_are_not_readable_in_temporal(dev_server: WorkflowEnvironment, database: Database):
    now = datetime.now(UTC)
    hurried = {"playbook": long_track(3), "clock": ScaledClock(3 * 86400.0, now, now)}
    async with keyed(dev_server, database, NEW, **hurried) as running:
        running.mail.faults = [RuntimeError("the canary sang")] * 50
        lead = await running.enrol()

        async def failed() -> Any:
            described = await dev_server.client.get_workflow_handle(workflow_id(lead.id)).describe()
            pending = described.raw_description.pending_activities
            return pending and pending[0].HasField("last_failure") and described.raw_description

        described = await eventually(failed, "the touch is never tried")
        text = str(described) + await stored(dev_server, lead)
        failure = described.pending_activities[0].last_failure
        assert "canary" in str(await running.environment.client.data_converter.decode_failure(failure))
    assert [word for word in ("canary", "in send_touch", "piece-1", "fit") if word in text] == []


@asynccontextmanager
async def keyed(server: WorkflowEnvironment, database: Database, *keys: str, **more: Any) -> Any:
    """A worker whose payload keys are ``keys``, as a deployment that was started anew."""
    converter = data_converter(Settings(payload_keys=",".join(keys)))
    client = Client(server.client.service_client, data_converter=converter)
    given = {"playbook": minimal_playbook(), **more}
    async with running_worker(WorkflowEnvironment.from_client(client), database, **given) as running:
        yield running


def of(running: Running, lead: Lead, events: int = 0) -> Lead:
    """The lead under another worker, which numbers its events from ``events`` on."""
    running.events = events
    return Lead(running, lead.id)


async def stored(server: WorkflowEnvironment, lead: Lead) -> str:
    """All that the server keeps of the journey, every payload that is not encrypted in plain text."""
    history = await server.client.get_workflow_handle(workflow_id(lead.id)).fetch_history()
    return str(history.events)


async def waits(server: WorkflowEnvironment, lead: Lead) -> bool:
    """Whether the journey's last task failed for want of a key."""
    history = await server.client.get_workflow_handle(workflow_id(lead.id)).fetch_history()
    failures = [event.workflow_task_failed_event_attributes.failure for event in history.events]
    return any(failure.application_failure_info.type == "CannotDecrypt" for failure in failures)
