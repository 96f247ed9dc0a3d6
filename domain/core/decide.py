"""The core: one pure function from what is known to what should happen.

The order of the rules is the policy: operators and their holds, then what ends a journey, then sales, then silence,
then stages and triggers, then handoff, and only then the next touch. The workflow, the simulator and the tests call
this function.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.core import (
    ahead,
    endings,
    entry,
    forward,
    handoff,
    holds,
    lists,
    operators,
    placing,
    profiling,
    re_engagement,
    retractions,
    stages,
    touches,
    triggers,
)
from domain.core.draft import Draft
from domain.decision import Decision, Wake
from domain.facts import Facts, OperatorCommand
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState


def decide(
    playbook: CompiledPlaybook,
    state: JourneyState,
    facts: Facts,
    now: datetime,
    commands: Sequence[OperatorCommand] = (),
) -> Decision:
    """Decide what a journey does at ``now`` (aware UTC, deployment clock).

    A function of its arguments alone: the same arguments give the same decision. Never raises for any facts. A journey
    that has ended decides nothing more.
    """
    draft = Draft(playbook, state, facts, now)
    if not state.ended:
        placing.follow_playbook(draft, commands)
        retractions.tell(draft)
        operators.obey(draft, commands)
        _consider(draft)
    return _conclude(draft)


def version_in_force(playbook: CompiledPlaybook, facts: Facts, commands: Sequence[OperatorCommand] = ()) -> str:
    """Hash of the version a journey should decide with: the one that an operator moves it to, else the one that its own
    is followed by, or its own.

    Whether a version is followed was decided when another was put in force (``domain.versions``).
    """
    return placing.version_asked_for(commands) or facts.active_playbook or playbook.hash


def _consider(draft: Draft) -> None:
    for rule in (
        holds.notice,
        endings.check,
        entry.assign_segment,
        handoff.answered,
        entry.triage,
        handoff.run_clock,
        endings.too_long,
        re_engagement.run,
        stages.follow,
        triggers.fire,
        handoff.consider,
        touches.plan,
    ):
        if draft.state.ended:
            return
        rule(draft)


def _conclude(draft: Draft) -> Decision:
    """Freeze the draft: number the decision, move the cursor, choose the next wake."""
    unread = [behaviour.position for behaviour in draft.facts.behaviours]
    draft.change(number=draft.state.number + 1, cursor=max([draft.state.cursor, *unread]))
    ahead = forward.describe(draft)
    return Decision(
        state=draft.state,
        at=draft.now,
        title=_title(draft),
        scores=draft.scores,
        send=tuple(draft.send),
        withdraw=_withdrawn(draft),
        open_handoff=draft.open_handoff,
        resolve_handoff=draft.resolve_handoff,
        suppress=draft.suppress,
        audiences=lists.audiences(draft),
        crm=lists.crm_fields(draft, ahead),
        next_wake=_next_wake(draft),
        next_touch_at=None if draft.state.ended else draft.next_touch_at,
        reasons=tuple(draft.reasons),
        rejected=tuple(draft.rejected),
        forward=ahead,
        rewound_to=draft.rewound_to,
    )


def _withdrawn(draft: Draft) -> tuple[str, ...]:
    """What was called back and is not sent after all."""
    sent = {touch.key for touch in draft.send}
    return tuple(key for key in dict.fromkeys(draft.withdraw) if key not in sent)


def _next_wake(draft: Draft) -> Wake | None:
    """The earliest of everything that waits. Every journey that has not ended has one (C37)."""
    if draft.state.ended:
        return None
    if draft.facts.more_unread:
        return Wake(at=draft.now, cause="more behaviour to read")
    handoff.next_step(draft)
    re_engagement.next_step(draft)
    profiling.next_step(draft)
    holds.next_step(draft)
    draft.wake(draft.state.started + draft.rules.length_limit, "the journey's longest time is reached")
    ahead.next_step(draft)
    first = min(draft.wakes, key=lambda wake: wake.comes)
    if first.at <= draft.now:  # a limit that is past but held open, such as the length limit during a handoff
        later = [wake for wake in draft.wakes if wake.at > draft.now]
        day = Wake(at=draft.now + timedelta(days=1), cause="look again")
        first = min([*later, day], key=lambda wake: wake.comes)
    return first


def _title(draft: Draft) -> str:
    """One line for lists and for the Temporal UI. No personal data."""
    state = draft.state
    if state.ended:
        return lists.why_here(draft)
    if draft.open_handoff is not None:
        return f"Handed to sales: {draft.open_handoff.reason}"
    if draft.send:
        return "Sends " + ", ".join(touch.asset or touch.step for touch in draft.send)
    if draft.stopped:
        return "Paused" if state.paused_since is not None or not draft.hold else f"Held with {draft.hold.scope}"
    if draft.reasons:
        return draft.reasons[-1].text[:1].upper() + draft.reasons[-1].text[1:]
    return "Waits: " + (draft.rejected[-1].why if draft.rejected else "nothing is due")
