"""An operator's command: a Temporal Update of the lead's journey, answered once the journey has considered it."""

import asyncio
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.context import ApiContext
from api.problems import Problem, temporal_away
from api.schemas.commands import CommandResult
from api.services import opt_out
from domain.words import CommandKind
from storage import wakes
from storage.enrolment import wake_running
from storage.merges import current
from storage.operators_log import answered, not_commanded, note_command
from workflows.messages import CommandAnswer, CommandRequest, workflow_id

_PATIENCE_SECONDS = 8.0
#: The problem of a command that may yet be carried out, or has been.
_UNANSWERED = "command-unanswered"
_HOLDS = "Nobody will be written to again; an open journey ends as soon as it hears of it."


class NoOpenRun(Exception):
    """Temporal has no running workflow for this lead."""


async def carry_out(
    context: ApiContext, lead: str, kind: CommandKind, request: CommandRequest, id_: str, reason: str = ""
) -> CommandResult:
    """As ``send``, for whatever state the lead is in. An opt-out always holds; the rest need an open journey.

    It is kept in the operators' log, with the ``reason`` that the operator wrote, unless it was certainly not taken.
    """
    pool = context.database.pool
    lead = await current(pool, lead)
    async with pool.acquire() as connection, connection.transaction():
        await note_command(connection, request.by, kind, lead, context.now(), id_, reason or request.reason)
        if kind is CommandKind.OPT_OUT:
            await opt_out.by_operator(connection, lead, request.by, context.now())
    try:
        answer = await send(context, lead, kind, request, id_)
        await answered(pool, kind, lead, id_)
    except (NoOpenRun, Problem) as fault:
        if kind is CommandKind.OPT_OUT:
            await answered(pool, kind, lead, id_)  # it holds, whoever hears of it when
            return CommandResult(title=_HOLDS, status=None, phase=None, stage=None, decision=None)
        problem = fault if isinstance(fault, Problem) else await _no_run(context, lead)
        if problem.kind != _UNANSWERED:
            await not_commanded(pool, kind, lead, id_)
        raise problem from fault
    return CommandResult(**answer.model_dump())


async def send(context: ApiContext, lead: str, kind: CommandKind, request: CommandRequest, id_: str) -> CommandAnswer:
    """Command the lead's journey and wait for its next decision.

    ``id_`` makes it idempotent: the same id again gives the same answer. Raises ``NoOpenRun``, or a ``Problem``: 409
    when the journey refuses, 503 when Temporal or the worker does not answer in time.
    """
    if context.temporal is None:
        raise temporal_away("This API runs without Temporal.")
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await _update(context.temporal, lead, kind, request, id_)
    except WorkflowUpdateFailedError as fault:
        raise _refused(fault) from fault
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as fault:
        raise _unanswered() from fault
    except RuntimeError as fault:
        raise temporal_away() from fault  # how a lazy client says that it can't connect
    except RPCError as fault:
        if fault.status is RPCStatusCode.NOT_FOUND:
            raise NoOpenRun from fault
        if fault.status in {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}:
            raise _unanswered() from fault
        raise temporal_away() from fault


async def _update(client: Client, lead: str, kind: CommandKind, request: CommandRequest, id_: str) -> CommandAnswer:
    handle = client.get_workflow_handle(workflow_id(lead))
    answer: CommandAnswer = await handle.execute_update(
        kind.value,
        request,
        id=id_,
        result_type=CommandAnswer,
        rpc_timeout=timedelta(seconds=_PATIENCE_SECONDS),
    )
    return answer


async def _no_run(context: ApiContext, lead: str) -> Problem:
    """Why Temporal knows no run of this lead: never enrolled, ended, or (a moment long) not begun yet."""
    async with context.database.pool.acquire() as connection:
        journey = await wakes.latest(connection, lead)
        if journey is None:
            return Problem(409, "not-enrolled", f"{lead} has no journey.", "Enrol the lead with POST /v1/leads.")
        if journey.ended:
            remedy = "Enrol the lead again with POST /v1/leads when the playbook's re-entry rule allows."
            return Problem(409, "journey-ended", f"The journey of {lead} has ended ({journey.ending}).", remedy)
        await wake_running(connection, [lead], "commanded")
    return Problem(
        503,
        "journey-starting",
        f"The journey of {lead} is about to begin.",
        "Send the same request again, with the same Idempotency-Key, after Retry-After seconds.",
        headers={"Retry-After": "1"},
    )


def _refused(fault: WorkflowUpdateFailedError) -> Problem:
    cause = fault.cause
    if not isinstance(cause, ApplicationError) or cause.type != "Refused":
        raise fault
    return Problem(
        409, "command-refused", cause.message, "Look at GET /v1/leads/{id}/journey, then decide what to ask instead."
    )


def _unanswered() -> Problem:
    return Problem(
        503,
        _UNANSWERED,
        f"The journey did not answer within {_PATIENCE_SECONDS:.0f} seconds: no worker is free, or Temporal is away. "
        "The command may still be carried out.",
        "See that a worker runs (GET /readyz, python worker.py), then send the same request with the same "
        "Idempotency-Key: it is carried out once.",
        headers={"Retry-After": "5"},
    )
