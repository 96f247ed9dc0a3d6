"""Two builds side by side: whichever takes over, journeys go on (``runtime.builds``, docs/upgrading.md)."""

from dataclasses import replace

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from runtime.worker import build_worker
from storage.database import Database
from tests.workflows.long_track import long_track
from tests.workflows.running import Lead, Running, eventually, running_worker, sandboxed

DEPLOYMENT = "tendril"


def next_build(running: Running, name: str) -> Worker:
    """A worker of another build beside the one that runs."""
    settings = running.parts.settings.model_copy(update={"build_id": name})
    client = running.environment.client
    return build_worker(client, replace(running.parts, settings=settings), runner=sandboxed())


async def builds(lead: Lead) -> list[str]:
    """The build that each of the journey's tasks was done by, in order."""
    events = (await lead.journey.fetch_history()).events
    done = [event.workflow_task_completed_event_attributes for event in events]
    return [one.deployment_version.build_id or one.worker_version.build_id for one in done if one.scheduled_event_id]


async def make_current(client: Client, name: str) -> None:
    """``temporal worker deployment set-current-version``, as soon as the server has heard of the version."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=DEPLOYMENT, build_id=name
    )

    async def made() -> bool:
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:
            return False
        return True

    await eventually(made, f"{name} never became current")


async def test_any_build_on_the_queue_takes_a_journey_over(dev_server: WorkflowEnvironment, database: Database):
    async with running_worker(dev_server, database, long_track(3), build_id="v1") as running:
        lead = await running.enrol()
        await lead.does("page", "/blog/1")
    async with next_build(running, "v2"):
        state = await lead.does("page", "/blog/2")
    assert state.number == 3
    assert (await builds(lead))[0] == "v1"
    assert (await builds(lead))[-1] == "v2"


async def test_journeys_move_to_the_version_that_is_made_current(dev_server: WorkflowEnvironment, database: Database):
    client = dev_server.client
    playbook = long_track(3)
    async with running_worker(dev_server, database, playbook, build_id="v1", deployment_name=DEPLOYMENT) as running:
        await make_current(client, "v1")
        lead = await running.enrol()
        async with next_build(running, "v2"):
            await lead.does("page", "/blog/1")
            assert set(await builds(lead)) == {"v1"}, "a version gets nothing before it is current"
            await make_current(client, "v2")

            async def moved() -> bool:
                await lead.does("page", "/blog/more")
                return (await builds(lead))[-1] == "v2"

            await eventually(moved, "the journey never moved")
            described = await client.workflow_service.describe_worker_deployment(
                DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
            )
    routing = described.worker_deployment_info.routing_config
    assert routing.current_deployment_version.build_id == "v2"
    assert (await lead.row())["ended_at"] is None
