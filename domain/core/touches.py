"""Which touch is next, and whether it may leave now (C7, C11, C17–C19).

A trigger's touch goes before the track's next one and takes its slot. A track's next touch is its first step that is
not behind the lead: a step the ledger holds for this journey, and an asset that ever reached this person, are passed
over.
"""

from datetime import datetime, timedelta

from domain.core import cadence
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.core.triggers import occurrence, step_of
from domain.decision import SendTouch
from domain.durations import format_duration
from domain.facts import TouchFact
from domain.playbook.models import Touch
from domain.state import PendingTouch
from domain.words import DIRECT_CHANNELS, REPLANNABLE, Channel, Phase, TouchStatus

#: A refused claim is not tried again at once: what refused it may be something the core cannot see.
_AFTER_REFUSAL = timedelta(hours=1)
#: A trigger's touch that was refused is tried again for so long; later it would answer nothing any more.
_TRY_AGAIN = timedelta(days=7)
#: A touch still on its way holds the next one back; look again after this time.
_WHILE_IN_FLIGHT = timedelta(hours=1)
_MOST_AT_ONCE = 5
_OPEN = frozenset({TouchStatus.PLANNED, TouchStatus.CLAIMED})


def plan(draft: Draft) -> None:
    """Send what is due now; say what comes next and what holds it."""
    _pick_up(draft)
    if draft.state.phase not in NURTURING:
        return
    if draft.state.paused_since is not None:
        draft.reject("touches", "the journey is paused", "paused")
        return
    _try_again(draft)
    for _ in range(_MOST_AT_ONCE):
        if not (_pending(draft) or _scheduled(draft)):
            return
    draft.wake(draft.now + _WHILE_IN_FLIGHT, f"{_MOST_AT_ONCE} touches at once are enough: the rest is due")


def next_step(draft: Draft) -> Touch | None:
    """The next step of the present track or of re-engagement, or None when nothing is left."""
    return next((step for step in _steps(draft) if _possible(draft, step)), None)


def _pending(draft: Draft) -> bool:
    """Handle the first touch that a trigger waits to send. True when it left or was dropped: look again."""
    if not draft.state.pending:
        return False
    pending = min(draft.state.pending, key=lambda touch: touch.due)
    why = _given_up(draft, pending) or _impossible(draft, pending.channel, pending.asset)
    if why:
        draft.reject(pending.step, why, "already_sent" if "already" in why else "channel")
        _forget(draft, pending)
        return True
    if not _leaves(draft, pending.step, pending.channel, pending.asset, pending.due):
        return False
    generic = next_step(draft)
    if generic is not None:
        draft.reject(generic.id, f"replaced by the touch for {pending.trigger}", "replaced_by_trigger")
    _forget(draft, pending)
    number = occurrence(draft, pending.step)
    trigger = draft.playbook.triggers.get(pending.trigger)
    note = trigger.touch.note if trigger and trigger.touch else ""
    draft.because(pending.step, f"sends {pending.asset or pending.step} because of {pending.trigger}")
    _sent(draft, draft.touch(pending.step, pending.channel, asset=pending.asset, note=note, occurrence=number))
    return True


def _scheduled(draft: Draft) -> bool:
    """Handle the track's next step unless a trigger's touch waits. True when it left: look again."""
    if draft.state.pending:
        return False
    step = next_step(draft)
    _say_what_is_closed(draft, before=step)
    if step is None:
        where = draft.state.stage if draft.state.phase is Phase.NURTURE else draft.state.phase
        draft.reject("next touch", f"no content left in {where.value.replace('_', ' ')}", "exhausted")
        return False
    if draft.skip_wait:  # by moving the anchor, so that the wait stays skipped while the send window is closed
        draft.skip_wait = False
        draft.change(anchor=min(draft.state.anchor, draft.now - step.gap))
    due = draft.state.anchor + step.gap
    if not _leaves(draft, step.id, step.channel, step.asset or "", due):
        return False
    draft.because(step.id, f"next in the track: {step.asset or step.id}", gap=format_duration(step.gap))
    _sent(draft, draft.touch(step.id, step.channel, asset=step.asset or "", note=step.note))
    return True


def _say_what_is_closed(draft: Draft, before: Touch | None) -> None:
    """Steps passed over because the lead can't be reached that way: "no content left" alone would mislead."""
    for step in _steps(draft):
        if step is before:
            return
        why = _closed(draft, step.channel)
        if why:
            draft.reject(step.asset or step.id, why, "channel")


def _leaves(draft: Draft, step: str, channel: Channel, asset: str, due: datetime) -> bool:
    """Whether the touch may leave now; if not, remember when it may and what holds it."""
    what = asset or step
    slot = cadence.earliest(draft.rules.cadence, draft.facts, channel, max(due, draft.now), what)
    at = max(slot.at, _after_refusal(draft, step))
    if channel in DIRECT_CHANNELS and draft.state.in_flight and at <= draft.now and _direct_in_flight(draft):
        draft.reject(what, "the touch before is still on its way", "in_flight")
        at = draft.now + _WHILE_IN_FLIGHT
    draft.rejected.extend(slot.held_by)
    if at <= draft.now:
        return True
    if due > draft.now:
        draft.reject(what, "its time has not come", "gap", due)
    draft.next_touch_at = at
    draft.wake(at, f"next touch: {what}")
    return False


