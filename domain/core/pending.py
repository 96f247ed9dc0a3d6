"""Touches that triggers called for and that wait to leave. Those that are due compete: the highest priority first."""

from domain.core import leaving
from domain.core.draft import Draft
from domain.core.leaving import AFTER_REFUSAL, Planned
from domain.core.steps import following, impossible, step_of
from domain.core.triggers import occurrence
from domain.decision import Priority
from domain.playbook.models import Trigger
from domain.state import PendingTouch
from domain.words import Channel, TouchStatus


def send_next(draft: Draft) -> bool:
    """Handle the first that leaves, or is not wanted any more. True when there was one: look again."""
    ahead = ""
    for pending in sorted(draft.state.pending, key=lambda one: (one.due > draft.now, -one.priority, one.due)):
        if _dropped(draft, pending):
            return True
        planned = _planned(draft, pending)
        due = pending.due <= draft.now
        if ahead and due and planned.direct:
            draft.reject(planned.what, f"the touch for {ahead} goes first", "outranked")
            continue
        slot = leaving.slot(draft, planned)
        if pending.expires is not None and slot.at > pending.expires:
            draft.rejected.extend(slot.held_by)
            _drop(draft, pending, "could not leave before it would answer nothing any more", "expired")
            return True
        if leaving.leaves(draft, planned, slot):
            _send(draft, pending, planned)
            return True
        ahead = pending.trigger if due and planned.direct else ahead
    return False


def try_again(draft: Draft) -> None:
    """A trigger's touch that was refused at the last moment (a colleague's filled the cap) waits again."""
    cycle = draft.state.cycle
    refused = {t.step for t in draft.facts.touches if t.status is TouchStatus.REFUSED and t.cycle == cycle}
    if not refused:
        return
    waiting = {pending.step for pending in draft.state.pending}
    for trigger in draft.rules.triggers:
        if step_of(trigger.id) in refused - waiting:
            _again(draft, trigger)


def _again(draft: Draft, trigger: Trigger) -> None:
    step, state = step_of(trigger.id), draft.state
    last = max((t for t in draft.facts.touches if t.step == step and t.cycle == state.cycle), key=lambda t: t.at)
    if trigger.touch is None or last.status is not TouchStatus.REFUSED or last.at < state.phase_since:
        return
    again = PendingTouch(
        step=step,
        trigger=trigger.id,
        channel=last.channel,
        asset=last.asset,
        due=last.at + AFTER_REFUSAL,
        expires=last.at + max(trigger.touch.expires, AFTER_REFUSAL),
        priority=trigger.priority,
        variant=last.variant,
    )
    stale = again.expires is not None and draft.now > again.expires
    if not (stale or _given_up(draft, again) or impossible(draft, again.channel, again.asset)):
        draft.change(pending=(*state.pending, again))


def _dropped(draft: Draft, pending: PendingTouch) -> bool:
    """Drop it when nothing can come of it any more: the playbook may have changed meanwhile, and time passes."""
    why = _given_up(draft, pending) or impossible(draft, pending.channel, pending.asset)
    if why:
        _drop(draft, pending, why, "already_sent" if "already" in why else "channel")
    elif pending.expires is not None and draft.now > pending.expires:
        _drop(draft, pending, "it would answer nothing any more", "expired")
    else:
        return False
    return True


def _drop(draft: Draft, pending: PendingTouch, why: str, rule: str) -> None:
    draft.reject(pending.step, why, rule)
    _forget(draft, pending)


def _send(draft: Draft, pending: PendingTouch, planned: Planned) -> None:
    generic = following(draft)
    if generic is not None:
        draft.reject(generic.touch.id, f"replaced by the touch for {pending.trigger}", "replaced_by_trigger")
    _forget(draft, pending)
    draft.because(pending.step, f"sends {planned.what} because of {pending.trigger}")
    leaving.send(draft, planned, occurrence(draft, pending.step))


def _planned(draft: Draft, pending: PendingTouch) -> Planned:
    trigger = draft.playbook.triggers.get(pending.trigger)
    touch = trigger.touch if trigger else None
    return Planned(
        step=pending.step,
        channel=Channel(pending.channel),
        due=pending.due,
        asset=pending.asset,
        note=touch.note if touch else "",
        variant=pending.variant,
        anytime=touch is not None and touch.window == "any",
        priority=Priority.ANSWER,
        expires=pending.expires,
    )


def _given_up(draft: Draft, pending: PendingTouch) -> str:
    """Why a touch that a trigger called for is not wanted any more, or ""."""
    trigger = draft.playbook.triggers.get(pending.trigger)
    if trigger is None or trigger.touch is None:
        return f"the playbook no longer sends anything for {pending.trigger}"
    if pending.asset and pending.asset not in draft.rules.assets:
        return f"the playbook no longer has {pending.asset}"
    return ""


def _forget(draft: Draft, pending: PendingTouch) -> None:
    draft.change(pending=tuple(touch for touch in draft.state.pending if touch is not pending))
