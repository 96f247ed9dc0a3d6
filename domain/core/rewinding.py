"""Going back to an earlier decision for business reasons, and deciding from there by today's rules (C36).

The state goes back, and with the cursor the same recorded behaviour is read again; what happened does not. So what was
sent stays sent, an experiment's lot stays drawn, a seller's answer stays given, and numbers only rise. What the
decisions since planned and nobody began is called back, and a handoff they opened is withdrawn.
"""

from datetime import datetime

from domain.core import placing
from domain.core.draft import Draft
from domain.decision import ResolveHandoff
from domain.facts import OperatorCommand
from domain.state import HandoffState, JourneyState, PendingTouch
from domain.words import REPLANNABLE


def rewind(draft: Draft, command: OperatorCommand) -> None:
    """Go on from the state after decision ``to``, or from the beginning (0)."""
    to, standing = command.to, draft.state
    recorded = None if to is None else draft.facts.past.get(to)
    if to is None or recorded is None or to >= draft.before.number:
        draft.reject("rewind", f"decision {to} of this journey is not recorded", "unknown_decision")
    elif draft.rewound_to is not None:
        draft.reject("rewind", "another rewind was asked for at the same time", "rewound")
    else:
        last, opened = draft.before.number, _opened_since(draft.before, recorded)
        draft.go_back(_from(draft, recorded, standing, to), to)
        draft.because("rewind", f"goes on from decision {to}", superseded=_range(to + 1, last))
        if recorded.playbook != draft.state.playbook:
            placing.place(draft)
        if opened is not None:
            draft.because("rewind", "takes back the handoff that was opened since", handoff=opened.id)
            draft.resolve_handoff = ResolveHandoff(id=opened.id, outcome="withdrawn", reason="rewound")


def _from(draft: Draft, recorded: JourneyState, standing: JourneyState, to: int) -> JourneyState:
    """The recorded state, with what can't be undone and what operators said of the journey as it stands."""
    before = draft.before
    return recorded.model_copy(
        update={
            "number": before.number,
            "epoch": max(recorded.epoch, standing.epoch),
            "playbook": standing.playbook,
            "variants": {**recorded.variants, **standing.variants},
            "handoff": _asked_anew(recorded.handoff, before.handoff, draft.now),
            "handoffs": before.handoffs - (_opened_since(before, recorded) is not None),
            "pending": tuple(one for one in recorded.pending if not _left_since(draft, one, to)),
            "resending": standing.resending,
            "in_flight": standing.in_flight,
            "paused_since": standing.paused_since,
            "held_since": standing.held_since,
            "resumed_at": standing.resumed_at,
        }
    )


def _opened_since(before: JourneyState, recorded: JourneyState) -> HandoffState | None:
    """The handoff that is open now and was not then."""
    same = recorded.handoff is not None and before.handoff is not None and recorded.handoff.id == before.handoff.id
    return None if same else before.handoff


def _asked_anew(then: HandoffState | None, now_open: HandoffState | None, now: datetime) -> HandoffState | None:
    """A handoff that was open then: as it stands where it still is, else with all of its time."""
    if then is None or (now_open is not None and now_open.id == then.id):
        return now_open if then is not None else None
    return HandoffState(id=then.id, opened=now, reason=then.reason)


def _left_since(draft: Draft, pending: PendingTouch, to: int) -> bool:
    """Whether what a trigger called for then has left since."""
    return any(
        touch.step == pending.step and touch.number > to and touch.status not in REPLANNABLE
        for touch in draft.facts.touches
        if touch.cycle == draft.state.cycle
    )


def _range(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}–{last}"