def _sent(draft: Draft, touch: SendTouch) -> None:
    """Count the touch at once, so that whatever is planned next in this decision respects it."""
    fact = TouchFact(
        key=touch.key,
        cycle=draft.state.cycle,
        step=touch.step,
        asset=touch.asset,
        channel=touch.channel,
        status=TouchStatus.PLANNED,
        at=draft.now,
    )
    others = tuple(known for known in draft.facts.touches if known.key != touch.key)
    draft.facts = draft.facts.model_copy(update={"touches": (*others, fact)})
    draft.skip_wait = False
    draft.change(anchor=draft.now)


def _steps(draft: Draft) -> tuple[Touch, ...]:
    if draft.state.phase is Phase.RE_ENGAGEMENT:
        return draft.rules.re_engagement.touches
    return draft.playbook.touches(draft.state.segment, draft.state.stage)


def _possible(draft: Draft, step: Touch) -> bool:
    behind = any(
        touch.step == step.id and touch.cycle == draft.state.cycle and touch.status not in REPLANNABLE
        for touch in draft.facts.touches
    )
    if behind or _impossible(draft, step.channel, step.asset or ""):
        return False
    return step.when is None or draft.holds(step.when)


def _given_up(draft: Draft, pending: PendingTouch) -> str:
    """Why a touch that a trigger called for is not wanted any more, or "": the playbook may have changed meanwhile."""
    trigger = draft.playbook.triggers.get(pending.trigger)
    if trigger is None or trigger.touch is None:
        return f"the playbook no longer sends anything for {pending.trigger}"
    if pending.asset and pending.asset not in draft.rules.assets:
        return f"the playbook no longer has {pending.asset}"
    return ""


def _impossible(draft: Draft, channel: Channel, asset: str) -> str:
    """Why a touch can never leave for this lead as things are, or ""."""
    closed = _closed(draft, channel)
    if closed:
        return closed
    seen = {touch.asset for touch in draft.facts.touches if touch.status not in REPLANNABLE}
    return f"{asset} was already sent" if asset and asset in seen else ""


def _closed(draft: Draft, channel: Channel) -> str:
    """Why the lead can't be reached on a channel at all, or ""."""
    if channel in draft.facts.permission.declined:
        return f"the lead declined {channel.value.replace('_', ' ')}"
    return "no address is known" if channel is Channel.EMAIL and not draft.facts.lead.has_email else ""


def _after_refusal(draft: Draft, step: str) -> datetime:
    refused = [t.at for t in draft.facts.touches if t.step == step and t.status is TouchStatus.REFUSED]
    return max(refused) + _AFTER_REFUSAL if refused else draft.now


def _direct_in_flight(draft: Draft) -> bool:
    direct = {touch.key for touch in draft.facts.touches if touch.channel in DIRECT_CHANNELS}
    return any(key in direct for key in draft.state.in_flight)


def _forget(draft: Draft, pending: PendingTouch) -> None:
    draft.change(pending=tuple(touch for touch in draft.state.pending if touch is not pending))


def _pick_up(draft: Draft) -> None:
    """Touches that an interrupted run left open: hand them to an activity again, or call them back."""
    sending = {touch.key for touch in draft.send} | set(draft.state.in_flight)
    for touch in draft.facts.touches:
        left_open = touch.cycle == draft.state.cycle and touch.status in _OPEN and touch.key not in sending
        if left_open and (touch.channel not in DIRECT_CHANNELS or _may_go_on(draft, touch)):
            _carry_on(draft, touch)


def _may_go_on(draft: Draft, touch: TouchFact) -> bool:
    """Whether a touch to the lead may leave after all; if it never may, it is called back."""
    if draft.state.phase not in NURTURING or (touch.asset and touch.asset not in draft.rules.assets):
        draft.withdraw.append(touch.key)
        return False
    if draft.state.paused_since is not None:
        return False
    opens = cadence.next_open(draft.rules.cadence, cadence.zone_of_lead(draft.rules.cadence, draft.facts), draft.now)
    if opens > draft.now:
        draft.reject(touch.asset or touch.step, "outside the send window", "window", opens)
        draft.wake(opens, f"next touch: {touch.asset or touch.step}")
        draft.next_touch_at = opens
    return opens <= draft.now


def _carry_on(draft: Draft, touch: TouchFact) -> None:
    """It leaves now, so gaps and caps count it from now."""
    draft.because("picked_up", f"{touch.step} was left open by an interrupted run: carried on")
    draft.send.append(
        SendTouch(key=touch.key, channel=touch.channel, step=touch.step, asset=touch.asset, note=touch.note)
    )
    others = tuple(known for known in draft.facts.touches if known.key != touch.key)
    again = touch.model_copy(update={"at": draft.now})
    draft.facts = draft.facts.model_copy(update={"touches": (*others, again)})


def _try_again(draft: Draft) -> None:
    """A trigger's touch that was refused at the last moment (a colleague's filled the cap) waits again."""
    state = draft.state
    waiting = {pending.step for pending in state.pending}
    since = max(state.phase_since, draft.now - _TRY_AGAIN)
    for trigger in draft.rules.triggers:
        step = step_of(trigger.id)
        own = [touch for touch in draft.facts.touches if touch.step == step and touch.cycle == state.cycle]
        last = max(own, key=lambda touch: touch.at, default=None)
        if trigger.touch is None or step in waiting or last is None or last.status is not TouchStatus.REFUSED:
            continue
        if last.at >= since:
            again = PendingTouch(
                step=step, trigger=trigger.id, channel=last.channel, asset=last.asset, due=last.at + _AFTER_REFUSAL
            )
            if not (_given_up(draft, again) or _impossible(draft, again.channel, again.asset)):
                draft.change(pending=(*draft.state.pending, again))
