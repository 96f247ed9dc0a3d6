"""Whether a touch may leave now, and what follows when it does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from domain.core import cadence, holds
from domain.core.cadence import Slot
from domain.core.draft import Draft
from domain.core.steps import step_of
from domain.decision import Priority, SendTouch
from domain.facts import TouchFact
from domain.words import DIRECT_CHANNELS, Channel, TouchStatus

#: A refused claim is not tried again at once: what refused it may be something the core cannot see.
AFTER_REFUSAL = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
#: A touch still on its way holds the next one back; look again after this time.
WHILE_IN_FLIGHT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A touch that may leave from ``due`` on, until it ``expires``. ``anytime``: whatever the send window says."""

    step: str
    channel: Channel
    due: datetime
    asset: str = ""
    note: str = ""
    variant: str = ""
    anytime: bool = False
    priority: Priority = Priority.SCHEDULED
    expires: datetime | None = None

    @property
    def what(self) -> str:
        return self.asset or self.step

    @property
    def direct(self) -> bool:
        return self.channel in DIRECT_CHANNELS


def slot(draft: Draft, planned: Planned) -> Slot:
    """When the cadence lets it leave."""
    rules, anytime = draft.rules.cadence, planned.anytime
    return cadence.earliest(
        rules, draft.facts, planned.channel, planned.due, planned.what, now=draft.now, anytime=anytime
    )


def leaves(draft: Draft, planned: Planned, given: Slot | None = None) -> bool:
    """Whether the touch may leave now; if not, remember when it may and what holds it."""
    if holds.held(draft, planned.channel, planned.what):
        return False
    found = given or slot(draft, planned)
    at = max(found.at, _after_refusal(draft, planned.step))
    if planned.direct and draft.state.in_flight and at <= draft.now and _direct_in_flight(draft):
        draft.reject(planned.what, "the touch before is still on its way", "in_flight")
        at = draft.now + WHILE_IN_FLIGHT
    draft.rejected.extend(found.held_by)
    if at <= draft.now:
        return True
    if planned.due > draft.now:
        draft.reject(planned.what, "its time has not come", "gap", planned.due)
    expect(draft, at, planned.what, _patience(draft, planned, at))
    return False


def expect(draft: Draft, at: datetime, what: str, patience: timedelta = timedelta()) -> None:
    """Wake when a touch may leave."""
    draft.next_touch_at = min(at, draft.next_touch_at or at)
    draft.wake(at, f"next touch: {what}", patience)


def priority_of(step: str, channel: Channel) -> Priority:
    """Who goes before whom, of touches known by name."""
    if channel is Channel.ALERT or step == "handoff":
        return Priority.SALES
    return Priority.ANSWER if step.startswith(step_of("")) else Priority.SCHEDULED


def send(draft: Draft, planned: Planned, occurrence: int = 1, key: str = "") -> None:
    """Send it now, and count it at once, so that whatever is planned next in this decision respects it."""
    key = key or draft.key(planned.step, occurrence)
    common: dict[str, Any] = {"key": key, "channel": planned.channel, "step": planned.step, "asset": planned.asset}
    draft.send.append(SendTouch(**common, note=planned.note, variant=planned.variant, priority=planned.priority))
    fact = TouchFact(
        **common, variant=planned.variant, cycle=draft.state.cycle, status=TouchStatus.PLANNED, at=draft.now
    )
    others = tuple(known for known in draft.facts.touches if known.key != key)
    draft.facts = draft.facts.model_copy(update={"touches": (*others, fact)})
    draft.skip_wait = False
    behind = draft.state.catch_up if planned.priority is Priority.SCHEDULED else None
    if behind is not None and planned.due < behind:  # the steps after it were due from then on
        draft.change(anchor=planned.due, hastened=None)
    else:
        draft.change(anchor=draft.now, hastened=None, catch_up=None)


def _patience(draft: Draft, planned: Planned, at: datetime) -> timedelta:
    """How much later it may be woken for: the same for a lead always, and none where the window would close meanwhile.

    Journeys are woken in the order of their time, whatever they wake for: the server learns how urgent a touch is only
    once it was decided (``Priority``). So what sales waits for comes at its time, an answer half a minute later, and
    what is scheduled when all others of that minute have come. Who waits for less than a minute is not kept waiting.
    """
    if at - draft.now < _MINUTE or planned.priority is Priority.SALES:
        return timedelta()
    lot = int.from_bytes(sha256(draft.state.lead.encode()).digest()[4:8]) % 36
    later = _MINUTE + timedelta(seconds=lot) if planned.priority is Priority.SCHEDULED else _MINUTE / 2
    if planned.expires is not None and at + later > planned.expires:
        return timedelta()
    if planned.anytime or not planned.direct:
        return later
    opens = cadence.opening(draft.rules.cadence, draft.facts, at + later, planned.due)
    return later if opens == at + later else timedelta()


def _after_refusal(draft: Draft, step: str) -> datetime:
    refused = [t.at for t in draft.facts.touches if t.status is TouchStatus.REFUSED and t.step == step]
    return max(refused) + AFTER_REFUSAL if refused else draft.now


def _direct_in_flight(draft: Draft) -> bool:
    direct = {touch.key for touch in draft.facts.touches if touch.channel in DIRECT_CHANNELS}
    return any(key in direct for key in draft.state.in_flight)
