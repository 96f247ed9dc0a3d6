"""What an operator or a seller commands, obeyed before anything else is considered (C33, C36)."""

from collections.abc import Callable, Sequence

from domain.core import handoff, holds, placing, resends, rewinding
from domain.core.draft import Draft
from domain.core.phases import TRANSITIONS, WITH_SALES
from domain.facts import OperatorCommand
from domain.words import BuyerStage, CommandKind, DisqualifyReason, Ending, LeadStatus, Phase


def obey(draft: Draft, commands: Sequence[OperatorCommand]) -> None:
    """Carry out commands in the order they came. One that no longer makes sense is recorded as rejected."""
    for command in commands:
        if draft.state.ended:
            draft.reject(command.kind.value, "the journey has ended", "ended")
        else:
            draft.because(f"operator_{command.kind.value}", _words(command), by=command.by, command=command.id)
            _OBEY[command.kind](draft, command)


def _pause(draft: Draft, _: OperatorCommand) -> None:
    if draft.state.paused_since is None:
        draft.change(paused_since=draft.now)


def _skip_wait(draft: Draft, _: OperatorCommand) -> None:
    if draft.hold is not None:
        draft.reject("skip_wait", f"a hold on {draft.hold.scope} is in force: lift it first", "hold")
        return
    if draft.state.phase in WITH_SALES:
        draft.reject("skip_wait", "sales has the lead: there is no wait to skip", "phase")
        return
    draft.skip_wait = True
    pending = tuple(touch.model_copy(update={"due": draft.now}) for touch in draft.state.pending)
    draft.change(pending=pending)


def _force_stage(draft: Draft, command: OperatorCommand) -> None:
    stage = BuyerStage(command.stage) if command.stage in set(BuyerStage) else None
    if stage is None or stage not in draft.playbook.stages:
        draft.reject("force_stage", f"the playbook has no stage {command.stage!r}", "unknown_stage")
    else:
        draft.move_to(stage)


def _hand_off(draft: Draft, command: OperatorCommand) -> None:
    if Phase.HANDOFF in TRANSITIONS[draft.state.phase] and draft.state.handoff is None:
        handoff.give(draft, command.reason or "an operator decided so", "operator_hand_off")
    else:
        draft.reject("hand_off", "sales has the lead already", "already_open")


def _disqualify(draft: Draft, command: OperatorCommand) -> None:
    known = command.reason in set(DisqualifyReason)
    reason = DisqualifyReason(command.reason) if known else DisqualifyReason.OTHER
    draft.end(Ending.DISQUALIFIED, reason.value, LeadStatus.DISQUALIFIED)


def _opt_out(draft: Draft, _: OperatorCommand) -> None:
    draft.forbid(Ending.OPTED_OUT.value)
    draft.end(Ending.OPTED_OUT, "asked not to be contacted")


def _end(draft: Draft, command: OperatorCommand) -> None:
    draft.end(Ending.OPERATOR, command.reason or "ended by an operator")


def _accept(draft: Draft, _: OperatorCommand) -> None:
    handoff.accept(draft)


def _reject(draft: Draft, command: OperatorCommand) -> None:
    handoff.reject(draft, command.reason)


def _words(command: OperatorCommand) -> str:
    what = command.kind.value.replace("_", " ")
    if command.kind is CommandKind.RESUME:
        what = f"{what} ({command.policy.value.replace('_', ' ')})"
    detail = command.stage or command.reason
    return f"asked to {what}" + (f": {detail.replace('_', ' ')}" if detail else "")


_OBEY: dict[CommandKind, Callable[[Draft, OperatorCommand], None]] = {
    CommandKind.PAUSE: _pause,
    CommandKind.RESUME: holds.resume,
    CommandKind.SKIP_WAIT: _skip_wait,
    CommandKind.FORCE_STAGE: _force_stage,
    CommandKind.HAND_OFF: _hand_off,
    CommandKind.DISQUALIFY: _disqualify,
    CommandKind.OPT_OUT: _opt_out,
    CommandKind.END: _end,
    CommandKind.SALES_ACCEPT: _accept,
    CommandKind.SALES_REJECT: _reject,
    CommandKind.RESEND: resends.resend,
    CommandKind.REWIND: rewinding.rewind,
    CommandKind.MIGRATE: placing.migrate,
}
