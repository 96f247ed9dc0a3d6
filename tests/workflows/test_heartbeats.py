"""An activity is alive while its worker is, and what it said of its progress stays said."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from runtime.heartbeats import Heartbeats

_TIMEOUT = timedelta(seconds=1)


@workflow.defn
class Patient:
    @workflow.run
    async def run(self) -> list[str]:
        said: list[str] = await workflow.execute_activity(
            "slow",
            result_type=list[str],
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=2),
        )
        return said


@dataclass
class Work:
    """Longer than the heartbeat timeout without a sign, then it fails; the next attempt returns what was said last."""

    failed_by_itself: bool = False

    @activity.defn
    async def slow(self) -> list[str]:
        if activity.info().attempt == 2:
            return list(activity.info().heartbeat_details)
        activity.heartbeat("half of it")
        await asyncio.sleep(2.5 * _TIMEOUT.total_seconds())
        self.failed_by_itself = True
        raise ApplicationError("not by a timeout")


async def test_an_activity_that_says_nothing_is_alive_while_its_worker_is(time_skipping: WorkflowEnvironment):
    work = Work()
    async with Worker(
        time_skipping.client,
        task_queue="patient",
        workflows=[Patient],
        activities=[work.slow],
        interceptors=[Heartbeats()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        run = await time_skipping.client.start_workflow(Patient.run, id="patient", task_queue="patient")
        assert await run.result() == ["half of it"]
    assert work.failed_by_itself
