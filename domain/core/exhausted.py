"""What follows when a track has no step left: wait for behaviour, the next stage, re-engagement, or the end (C7).

Only what is possible counts: a step that its condition holds back is left behind. People get the track's last gap to
react to what they were sent last before anything follows.
"""

from collections.abc import Callable
from datetime import datetime

from domain.core import paces, resuming, stages, steps
from domain.core.draft import Draft
from domain.core.interrupted import OPEN
from domain.core.leaving import WHILE_IN_FLIGHT
from domain.playbook.models import Track
from domain.words import DIRECT_CHANNELS, BuyerStage, Ending, Phase


def follow(draft: Draft, track: Track) -> bool:
    """Do what the track says. True when other steps may be possible now: look again."""
    if track.exhausted == "wait":
        return False
    gap = paces.gap(draft, track.touches[-1])
    over = paces.over(draft, gap)
    at = _from(draft, over if draft.state.hastened else max(over, resuming.unanswered_since(draft) + gap))
    if at > draft.now:
        draft.wake(at, f"every step of {_words(track.stage)} is behind: time to {track.exhausted.replace('_', ' ')}")
        return False
    return _FOLLOWS[track.exhausted](draft)


def _from(draft: Draft, applies: datetime) -> datetime:
    """When it applies: once the last gap is over, and never while a touch leaves or is still on its way."""
    under_way = any(
        touch.status in OPEN and touch.channel in DIRECT_CHANNELS and touch.cycle == draft.state.cycle
        for touch in draft.facts.touches
    )
    return max(applies, draft.now + WHILE_IN_FLIGHT) if under_way or draft.send else applies


def _advance(draft: Draft) -> bool:
    """To the next stage in the playbook's order; nowhere when its transitions lead straight back."""
    order, then, reasons = draft.playbook.stage_order, draft.snapshot(), len(draft.reasons)
    here = order.get(then.stage, len(order))
    target = next((stage for stage, place in order.items() if place == here + 1), None)
    if target is None:
        return False
    draft.because("exhausted", f"nothing is left in {_words(then.stage)}: moves to {_words(target)}")
    draft.move_to(target)
    stages.follow(draft)
    if order[draft.state.stage] > here:
        return True
    del draft.reasons[reasons:]
    draft.reject("stage", f"transitions lead from {_words(target)} back to {_words(then.stage)}", "circle")
    draft.change(stage=then.stage, stage_since=then.stage_since, anchor=then.anchor, passed=then.passed)
    return False


def _re_engage(draft: Draft) -> bool:
    draft.because("exhausted", f"nothing is left in {_words(draft.state.stage)}: re-engagement begins")
    draft.enter(Phase.RE_ENGAGEMENT)
    return steps.following(draft) is not None


def _end(draft: Draft) -> bool:
    draft.because("exhausted", f"nothing is left in {_words(draft.state.stage)}: the journey ends")
    draft.end(Ending.SUNSET, "everything was sent")
    return False


def _words(stage: BuyerStage) -> str:
    return stage.value.replace("_", " ")


_FOLLOWS: dict[str, Callable[[Draft], bool]] = {"advance": _advance, "re_engage": _re_engage, "end": _end}
