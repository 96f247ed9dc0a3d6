"""How far apart a track's steps are, and for how long they go on: the lead's length and its pace (C18).

Both are factors on the gaps of tracks. The least gap and the caps hold whatever they say; profiling and re-engagement
keep the gaps that are written.
"""

from datetime import datetime, timedelta

from domain.core.draft import Draft
from domain.durations import parse_duration
from domain.playbook.models import PRESETS, Length, Touch

_AS_WRITTEN = 1.0
_LIMITS = {preset: None if limit is None else parse_duration(limit) for preset, (limit, _) in PRESETS.items()}


def gap(draft: Draft, touch: Touch) -> timedelta:
    """Time from the anchor to the step, as this lead gets it now."""
    times = factor(draft)
    return touch.gap if times == _AS_WRITTEN else timedelta(seconds=round(touch.gap.total_seconds() * times))


def factor(draft: Draft) -> float:
    """What gaps are multiplied by now."""
    if not draft.on_track:
        return _AS_WRITTEN
    rules, times = draft.rules, _AS_WRITTEN
    if rules.lengths and (length := draft.length) is not None:
        times *= _factor(length)
    for pace in rules.cadence.paces:
        if draft.holds(pace.when):
            return times * pace.factor
    return times


def scheduled_until(draft: Draft) -> datetime | None:
    """When the length's time is over and nothing scheduled is sent any more; None without a limit."""
    if not (draft.rules.lengths and draft.on_track) or (length := draft.length) is None:
        return None
    limit = length.limit if length.limit is not None else _LIMITS.get(length.preset or "")
    return None if limit is None else draft.state.phase_since + limit


def _factor(length: Length) -> float:
    if length.factor is not None:
        return length.factor
    return PRESETS[length.preset][1] if length.preset else _AS_WRITTEN
