"""One operation over many journeys, carried out stretch by stretch (``activities.operating``).

Workflow id ``operation-<id>``. What is to be done and how far it is stands in the database: this sees to it that
somebody is at it until it is over, whichever worker dies. One that an operator pauses ends here, and begins again.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.operating import OperationStatus
from workflows.messages import CARRY_OUT, OPERATE

#: Longer than a stretch.
_TIMEOUT = timedelta(minutes=15)
#: A worker that died is noticed after so long.
_HEARTBEAT = timedelta(seconds=10)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name=OPERATE)
class Operate:
    """Argument: the operation's id. Result: how it ended."""

    @workflow.run
    async def run(self, operation: str) -> OperationStatus:
        while True:
            status: OperationStatus = await workflow.execute_activity(
                CARRY_OUT,
                operation,
                result_type=OperationStatus,
                start_to_close_timeout=_TIMEOUT,
                heartbeat_timeout=_HEARTBEAT,
                retry_policy=_RETRY,
                summary="command the next journeys",
            )
            if status is not OperationStatus.RUNNING:
                return status
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(operation)
