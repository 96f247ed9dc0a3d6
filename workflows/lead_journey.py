"""One lead's journey: a thin interpreter of recorded decisions (DESIGN decision 1).

Ask ``decide`` what now, carry it out, wait until the time it named or until something stirs, ask again. No business
rule is in here: whatever follows from facts is decided in the activity, and its result is a fact in history. Change the
order of commands here only behind ``workflow.patched`` and with the replay corpus green.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from activities.messages import DecideInput, DecideResult, SendTouch, TouchOutcome, TouchResult
from domain.facts import OperatorCommand
from domain.state import JourneyState
from domain.words import CommandKind
from workflows.messages import JOURNEY, SEND_TOUCH, STATE, WAKE, Carried, CommandAnswer, CommandRequest, JourneyEnd
from workflows.objections import objection
from workflows.showing import details, summary, upsert

_DECIDE_TIMEOUT = timedelta(seconds=10)
#: A database that is down is asked again for ever; beyond the threshold a wait is a timer and not a busy worker.
_DECIDE_RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(minutes=1))
_DECIDE_RETRY_THRESHOLD = timedelta(seconds=3)
_TOUCH_PATIENCE = timedelta(days=3)
_TOUCH_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
#: Longer than a claim's lease, which is longer than an adapter may take (``Settings.send_timeout``).
_TOUCH_TIMEOUT = timedelta(seconds=35)


def _command(kind: CommandKind) -> Any:
    """The update of one operator command: refused at once if it makes no sense, answered once it was considered."""

    # ``self`` goes without a type: the SDK would take an annotated one for the update's argument.
    async def handle(self, request: CommandRequest) -> CommandAnswer:  # type: ignore[no-untyped-def]  # noqa: ANN001
        answer: CommandAnswer = await self.consider(kind, request)
        return answer

    def check(self, request: CommandRequest) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.check(kind, request)

    update = workflow.update(name=kind.value)(handle)
    update.validator(check)
    return update


@workflow.defn(name=JOURNEY)
class LeadJourney:
    """Workflow id ``lead-<id>``; argument: the state to go on from, whether new or after the last decision in force, or
    what the run before carried over when it continued as new.
    """

    @workflow.init
    def __init__(self, begin: JourneyState | Carried) -> None:
        carried = begin if isinstance(begin, Carried) else Carried(state=begin)
        self._state = carried.state
        self._wakes = list(carried.wakes)
        self._commands: list[OperatorCommand] = []
        self._answers: dict[str, CommandAnswer] = {}
        self._outcomes = list(carried.outcomes)
        self._running: dict[str, workflow.ActivityHandle[TouchOutcome]] = {}
        self._followers: set[asyncio.Task[None]] = set()
        self._shown = dict(carried.shown)
        self._forward = carried.forward
        self._decided = False
        self._waited_for = ""

    @workflow.run
    async def run(self, begin: JourneyState | Carried) -> JourneyEnd:  # noqa: ARG002 taken in __init__, before handlers
        while not self._state.ended:
            if self._may_continue_as_new():
                workflow.continue_as_new(self._carried())
            result = await self._decide()
            self._carry_out(result)
            if not self._state.ended:
                await self._wait(result)
        await workflow.wait_condition(lambda: not self._running and workflow.all_handlers_finished())
        return JourneyEnd(ending=self._state.ending, reason=self._state.ending_reason, decisions=self._state.number)

    # --- what others may say -------------------------------------------------------------------------------------

    @workflow.signal(
        name=WAKE, description="New behaviour is in the inbox; the names are for whoever reads the history."
    )
    def wake(self, types: list[str]) -> None:
        self._wakes += [name for name in types if name not in self._wakes]

    @workflow.query(name=STATE, description="The journey's state after its last decision.")
    def state(self) -> JourneyState:
        return self._state

    pause = _command(CommandKind.PAUSE)
    resume = _command(CommandKind.RESUME)
    skip_wait = _command(CommandKind.SKIP_WAIT)
    force_stage = _command(CommandKind.FORCE_STAGE)
    hand_off = _command(CommandKind.HAND_OFF)
    disqualify = _command(CommandKind.DISQUALIFY)
    opt_out = _command(CommandKind.OPT_OUT)
    end = _command(CommandKind.END)
    sales_accept = _command(CommandKind.SALES_ACCEPT)
    sales_reject = _command(CommandKind.SALES_REJECT)
    resend = _command(CommandKind.RESEND)
    rewind = _command(CommandKind.REWIND)
    migrate = _command(CommandKind.MIGRATE)

    def check(self, kind: CommandKind, request: CommandRequest) -> None:
        """Refuse a command that makes no sense now: it then leaves no trace in history."""
        reason = objection(self._state, [command.kind for command in self._commands], kind, request)
        if reason:
            raise ApplicationError(reason, type="Refused", non_retryable=True)

    async def consider(self, kind: CommandKind, request: CommandRequest) -> CommandAnswer:
        """Queue a command for the next decision and answer with what it led to."""
        info = workflow.current_update_info()
        id_ = info.id if info else ""
        self._commands.append(OperatorCommand(id=id_, kind=kind, **dict(request)))
        await workflow.wait_condition(lambda: id_ in self._answers or self._state.ended)
        if id_ not in self._answers:
            raise ApplicationError("The journey ended before the command was considered.", type="Refused")
        return self._answers.pop(id_)

    # --- the interpreter -----------------------------------------------------------------------------------------

    async def _decide(self) -> DecideResult:
        asked = DecideInput(
            state=self._state,
            now=workflow.now(),
            wakes=tuple(self._wakes),
            commands=tuple(self._commands),
            outcomes=tuple(self._outcomes),
            in_flight=tuple(self._running),
            shown=self._shown,
            forward=self._forward,
        )
        self._wakes, self._commands, self._outcomes = [], [], []
        result: DecideResult = await workflow.execute_local_activity(
            "decide",
            asked,
            result_type=DecideResult,
            start_to_close_timeout=_DECIDE_TIMEOUT,
            retry_policy=_DECIDE_RETRY,
            local_retry_threshold=_DECIDE_RETRY_THRESHOLD,
            summary=summary(asked, self._waited_for),
        )
        for command in asked.commands:
            state = result.state
            self._answers[command.id] = CommandAnswer(
                title=result.title, status=state.status, phase=state.phase, stage=state.stage, decision=state.number
            )
        return result

    def _carry_out(self, result: DecideResult) -> None:
        self._state, self._decided, self._waited_for = result.state, True, result.cause
        for key in result.withdraw:
            if key in self._running:
                self._running[key].cancel()
        for touch in result.send:
            if touch.key not in self._running:
                self._start(touch)
        self._shown.update(result.show)
        self._forward = self._forward if result.forward is None else result.forward
        upsert(result.show)
        workflow.set_current_details(details(result, self._forward))

    def _start(self, touch: SendTouch) -> None:
        handle = workflow.start_activity(
            SEND_TOUCH,
            touch,
            result_type=TouchOutcome,
            schedule_to_close_timeout=_TOUCH_PATIENCE,
            start_to_close_timeout=_TOUCH_TIMEOUT,
            retry_policy=_TOUCH_RETRY,
            # A touch called back while it is on its way to the vendor still says what became of it.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"{touch.channel} {touch.asset or touch.step}",
            priority=Priority(priority_key=touch.priority),
        )
        self._running[touch.key] = handle
        follower = asyncio.create_task(self._follow(touch.key, handle))
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def _follow(self, key: str, handle: workflow.ActivityHandle[TouchOutcome]) -> None:
        """Note a touch's outcome. One that was sent needs no decision: what follows it is already planned."""
        try:
            outcome = await handle
        except ActivityError as error:
            called_back = is_cancelled_exception(error)
            outcome = TouchOutcome(key=key, result=TouchResult.WITHDRAWN if called_back else TouchResult.FAILED)
        finally:
            del self._running[key]
        if outcome.result not in {TouchResult.SENT, TouchResult.WITHDRAWN}:
            self._outcomes.append(outcome)

    async def _wait(self, result: DecideResult) -> None:
        """Sleep until the time the decision named, however far, or until something stirs."""
        timeout = None if result.wake_at is None else max(result.wake_at - workflow.now(), timedelta())
        try:
            await workflow.wait_condition(self._stirred, timeout=timeout, timeout_summary=result.cause or None)
        except TimeoutError:
            return

    def _stirred(self) -> bool:
        return bool(self._wakes or self._commands or self._outcomes)

    def _may_continue_as_new(self) -> bool:
        """Where the server suggests it and nothing is under way that only this run can finish.

        Never before this run has decided and waited: however little history the server allows, runs follow each other
        no faster than decisions do.
        """
        if not self._decided or not workflow.info().is_continue_as_new_suggested():
            return False
        return not self._commands and not self._running and workflow.all_handlers_finished()

    def _carried(self) -> Carried:
        """What the next run needs beside the state: search attributes outlive this run, so what was shown is known."""
        return Carried(
            state=self._state,
            wakes=tuple(self._wakes),
            outcomes=tuple(self._outcomes),
            shown=self._shown,
            forward=self._forward,
        )
