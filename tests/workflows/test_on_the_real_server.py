"""What only the real server has: visibility, namespaces, schedules."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import ScheduleActionStartWorkflow, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from domain.clock import ScaledClock
from domain.errors import TransientFault
from domain.ports import OutboundTouch, Receipt
from domain.words import Channel, CommandKind
from runtime.standing import PgStandings
from runtime.temporal import SCHEDULE, PendingTouches, prepare_namespace
from storage.database import Database
from tests.workflows.long_track import long_track
from tests.workflows.running import Recorder, Running, eventually, running_worker
from workflows.messages import Rounds, workflow_id

#: Three days a second: one touch a second.
SCALE = 3 * 86400.0


@pytest_asyncio.fixture
async def hurried(dev_server: WorkflowEnvironment, database: Database) -> AsyncIterator[Running]:
    """A worker on the real server with a hurried clock, and a playbook of twenty touches."""
    now = datetime.now(UTC)
    async with running_worker(dev_server, database, long_track(20), ScaledClock(SCALE, now, now)) as running:
        yield running


class Unheard(Recorder):
    """A channel whose vendor takes everything, and whose answers are lost."""

    async def send(self, touch: OutboundTouch) -> Receipt:
        await super().send(touch)
        raise TransientFault("no answer", vendor="recorder", code="no_answer", certainly_not_sent=False)


async def sent(running: Running, number: int) -> None:
    async def look() -> bool:
        return len(running.mail.sent) >= number

    await eventually(look, f"{number} touches were never sent")


async def test_journeys_are_found_by_where_they_are(hurried: Running):
    lead = await hurried.enrol(role="cfo")
    await sent(hurried, 1)
    query = "TendrilStatus = 'nurture' AND TendrilSegment = 'smb' AND TendrilFit >= 60 AND TendrilPlaybook = 'minimal'"

    async def found() -> list[str]:
        return [execution.id async for execution in hurried.environment.client.list_workflows(query)]

    assert await eventually(found, "the journey is not listed") == [workflow_id(lead.id)]
    metadata = await lead.journey.query("__temporal_workflow_metadata")
    assert "What would move it forward" in metadata.current_details


async def test_nothing_personal_reaches_temporal(hurried: Running):
    lead = await hurried.enrol(email="grace.invented@acme.example", first_name="Grace", company="Acme Invented")
    await sent(hurried, 1)
    await lead.does("page", "/pricing?email=grace.invented@acme.example")
    await lead.command(CommandKind.OPT_OUT)
    await lead.journey.result()
    text = (await lead.journey.fetch_history()).to_json()
    assert not [secret for secret in ("acme", "Acme", "Grace", "grace", "@a") if secret in text]


async def test_a_lost_workflow_is_brought_back_from_its_last_decision(hurried: Running):
    lead = await hurried.enrol()
    await sent(hurried, 1)
    before = await lead.state()
    await lead.journey.terminate("lost")
    await lead.does("page", "/blog/one")
    after = await lead.state()
    assert after.number > before.number
    await sent(hurried, 3)
    assert len(hurried.mail.keys) == len(set(hurried.mail.keys))


async def test_to_recall_a_journey_settles_no_touch_of_which_only_its_vendor_knows(hurried: Running):
    """It left, the answer was lost, and the journey called it back: withdrawn, it could be planned and sent again."""
    hurried.channels[Channel.EMAIL] = Unheard()
    lead = await hurried.enrol()
    await sent(hurried, 1)
    await lead.command(CommandKind.HAND_OFF)

    async def cancelled() -> bool:
        types = [event.event_type async for event in lead.journey.fetch_history_events()]
        return EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED in types

    await eventually(cancelled, "the touch is not called back")
    client, clock = hurried.environment.client, hurried.parts.clock
    assert not await PgStandings(hurried.database, client, clock).recall(lead.id)
    assert [status for step, status in (await lead.ledger()).items() if step != "handoff"] == ["claimed"]


async def test_preparing_a_namespace_twice_keeps_what_an_operator_changed(hurried: Running):
    client, settings = hurried.environment.client, hurried.parts.settings
    await prepare_namespace(client, settings)
    handle = client.get_schedule_handle(SCHEDULE)
    await handle.pause(note="maintenance")
    await prepare_namespace(client, settings.model_copy(update={"reconcile_interval": 7.0}))
    schedule = (await handle.describe()).schedule
    assert schedule.state.paused
    assert schedule.spec.intervals[0].every == timedelta(seconds=43 * 7), (
        "runs of five minutes, rounds of seven seconds"
    )
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert await client.data_converter.decode(schedule.action.args, [Rounds]) == [Rounds(rounds=43, seconds=7.0)]
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    assert described.config.workflow_execution_retention_ttl.seconds >= 90 * 86_400


async def test_the_schedule_pushes_desired_state(hurried: Running):
    lead = await hurried.enrol()
    await prepare_namespace(
        hurried.environment.client, hurried.parts.settings.model_copy(update={"reconcile_interval": 1.0})
    )

    async def pushed() -> bool:
        return any(change.lead == lead.id for change in hurried.parts.crm.taken)  # type: ignore[attr-defined]  # QuietCrm

    await eventually(pushed, "the CRM never heard of the lead")
    listed = hurried.environment.client.list_workflows("WorkflowType = 'Reconcile'")
    runs = [execution.status async for execution in listed]
    assert len(runs) <= 2, "many rounds are one run, or two when the period ends meanwhile"
    assert set(runs) <= {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}


async def test_what_a_workflow_has_still_to_carry_out_is_known(hurried: Running):
    pending = PendingTouches(hurried.environment.client)
    hurried.mail.always = TransientFault("lost", vendor="recorder", certainly_not_sent=False)
    lead = await hurried.enrol()

    async def tried() -> bool:
        return hurried.mail.calls > 0

    await eventually(tried, "the touch is never tried")
    assert await pending.any(lead.id), "between two attempts, too"
    await lead.journey.terminate("lost")
    assert not await pending.any(lead.id)
    assert not await pending.any("ld_nobody")
