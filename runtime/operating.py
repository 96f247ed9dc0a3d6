"""Operations, carried out: a workflow for each that runs, and the commands that reach journeys.

Whoever asks for an operation writes rows and needs no Temporal. A worker hears of them (LISTEN) and starts a workflow
for each; looking again every few seconds starts those anew that were resumed, or lost.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.facts import OperatorCommand
from domain.operating import Fate, Outcome
from storage import operations
from storage.database import Database, plain_url
from workflows.messages import OPERATE, CommandAnswer, CommandRequest, operation_workflow_id, workflow_id

_LOOK = 5.0  # seconds between looks at which operations run; news come sooner
_PATIENCE = timedelta(seconds=10)
_CALL = timedelta(seconds=10)
#: Codes that say something of this one call, which may be made again.
_THIS_ONE = {
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
}
_DATABASE_TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class TemporalCommanding:
    """``domain.operating.Commanding``: each command is an update of the lead's journey."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def command(self, lead: str, command: OperatorCommand) -> Fate | None:
        request = CommandRequest(**command.model_dump(exclude={"id", "kind"}))
        try:
            answer: CommandAnswer = await self._client.get_workflow_handle(workflow_id(lead)).execute_update(
                command.kind.value, request, id=command.id, result_type=CommandAnswer, rpc_timeout=_PATIENCE
            )
        except WorkflowUpdateFailedError as fault:
            return _refused(lead, fault)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return _unanswered(lead)
        except RuntimeError as fault:  # how a lazy client says that it can't connect
            raise ConnectionError("Temporal can't be reached") from fault
        except RPCError as fault:
            if fault.status is RPCStatusCode.NOT_FOUND:
                return None
            if fault.status in _THIS_ONE:
                return _unanswered(lead)
            raise ConnectionError(f"Temporal does not answer: {fault.status.name}") from fault
        return Fate(lead=lead, outcome=Outcome.DONE, before=answer.decision - 1, after=answer.decision)


def _refused(lead: str, fault: WorkflowUpdateFailedError) -> Fate:
    """What the journey says against it; a fault of ours would be the same the next time, so it is no more asked."""
    cause = fault.cause
    if isinstance(cause, ApplicationError) and cause.type == "Refused":
        return Fate(lead=lead, outcome=Outcome.REFUSED, detail=cause.message)
    return Fate(lead=lead, outcome=Outcome.FAILED, detail="its journey failed over it: see its page in Temporal")


def _unanswered(lead: str) -> Fate:
    return Fate(lead=lead, outcome=Outcome.WAITING, detail="its journey did not answer in time")


class Starting:
    """Sees to it that every running operation has its workflow, until ``stop``. Any number of workers may."""

    def __init__(self, database: Database, client: Client, task_queue: str) -> None:
        self._database = database
        self._client = client
        self._queue = task_queue
        self._news = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Trouble with the database or Temporal is waited out."""
        listening = asyncio.create_task(self._listen())
        try:
            while not self._stopping:
                self._news.clear()
                with suppress(*_DATABASE_TROUBLE, RPCError, RuntimeError):
                    await self.start_all()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _LOOK)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def start_all(self) -> None:
        """Start the workflow of each operation that runs; one that is at it already goes on."""
        for operation in await operations.running(self._database):
            await self._client.start_workflow(
                OPERATE,
                operation,
                id=operation_workflow_id(operation),
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Operation {operation}: tendril operations show {operation}",
                rpc_timeout=_CALL,
            )

    async def _listen(self) -> None:
        while True:
            lost = asyncio.Event()
            with suppress(*_DATABASE_TROUBLE):
                connection = await asyncpg.connect(plain_url(self._database.url))
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                try:
                    await connection.add_listener(operations.CHANNEL, lambda *_: self._news.set())
                    self._news.set()
                    await lost.wait()
                finally:
                    connection.terminate()
            await asyncio.sleep(_LOOK)
