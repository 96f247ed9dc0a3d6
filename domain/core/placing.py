"""Where a journey stands in a version of the playbook that it did not begin with (C34).

One rule for each thing that may be gone, all of them in ``place``, each told and counted in the decision's reasons:

================== =================================================================================================
gone               what happens
================== =================================================================================================
the stage          the latest stage that is not beyond it; the first where there is none
the segment        the first segment that holds, the last where none does
the step last sent the first step of the track that the lead was not sent yet comes next, its gap counts on
a trigger          its touch that waits is dropped
an asset           a trigger's touch that waits with it, and a resend of it, are dropped
an audience        the lead leaves it
the questions      asked for what is missing no more: the track begins
================== =================================================================================================

What waits on nothing needs no rule: an experiment's lot stays drawn in case it comes back, and the open handoff, the
cool-down, re-engagement and the length limit run by the new version's times.
"""

from collections.abc import Sequence

from domain.core import entry
from domain.core.draft import Draft
from domain.core.steps import step_of
from domain.facts import OperatorCommand
from domain.playbook.places import touches
from domain.words import DIRECT_CHANNELS, BuyerStage, CommandKind, TouchStatus


def version_asked_for(commands: Sequence[OperatorCommand]) -> str:
    """The version that an operator moves the journey to, "" for none."""
    return next((one.playbook for one in reversed(commands) if one.kind is CommandKind.MIGRATE), "")


def follow_playbook(draft: Draft, commands: Sequence[OperatorCommand]) -> None:
    """Take the version that this decision is made with as the journey's own."""
    before, version = draft.state.playbook, draft.playbook.hash
    if before != version:
        verb = "migrates to" if version_asked_for(commands) == version else "follows"
        draft.because("playbook", f"{verb} version {version}", before=before)
        place(draft)


def migrate(draft: Draft, command: OperatorCommand) -> None:
    """Answer the command; the move was made with the first thing this decision did."""
    if draft.playbook.hash != command.playbook:
        draft.reject("migrate", f"there is no playbook version {command.playbook}, or another was asked for", "version")
    elif draft.before.playbook == command.playbook:
        draft.reject("migrate", "decides with this version already", "version")


def place(draft: Draft) -> None:
    """Make the present state one of this version: nobody is left at a place that it does not have."""
    placed = {
        "stage": _stage(draft),
        "segment": _segment(draft),
        "step": _step(draft),
        "pending": _pending(draft),
        "audiences": _audiences(draft),
        "profile": _profile(draft),
    }
    draft.change(playbook=draft.playbook.hash)
    if any(placed.values()):
        gone = {what: number for what, number in placed.items() if number}
        draft.because("placed", f"the playbook no longer has its {', '.join(gone)}: placed anew", **gone)


def _stage(draft: Draft) -> int:
    if draft.state.stage in draft.playbook.stage_order:
        return 0
    known = list(BuyerStage)
    reached = [stage for stage in draft.playbook.stage_order if known.index(stage) <= known.index(draft.state.stage)]
    target = reached[-1] if reached else draft.rules.stages[0].id
    draft.because("stage_removed", f"the playbook no longer has this stage: placed in {target.value.replace('_', ' ')}")
    draft.move_to(target)
    return 1


def _segment(draft: Draft) -> int:
    gone = bool(draft.state.segment) and draft.state.segment not in draft.playbook.segments
    if gone:
        entry.assign_segment(draft)
    return int(gone)


def _step(draft: Draft) -> int:
    """Nothing is to be done: which step is next follows from what was sent (``domain.core.steps``)."""
    own = [t for t in draft.facts.touches if t.cycle == draft.state.cycle and t.status is TouchStatus.SENT]
    sent = [t.step for t in own if t.channel in DIRECT_CHANNELS and not t.step.startswith(step_of(""))]
    return int(bool(sent) and sent[-1] not in {touch.id for _, touch in touches(draft.rules)})


def _pending(draft: Draft) -> int:
    state, triggers, assets = draft.state, draft.playbook.triggers, draft.rules.assets
    wanted = tuple(
        one
        for one in state.pending
        if (trigger := triggers.get(one.trigger)) is not None
        and trigger.touch is not None
        and (not one.asset or one.asset in assets)
    )
    again = tuple(one for one in state.resending if not one.asset or one.asset in assets)
    gone = [one.asset or one.step for one in state.pending if one not in wanted]
    gone += [one.asset or one.step for one in state.resending if one not in again]
    for what in gone:
        draft.reject(what, "the playbook no longer has it", "placed")
    draft.change(pending=wanted, resending=again)
    return len(gone)


def _audiences(draft: Draft) -> int:
    """Those that a trigger added; the rest follow from conditions, and desired lists name every audience there is."""
    known = {audience.id for audience in draft.rules.audiences}
    kept = tuple(name for name in draft.state.joined if name in known)
    gone = len(draft.state.joined) - len(kept)
    draft.change(joined=kept)
    return gone


def _profile(draft: Draft) -> int:
    if not draft.state.profiling or draft.rules.profile is not None:
        return 0
    draft.change(profiling=False, tracks_since=draft.now)
    draft.begin_track()
    return 1
