"""Reading journeys' histories: the runs that one journey consists of, and the decisions in each.

A journey is a chain of runs under one workflow id: each ``WorkflowExecutionStarted`` event names the run that it
continues (``continued_execution_run_id``). A run made by a reset begins with a copy of its base's events, that one
included, so the chain from the latest run leads through decisions that are in force and through none that were
superseded. A journey that the relay brought back (``runtime.relay``) begins a chain of its own; the chains before it
are found by listing the workflow id's executions. Later cycles of the lead have chains of their own, too.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from runtime.markers import decision
from workflows.messages import workflow_id

_CLOSING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a workflow: its events, oldest first."""

    id: str
    events: Sequence[HistoryEvent]

    @property
    def continues(self) -> str:
        """The run that this one goes on from; "" for the first of a chain."""
        return self.events[0].workflow_execution_started_event_attributes.continued_execution_run_id

    @property
    def closed(self) -> bool:
        """Whether nothing can be added to it any more."""
        return self.events[-1].event_type in _CLOSING

    def serialized(self) -> bytes:
        """As ``temporal.api.history.v1.History``."""
        return History(events=self.events).SerializeToString()

    @property
    def resets(self) -> list[str]:
        """The reasons of the resets that this run's history went through, oldest first.

        A reset ends the workflow task it goes back to with a failure of its own kind, whose message is the reason
        (temporalio/temporal, service/history/ndc/workflow_resetter.go).
        """
        failed = (event.workflow_task_failed_event_attributes for event in self.events)
        cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
        return [one.failure.message for one in failed if one.cause == cause]


@dataclass(frozen=True, slots=True)
class Made:
    """A decision in a history. ``task`` is the id of the WorkflowTaskCompleted event of the task it was made in."""

    cycle: int
    number: int
    task: int


async def decisions(run: Run, converter: DataConverter) -> list[Made]:
    """The decisions made in a run, in order, as its markers tell; encrypted ones are read with the converter's keys."""
    made = []
    for event in run.events:
        if (result := await decision(event, converter)) is not None:
            task = event.marker_recorded_event_attributes.workflow_task_completed_event_id
            made.append(Made(result.state.cycle, result.state.number, task))
    return made


async def decoded(run: Run, converter: DataConverter) -> Sequence[HistoryEvent]:
    """The run's events with every payload as it is without encryption. Raises where a key lacks."""
    history = History(events=run.events)
    codec = converter.payload_codec
    if codec is not None:
        for payload in _payloads(history):
            payload.CopyFrom((await codec.decode([payload]))[0])
    return history.events


def _payloads(message: Message) -> Iterator[Payload]:
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.message_type is None:
            continue
        entry = field.message_type.GetOptions().map_entry
        values = list(value.values()) if entry else value if field.is_repeated else [value]
        for one in values:
            if isinstance(one, Message):
                yield from _payloads(one)


async def runs(client: Client, lead: str) -> AsyncIterator[Run]:
    """A lead's runs, newest first: the latest chain from its end, then chains before it.

    A run whose history the server no longer keeps ends its chain. Raises ``RPCError``.
    """
    seen: set[str] = set()
    latest = await _latest(client, lead)
    async for run in _chain(client, lead, latest, seen):
        yield run
    for start in await _listed(client, lead):
        async for run in _chain(client, lead, start, seen):
            yield run


async def fetch(client: Client, id_: str, run_id: str) -> Run | None:
    """A run with its history; None when the server keeps it no longer."""
    try:
        history = await client.get_workflow_handle(id_, run_id=run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return Run(run_id, history.events)


async def _latest(client: Client, lead: str) -> str:
    """Asked of the service itself: the client would read search attributes too, of which some may be unset."""
    asked = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id(lead))
    )
    try:
        described = await client.workflow_service.describe_workflow_execution(asked)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ""
        raise
    return described.workflow_execution_info.execution.run_id


async def _chain(client: Client, lead: str, run_id: str, seen: set[str]) -> AsyncIterator[Run]:
    while run_id and run_id not in seen:
        seen.add(run_id)
        run = await fetch(client, workflow_id(lead), run_id)
        if run is None:
            return
        yield run
        run_id = run.continues


async def _listed(client: Client, lead: str) -> list[str]:
    """Every run of the lead's workflow that the server lists, the last started first."""
    listed = client.list_workflows(f"WorkflowId = '{workflow_id(lead)}'")
    found = [execution async for execution in listed]
    return [one.run_id for one in sorted(found, key=lambda one: one.start_time, reverse=True)]
