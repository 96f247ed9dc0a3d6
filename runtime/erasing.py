"""Finishing erasures: a journey's history in Temporal goes when the journey has ended, then what is left here.

History has no personal data in it but what an operator wrote as a reason; it goes whole, with every run of the lead.
"""

from datetime import UTC, datetime

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ports import Clock
from storage import erasure
from storage.database import Database
from workflows.messages import workflow_id

_log = structlog.get_logger("tendril.erasing")
_MOST = 100


class Erasing:
    """Looks for erasures with something left to do. Any number may look: all of it may be done twice."""

    def __init__(self, database: Database, client: Client, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    async def look(self) -> int:
        """Take each erasure as far as it goes; returns how many were finished. Raises when Temporal does not answer."""
        finished = 0
        for lead in await erasure.unfinished(self._database, _MOST):
            before = await erasure.progress(self._database, lead)
            if before is None or "journey" in before.waiting or not await self._forget(lead):
                continue
            after = await erasure.finish(self._database, lead, self._clock.from_real(datetime.now(UTC)))
            finished += bool(after and after.finished_at)
        return finished

    async def _forget(self, lead: str) -> bool:
        """Delete every closed run of the lead's workflow. True when there was none any more: deleting takes a while."""
        none_left = True
        async for run in self._client.list_workflows(f"WorkflowId = '{workflow_id(lead)}'"):
            none_left = False
            if run.status is not WorkflowExecutionStatus.RUNNING:
                await self._delete(run.id, run.run_id)
        return none_left

    async def _delete(self, id_: str, run: str) -> None:
        execution = WorkflowExecution(workflow_id=id_, run_id=run)
        request = DeleteWorkflowExecutionRequest(namespace=self._client.namespace, workflow_execution=execution)
        try:
            await self._client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # deleted meanwhile, and listed still
                raise
        else:
            _log.info("a run's history is deleted: its person was erased", workflow=id_, run=run)
