"""Going on after a pause or a hold, by one of three policies (C33).

======== ==========================================================================================================
shift    every gap that was running is longer by the pause; what triggers called for leaves, or has expired
skip     what fell due meanwhile is passed over and told as rejected; the next step's gap counts from now
catch_up what fell due meanwhile leaves now, one after another as cadence, caps and windows allow
======== ==========================================================================================================

Whatever the policy: a pause is no silence of the lead's, and does not use up the time that its length gives it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from domain.core.draft import Draft
from domain.facts import TouchFact
from domain.words import DIRECT_CHANNELS, REPLANNABLE, Phase, ResumePolicy, TouchStatus


def go_on(draft: Draft, paused: datetime, policy: ResumePolicy) -> None:
    """Go on at once with what was paused, or held, since then."""
    state, now = draft.state, draft.now
    quiet = draft.quiet_since if state.phase is Phase.NURTURE else state.phase_since
    tracks = state.tracks_since or state.phase_since
    quiet, tracks = (at + (now - max(at, paused)) for at in (quiet, tracks))
    _give_sales_its_time(draft, paused)
    _POLICIES[policy](draft, paused)
    draft.change(paused_since=None, held_since=None, resumed_at=now, phase_since=quiet, tracks_since=tracks)


def unanswered_since(draft: Draft) -> datetime:
    """From when a lead that does nothing leaves something unanswered: the last touch. One that was caught up with
    counts from when it left, not from when it was due, and none from before the journey went on.
    """
    if draft.state.catch_up is None:
        return draft.state.anchor
    left = (
        touch.at
        for touch in draft.facts.touches
        if touch.cycle == draft.state.cycle and touch.channel in DIRECT_CHANNELS and touch.status not in REPLANNABLE
    )
    return max((draft.state.catch_up, *left))


def _shift(draft: Draft, paused: datetime) -> None:
    anchor = draft.state.anchor
    draft.change(anchor=anchor + (draft.now - max(anchor, paused)))


def _skip(draft: Draft, _: datetime) -> None:
    """Steps of the present track are passed over once it is known which it is (``domain.core.touches``)."""
    draft.skip_due = True
    for waiting in draft.state.pending:
        if waiting.due <= draft.now:
            draft.reject(waiting.asset or waiting.step, "fell due while it was paused", "skipped")
    draft.change(pending=tuple(one for one in draft.state.pending if one.due > draft.now))
    left_open = [touch for touch in draft.facts.touches if _waits(draft, touch)]
    for touch in left_open:
        draft.reject(touch.asset or touch.step, "fell due while it was paused", "skipped")
    _call_off(draft, left_open)
    draft.change(passed=(*draft.state.passed, *(touch.step for touch in left_open)))


def _waits(draft: Draft, touch: TouchFact) -> bool:
    own = touch.cycle == draft.state.cycle and touch.key not in draft.state.in_flight
    return own and touch.channel in DIRECT_CHANNELS and touch.status is TouchStatus.PLANNED


def _call_off(draft: Draft, touches: Sequence[TouchFact]) -> None:
    """Withdraw these, which nobody has begun to send; they count for nothing from here on."""
    off = {touch.key for touch in touches}
    draft.withdraw += off
    known = (t.model_copy(update={"status": TouchStatus.WITHDRAWN}) if t.key in off else t for t in draft.facts.touches)
    draft.facts = draft.facts.model_copy(update={"touches": tuple(known)})


def _catch_up(draft: Draft, paused: datetime) -> None:
    """An answer that would have left in time is still one: the pause does not count against it."""
    pending = tuple(
        one.model_copy(update={"expires": one.expires and one.expires + (draft.now - max(one.due, paused))})
        if one.due <= draft.now
        else one
        for one in draft.state.pending
    )
    draft.change(catch_up=draft.now, pending=pending)


def _give_sales_its_time(draft: Draft, paused: datetime) -> None:
    """Under a hold the clock of a handoff stood still; a pause of the journey does not stop it."""
    handoff = draft.state.handoff
    held = draft.state.held_since or (paused if draft.state.paused_since is None else None)
    if handoff is not None and held is not None:
        opened = handoff.opened + (draft.now - max(handoff.opened, held))
        draft.change(handoff=handoff.model_copy(update={"opened": opened}))


_POLICIES: dict[ResumePolicy, Callable[[Draft, datetime], None]] = {
    ResumePolicy.SHIFT: _shift,
    ResumePolicy.SKIP: _skip,
    ResumePolicy.CATCH_UP: _catch_up,
}
