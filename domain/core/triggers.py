"""Behaviour that interrupts: a touch in place of the next generic one, an alert, a stage move, audiences (C10, C11)."""

from datetime import datetime, timedelta
from itertools import count

from domain.core import experiments, stages
from domain.core.cadence import COUNTED
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.core.steps import step_of
from domain.playbook.hits import Hit
from domain.playbook.models import Trigger
from domain.state import PendingTouch
from domain.words import REPLANNABLE, Channel

#: What is read later than this after it happened interrupts nothing: nobody expects an answer any more.
_STALE = timedelta(days=7)


def fire(draft: Draft) -> None:
    """Fire every trigger whose behaviour is new, in the playbook's order, each at most once per decision."""
    for trigger in draft.rules.triggers:
        hits = [hit for hit in draft.new if hit.name == trigger.behaviour]
        if hits and (trigger.when is None or draft.holds(trigger.when)):
            _fire(draft, trigger, max(hits, key=lambda hit: hit.at))


def _fire(draft: Draft, trigger: Trigger, hit: Hit) -> None:
    if draft.state.phase not in NURTURING:
        draft.reject(trigger.id, f"no triggers in phase {draft.state.phase.value.replace('_', ' ')}", "phase")
        return
    if hit.at < draft.now - _STALE:
        draft.reject(trigger.id, "it happened too long ago", "stale")
        return
    if trigger.first_only and _did_before(draft, hit):
        draft.reject(trigger.id, "it was not the first time", "first_only")
        return
    cooled = _cooled(draft, trigger, hit)
    if cooled is not None:
        draft.reject(trigger.id, "the same trigger fired not long ago", "cool_down", cooled)
        return
    draft.because(trigger.id, hit.match.label, behaviour=hit.name, at=hit.at)
    if trigger.stage is not None:
        stages.raise_to(draft, trigger.stage, trigger.id)
    _change_audiences(draft, trigger)
    step = step_of(trigger.id)
    if trigger.alert and not _answered(draft, f"{step}-alert", hit):
        _alert(draft, trigger)
    if trigger.touch is not None and not _answered(draft, step, hit):
        _wait_for_touch(draft, trigger, hit)


def _did_before(draft: Draft, hit: Hit) -> bool:
    """Whether an earlier decision has read the same behaviour. Several at once are a first time together."""
    return any(known.name == hit.name and known.position <= draft.before.cursor for known in draft.hits)


def _answered(draft: Draft, step: str, hit: Hit) -> bool:
    """Whether the ledger holds an answer to this very behaviour: it is read again after a reset."""
    return any(t.step == step and t.at >= hit.at and t.status not in REPLANNABLE for t in draft.facts.touches)


def _cooled(draft: Draft, trigger: Trigger, hit: Hit) -> datetime | None:
    """When the trigger may fire again, or None when it may now. Answers to this behaviour itself do not count."""
    step = step_of(trigger.id)
    if any(pending.trigger == trigger.id for pending in draft.state.pending):
        return draft.now
    steps = (step, f"{step}-alert")
    fired = [t.at for t in draft.facts.touches if t.step in steps and t.status in COUNTED and t.at < hit.at]
    again = max(fired) + trigger.cool_down if fired else None
    return again if again is not None and again > draft.now else None


def _change_audiences(draft: Draft, trigger: Trigger) -> None:
    joined = dict.fromkeys((*draft.state.joined, *trigger.audiences.add))
    kept = tuple(name for name in joined if name not in trigger.audiences.remove)
    if kept != draft.state.joined:
        draft.change(joined=kept)


def _alert(draft: Draft, trigger: Trigger) -> None:
    step = f"{step_of(trigger.id)}-alert"
    draft.touch(step, Channel.ALERT, note=trigger.alert, occurrence=occurrence(draft, step))


def occurrence(draft: Draft, step: str) -> int:
    """Number of the next touch of a step that may repeat: the first whose key is free, or freed by a refusal."""
    taken = {touch.key for touch in draft.facts.touches if touch.status not in REPLANNABLE}
    return next(number for number in count(1) if draft.key(step, number) not in taken)


def _wait_for_touch(draft: Draft, trigger: Trigger, hit: Hit) -> None:
    assert trigger.touch is not None  # noqa: S101 the caller has looked
    step = step_of(trigger.id)
    arm = experiments.arm(draft, step) if draft.rules.experiments else None
    if arm is not None:
        experiments.remember(draft, arm)
        if arm.variant is None:
            draft.reject(step, f"held out of the experiment {arm.experiment.id}", "holdout")
            return
    touch = experiments.varied_trigger(trigger.touch, arm)
    due = max(hit.at + touch.delay, draft.now)
    pending = PendingTouch(
        step=step,
        trigger=trigger.id,
        channel=touch.channel,
        asset=touch.asset or "",
        due=due,
        expires=due + touch.expires,
        priority=trigger.priority,
        variant=arm.tag if arm else "",
    )
    draft.change(pending=(*draft.state.pending, pending))
