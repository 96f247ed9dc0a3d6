"""Touches that an interrupted run left open: handed to an activity again, or called back."""

from domain.core import cadence, holds, leaving
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.core.steps import at_any_hour
from domain.decision import SendTouch
from domain.facts import TouchFact
from domain.words import DIRECT_CHANNELS, TouchStatus

OPEN = frozenset({TouchStatus.PLANNED, TouchStatus.CLAIMED})


def pick_up(draft: Draft) -> None:
    """Carry on, or withdraw, what is open and nobody is sending."""
    left_open = [touch for touch in draft.facts.touches if touch.status in OPEN and touch.cycle == draft.state.cycle]
    if not left_open:
        return
    sending = {touch.key for touch in draft.send} | set(draft.state.in_flight)
    for touch in left_open:
        if touch.key in sending or holds.held(draft, touch.channel, touch.asset or touch.step):
            continue
        if touch.channel not in DIRECT_CHANNELS or _may_go_on(draft, touch):
            _carry_on(draft, touch)


def _may_go_on(draft: Draft, touch: TouchFact) -> bool:
    """Whether a touch to the lead may leave after all; if it never may, it is called back."""
    if draft.state.phase not in NURTURING or (touch.asset and touch.asset not in draft.rules.assets):
        draft.withdraw.append(touch.key)
        return False
    if draft.state.paused_since is not None:
        return False
    if touch.step in at_any_hour(draft.rules):
        return True
    opens = cadence.opening(draft.rules.cadence, draft.facts, draft.now, touch.at)
    if opens > draft.now:
        draft.reject(touch.asset or touch.step, "outside the send window", "window", opens)
        leaving.expect(draft, opens, touch.asset or touch.step)
    return opens <= draft.now


def _carry_on(draft: Draft, touch: TouchFact) -> None:
    """It leaves now, so gaps and caps count it from now."""
    draft.because("picked_up", f"{touch.step} was left open by an interrupted run: carried on")
    draft.send.append(
        SendTouch(
            key=touch.key,
            channel=touch.channel,
            step=touch.step,
            asset=touch.asset,
            note=touch.note,
            variant=touch.variant,
            priority=leaving.priority_of(touch.step, touch.channel),
        )
    )
    others = tuple(known for known in draft.facts.touches if known.key != touch.key)
    again = touch.model_copy(update={"at": draft.now})
    draft.facts = draft.facts.model_copy(update={"touches": (*others, again)})
    if touch.channel in DIRECT_CHANNELS:
        draft.change(anchor=draft.now, hastened=None)
