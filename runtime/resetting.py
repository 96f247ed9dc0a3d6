"""Reset of journeys to before a decision, for bug recovery: today's rules decide again on the same recorded behaviour.

Where to: the decision's marker names the WorkflowTaskCompleted event of the task it was made in
(``workflow_task_completed_event_id``), and that event's id is what ``ResetWorkflowExecution`` takes as
``workflow_task_finish_event_id``: the new run keeps everything before that task was completed and does the task again
(temporal.api.workflowservice.v1). The run is the one whose history has the marker, anywhere in the journey's chain
(``runtime.histories``); the server ends the run that goes on now, and follows the chain for what it reapplies.

What is reapplied of what came after that point, and what is not:

- Signals: not. A wake says only that the inbox has something new, and the first decision after the reset reads the
  inbox from its own cursor, to its end. Months of wakes would be copied into the new run for nothing. Nothing is lost:
  behaviour is committed before it is signalled, and the server refuses signals to a run that has been reset.
- Updates, which are operators' commands: not, because most are about a moment that is over (skip this wait, rewind to
  decision 12) and would be obeyed again, all in one decision. The preview lists them. The exception is a journey that
  is paused now and was not before that decision: it must stay paused, or the reset would send, and only the server can
  see to that in the same step. Then commands are reapplied, in their order. One that can't be obeyed twice (``_ONCE``)
  among them is refused instead.
- Cancellations and Nexus operations: journeys have none.

Nothing sent is sent again: the ledger knows every key (``activities.touches``). A touch that is just leaving finishes
and is marked sent, although its run is gone; the run that took over waits for its claim.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Refused
from domain.words import CommandKind
from runtime import histories
from storage import operators_log, resets
from storage.database import Database
from storage.resets import Consequences, Standing
from workflows.messages import workflow_id

_CALL = timedelta(seconds=30)
_NEVER = [
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS,
]
_COMMANDS = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
#: Commands that name what a reset takes away, or that act once: given again they would do something else.
_ONCE = frozenset({CommandKind.REWIND, CommandKind.RESEND, CommandKind.MIGRATE})
_REQUESTS = uuid.UUID("9a1f6a52-9f0e-4d1e-8f0a-2d6b3c1c7a10")


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of resets: why, by whom, and the name by which it knows, when it goes on, what it has done already.

    The name stands in the histories of the runs it made; who and why stand in the operators' log only.
    """

    name: str
    by: str
    reason: str = ""

    def made(self, run: histories.Run) -> bool:
        """Whether a run came from a reset of this batch."""
        return any(words.endswith(f"[{self.name}]") for words in run.resets)

    def words(self, number: int) -> str:
        return f"decide again from decision {number} [{self.name}]"


@dataclass(frozen=True, slots=True)
class Plan:
    """A reset of one journey, worked out. ``number`` is the first decision made again, ``asked`` the one asked for.

    They differ where one workflow task made several decisions. ``task`` is the event to reset to, in ``run_id``.
    ``done`` says that the batch has reset the journey already.
    """

    standing: Standing
    asked: int
    number: int
    run_id: str
    task: int
    consequences: Consequences
    done: bool = False

    @property
    def lead(self) -> str:
        return self.standing.lead

    @property
    def keeps_pause(self) -> bool:
        """Whether it is paused now, by a command that the reset takes back."""
        before = self.consequences.state
        return self.standing.paused_since is not None and (before is None or before.paused_since is None)

    @property
    def commands(self) -> list[tuple[int, str]]:
        """Operators' commands since: number of the decision, and kind."""
        return [(made.number, kind) for made in self.consequences.again for kind in made.commands]


