"""Which touch is next, and whether it may leave now (C7, C11, C17–C19).

A trigger's touch goes before the track's next one and takes its slot. What the next step is, ``domain.core.steps``
says; what its wait comes to, ``waits``; what is left when there is none, ``exhausted``.
"""

from datetime import datetime, timedelta

from domain.core import exhausted, experiments, holds, interrupted, leaving, paces, pending, resends, steps, waits
from domain.core.draft import Draft
from domain.core.leaving import WHILE_IN_FLIGHT, Planned
from domain.core.phases import NURTURING
from domain.core.steps import Step
from domain.core.waits import Settled
from domain.durations import format_duration
from domain.playbook.models import Touch
from domain.words import REPLANNABLE, Phase

_MOST_AT_ONCE = 5
#: A refused step is tried again on the next day: caps fill up and empty by days.
_SOON = timedelta(days=1)


def plan(draft: Draft) -> None:
    """Send what is due now; say what comes next and what holds it."""
    interrupted.pick_up(draft)
    if draft.state.phase not in NURTURING:
        return
    if draft.stopped:
        draft.reject("touches", holds.why_stopped(draft), "hold" if draft.hold else "paused")
        return
    if draft.skip_due:
        _pass_over(draft)
    pending.try_again(draft)
    for _ in range(_MOST_AT_ONCE):
        if draft.state.ended or not (resends.send_next(draft) or pending.send_next(draft) or _scheduled(draft)):
            return
    draft.wake(draft.now + WHILE_IN_FLIGHT, f"{_MOST_AT_ONCE} touches at once are enough: the rest is due")


def next_step(draft: Draft) -> Touch | None:
    """The next of the present steps (a track's, profiling's, re-engagement's), or None when nothing is left."""
    step = steps.following(draft)
    return step.touch if step else None


def _scheduled(draft: Draft) -> bool:
    """Handle the next step unless a trigger's touch waits. True when it left, or others may be possible: look again."""
    if draft.state.pending or _too_late(draft, draft.now):
        return False
    while (step := steps.following(draft)) is not None:
        settled = _settle(draft, step)
        if settled.what == "send":
            return _sent(draft, step, settled.at)
        what = step.touch.asset or step.touch.id
        if settled.what == "wait":
            draft.reject(what, settled.why, settled.rule, settled.at)
            draft.wake(settled.at, f"the wait for {what} ends")
            return False
        draft.reject(what, settled.why, settled.rule)
        draft.change(passed=(*draft.state.passed, step.touch.id), anchor=settled.at, hastened=None)
    return _nothing_left(draft)


def _pass_over(draft: Draft) -> None:
    """Leave out every step that fell due during a pause; the gap of the one after them counts from now."""
    draft.skip_due = False
    while (step := steps.following(draft)) is not None:
        settled = _settle(draft, step)
        if settled.what == "wait" or settled.at > draft.now:
            break
        draft.reject(step.touch.asset or step.touch.id, "fell due while it was paused", "skipped")
        draft.change(passed=(*draft.state.passed, step.touch.id), anchor=settled.at, hastened=None)
    draft.change(anchor=draft.now, hastened=None)


def _settle(draft: Draft, step: Step) -> Settled:
    """When the step is due, as far as its wait and its experiment let it."""
    settled = waits.settle(draft, step.touch, _due(draft, step.touch))
    return settled if step.arm is None else experiments.settle(draft, step.arm, settled)


def _due(draft: Draft, touch: Touch) -> datetime:
    """When its gap is over. One that was due, and was refused at the last moment, does not wait for all of it again."""
    gap = paces.gap(draft, touch)
    ends, anchor = paces.over(draft, gap), draft.state.anchor
    refused = [t.at for t in draft.facts.touches if t.step == touch.id and t.status in REPLANNABLE and t.at >= anchor]
    return min(ends, max(refused) + min(gap, _SOON)) if refused else ends


def _sent(draft: Draft, step: Step, due: datetime) -> bool:
    touch = step.touch
    _say_what_is_closed(draft, before=touch)
    planned = Planned(
        step=touch.id,
        channel=touch.channel,
        due=due,
        asset=touch.asset or "",
        note=touch.note,
        variant=step.arm.tag if step.arm else "",
        anytime=touch.window == "any",
    )
    if _too_late(draft, due) or not leaving.leaves(draft, planned):
        return False
    draft.because(touch.id, f"next in the track: {planned.what}", gap=format_duration(paces.gap(draft, touch)))
    leaving.send(draft, planned)
    return True


def _too_late(draft: Draft, at: datetime) -> bool:
    """Whether the lead's length is over by then. Behaviour is answered all the same."""
    until = paces.scheduled_until(draft)
    if until is None or at < until:
        return False
    draft.reject("next touch", f"scheduled touches go on until {until:%Y-%m-%d}, as the lead's length says", "length")
    return True


def _nothing_left(draft: Draft) -> bool:
    _say_what_is_closed(draft, before=None)
    track = steps.track(draft)
    where = draft.state.stage if track else "the profile" if draft.state.profiling else draft.state.phase
    where = "re-engagement" if where == Phase.RE_ENGAGEMENT else where.replace("_", " ")
    if track is not None and exhausted.follow(draft, track):
        return True
    if not draft.state.ended:
        draft.reject("next touch", f"no content left in {where}", "exhausted")
    return False


def _say_what_is_closed(draft: Draft, before: Touch | None) -> None:
    """Steps passed over because the lead can't be reached that way: "no content left" alone would mislead."""
    for step in steps.present(draft):
        if before is not None and step.id == before.id:
            return
        why = steps.closed(draft, step.channel)
        if why:
            draft.reject(step.asset or step.id, why, "channel")
