"""When an operator's command makes no sense: asked by update validators, before anything is recorded."""

from collections.abc import Callable, Sequence

from domain.keys import TouchKey
from domain.state import JourneyState
from domain.words import BuyerStage, CommandKind, DisqualifyReason, RejectReason
from workflows.messages import CommandRequest


def objection(state: JourneyState, queued: Sequence[CommandKind], kind: CommandKind, request: CommandRequest) -> str:
    """Why the command can't be taken, in words for the one who sent it; "" when it can.

    ``queued`` are commands already taken but not yet considered.
    """
    if state.ended:
        return "The journey has ended; no command can change it."
    rule = _RULES.get(kind)
    return rule(state, queued, request) if rule else ""


def _paused(state: JourneyState, queued: Sequence[CommandKind]) -> bool:
    last = [kind for kind in queued if kind in {CommandKind.PAUSE, CommandKind.RESUME}][-1:]
    return last == [CommandKind.PAUSE] if last else state.paused_since is not None


def _pause(state: JourneyState, queued: Sequence[CommandKind], _request: CommandRequest) -> str:
    return "The journey is paused already." if _paused(state, queued) else ""


def _resume(state: JourneyState, queued: Sequence[CommandKind], request: CommandRequest) -> str:
    """Whether a hold stopped it (``since``) only the database knows, and so the decision says."""
    return "" if request.since is not None or _paused(state, queued) else "The journey is not paused."


def _skip_wait(state: JourneyState, queued: Sequence[CommandKind], _request: CommandRequest) -> str:
    return "The journey is paused: resume it first." if _paused(state, queued) else ""


def _force_stage(_state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    return "" if request.stage in set(BuyerStage) else _one_of("stage", request.stage, BuyerStage)


def _hand_off(state: JourneyState, _queued: Sequence[CommandKind], _request: CommandRequest) -> str:
    return "Sales has this lead already: the handoff is open." if state.handoff else ""


def _disqualify(_state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    return "" if request.reason in {"", *DisqualifyReason} else _one_of("reason", request.reason, DisqualifyReason)


def _accept(state: JourneyState, _queued: Sequence[CommandKind], _request: CommandRequest) -> str:
    return "" if state.handoff else "There is no open handoff to answer."


def _reject(state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    if state.handoff is None:
        return "There is no open handoff to answer."
    return "" if request.reason in set(RejectReason) else _one_of("reason", request.reason, RejectReason)


def _resend(state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    key = TouchKey.parse(request.touch)
    if key is None or (key.lead, key.cycle) != (state.lead, state.cycle):
        own = f"{state.lead}/{state.cycle}/0/STEP"
        return f"touch {request.touch!r} is none of this journey's: the ledger's keys are like {own}."
    return "It is still on its way: nothing was sent yet." if request.touch in state.in_flight else ""


def _rewind(state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    if request.to is not None and 0 <= request.to < state.number:
        return ""
    return f"to {request.to!r} is no decision to go back to: the journey stands at {state.number}, 0 is its beginning."


def _migrate(state: JourneyState, _queued: Sequence[CommandKind], request: CommandRequest) -> str:
    if not request.playbook:
        return "playbook is missing: the hash of the version to move to."
    return "The journey decides with that version already." if request.playbook == state.playbook else ""


def _one_of(what: str, given: str, words: type[BuyerStage] | type[DisqualifyReason] | type[RejectReason]) -> str:
    return f"{what} {given!r} is not one of {', '.join(words)}."


_RULES: dict[CommandKind, Callable[[JourneyState, Sequence[CommandKind], CommandRequest], str]] = {
    CommandKind.PAUSE: _pause,
    CommandKind.RESUME: _resume,
    CommandKind.SKIP_WAIT: _skip_wait,
    CommandKind.FORCE_STAGE: _force_stage,
    CommandKind.HAND_OFF: _hand_off,
    CommandKind.DISQUALIFY: _disqualify,
    CommandKind.SALES_ACCEPT: _accept,
    CommandKind.SALES_REJECT: _reject,
    CommandKind.RESEND: _resend,
    CommandKind.REWIND: _rewind,
    CommandKind.MIGRATE: _migrate,
}
