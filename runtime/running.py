"""What Temporal says of journeys: all that run, from its list, and one of them exactly."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from domain.auditing import Run, Shown
from domain.state import JourneyState
from runtime.encryption import CannotDecrypt
from runtime.markers import decision
from workflows.messages import JOURNEY, SEND_TOUCH, Carried, workflow_id
from workflows.showing import KEYWORDS

_RUNNING = f"WorkflowType = '{JOURNEY}' AND ExecutionStatus = 'Running'"
_PREFIX = workflow_id("")
_SHOWN = tuple(KEYWORDS[name] for name in ("TendrilStatus", "TendrilStage", "TendrilSegment", "TendrilPath"))
_PAGE = 50
_CALL = timedelta(seconds=10)
#: What keys raise that lack; pydantic, of another shape; and the SDK, of no payload or one in an encoding unknown here.
_UNREADABLE = (CannotDecrypt, ValueError, KeyError, IndexError, AttributeError, RuntimeError)


async def running(client: Client, noticed: Callable[[int], None] = lambda _number: None) -> dict[str, Shown]:
    """Lead → what is shown of its journey, of all that the server lists as running. Raises ``RPCError``.

    Alike ones share what is shown: a hundred thousand take some 20 MB. ``noticed`` is told how many there are so far.
    """
    found: dict[str, Shown] = {}
    alike: dict[Shown, Shown] = {}
    async for one in client.list_workflows(_RUNNING):
        shown = _shown(one.typed_search_attributes)
        found[one.id.removeprefix(_PREFIX)] = alike.setdefault(shown, shown)
        noticed(len(found))
    return found


async def look(client: Client, lead: str) -> Run | None:
    """A lead's journey as it runs now, with its last decision; None when none runs. Raises ``RPCError``.

    A history that nobody here can read is said to be so: its key lacks, another build wrote it, or it is none of ours.
    """
    try:
        described = await client.get_workflow_handle(workflow_id(lead)).describe(rpc_timeout=_CALL)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return None
    pending = described.raw_description.pending_activities
    run = Run(
        shown=_shown(described.typed_search_attributes),
        busy=any(activity.activity_type.name == SEND_TOUCH for activity in pending),
    )
    try:
        state = await last_state(client, described)
    except _UNREADABLE:
        return replace(run, readable=False)
    return replace(run, cycle=state.cycle, number=state.number)


async def last_state(client: Client, run: WorkflowExecution) -> JourneyState:
    """The state after the last decision in the history of a run; what it began with, where it has not decided."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=Execution(workflow_id=run.id, run_id=run.run_id),
        maximum_page_size=_PAGE,
    )
    while True:
        answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
        for event in answer.history.events:
            if (state := await _state(client, event)) is not None:
                return state
        request.next_page_token = answer.next_page_token


async def _state(client: Client, event: HistoryEvent) -> JourneyState | None:
    if (made := await decision(event, client.data_converter)) is not None:
        return made.state
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        return await begun_with(client, event)
    return None


async def begun_with(client: Client, started: HistoryEvent) -> JourneyState:
    """The state that a run began with."""
    payloads = started.workflow_execution_started_event_attributes.input.payloads
    begin: JourneyState | Carried = (await client.data_converter.decode(payloads, [JourneyState | Carried]))[0]  # type: ignore[list-item]
    return begin.state if isinstance(begin, Carried) else begin


def _shown(attributes: TypedSearchAttributes) -> Shown:
    status, stage, segment, path = (attributes.get(key) or "" for key in _SHOWN)
    return status, stage, segment, path