class Resetting:
    """Plans resets and carries them out."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def plan(self, standing: Standing, number: int, batch: Batch) -> Plan:
        """How the journey would be reset to before decision ``number``. Changes nothing.

        Raises ``Refused``: there is no such decision, or its history is no longer kept.
        """
        self._sensible(standing, number)
        async for run in histories.runs(self._client, standing.lead):
            made = await histories.decisions(run, self._client.data_converter)
            for decision in made:
                if (decision.cycle, decision.number) != (standing.cycle, number):
                    continue
                first = min(one.number for one in made if one.task == decision.task)
                consequences = await resets.consequences(self._database, standing.lead, standing.cycle, first)
                return Plan(standing, number, first, run.id, decision.task, consequences, batch.made(run))
        raise Refused(
            f"No history that Temporal keeps of {standing.lead} holds decision {number}.",
            "Histories of closed runs go after the namespace's retention: reset to before a later decision, or use"
            " `tendril journeys rewind`.",
        )

    async def reset(self, plan: Plan, batch: Batch, now: datetime) -> str:
        """Carry the plan out; returns the new run's id. Sent again for the same batch it changes nothing.

        Raises ``Refused`` when the lead's next journey has begun meanwhile, or a command stands in the way.
        """
        exclude = [*_NEVER] if plan.keeps_pause else [*_NEVER, _COMMANDS]
        if plan.keeps_pause and (kinds := sorted(_ONCE.intersection(kind for _, kind in plan.commands))):
            raise Refused(
                f"{plan.lead} was paused after decision {plan.number}, and {', '.join(kinds)} came in between: a reset"
                " that keeps it paused would carry that out again.",
                "Reset to before a later decision, or resume it first.",
            )
        async with resets.reopening(self._database, plan.lead, plan.standing.cycle) as connection:
            run_id = await self._call(plan, batch, exclude)
            detail = {"before": plan.number, "cycle": plan.standing.cycle, "reason": batch.reason, "run": run_id}
            await operators_log.note(connection, batch.by, "reset", plan.lead, now, detail)
        return run_id

    async def _call(self, plan: Plan, batch: Batch, exclude: list[ResetReapplyExcludeType.ValueType]) -> str:
        key = f"{batch.name}/{plan.lead}/{plan.standing.cycle}/{plan.run_id}/{plan.task}"
        request = ResetWorkflowExecutionRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id(plan.lead), run_id=plan.run_id),
            reason=batch.words(plan.number),
            workflow_task_finish_event_id=plan.task,
            request_id=str(uuid.uuid5(_REQUESTS, key)),
            reset_reapply_exclude_types=exclude,
            identity="tendril journeys reset",
        )
        try:
            answer = await self._client.workflow_service.reset_workflow_execution(request, retry=True, timeout=_CALL)
        except RPCError as error:
            if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
                raise Refused(f"Temporal does not reset {plan.lead}: {error.message}.") from error
            raise
        return answer.run_id

    def _sensible(self, standing: Standing, number: int) -> None:
        if standing.merged_into:
            raise Refused(
                f"{standing.lead} was merged into {standing.merged_into}.", f"Reset {standing.merged_into} instead."
            )
        if not 1 <= number <= standing.decision_number:
            made = f"1 to {standing.decision_number}" if standing.decision_number else "none yet"
            raise Refused(
                f"Journey {standing.cycle} of {standing.lead} has no decision {number}: it has {made}.",
                "`tendril journeys timeline` shows them.",
            )


async def latest(database: Database, lead: str, cycle: int | None = None) -> Standing:
    """The lead's journey that a reset may be about: its latest. Raises ``Refused`` for an earlier one, and for none."""
    found = (await resets.standings(database, [lead])).get(lead, [])
    if not found:
        raise Refused(f"{lead} has no journey.", "`tendril journeys list` shows who has.")
    if cycle is not None and cycle != found[-1].cycle:
        raise Refused(
            f"{lead} is in journey {found[-1].cycle}: journey {cycle} can't be reset beside it, since both would be"
            " one workflow.",
            f"Reset journey {found[-1].cycle}, or change it with `tendril journeys rewind`.",
        )
    return found[-1]
