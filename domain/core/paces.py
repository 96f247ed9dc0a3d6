"""How far apart a track's steps are, and for how long they go on: the lead's length and its pace (C18).

Both are factors on the gaps of tracks. The least gap and the caps hold whatever they say; profiling and re-engagement
keep the gaps that are written.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.core.draft import Draft
from domain.durations import parse_duration
from domain.playbook.models import PRESETS, Length, Pace, Touch

_AS_WRITTEN = 1.0
_LIMITS = {preset: None if limit is None else parse_duration(limit) for preset, (limit, _) in PRESETS.items()}


def gap(draft: Draft, touch: Touch) -> timedelta:
    """Time from the anchor to the step, as this lead gets it now."""
    times = factor(draft)
    return touch.gap if times == _AS_WRITTEN else timedelta(seconds=round(touch.gap.total_seconds() * times))


def over(draft: Draft, gap: timedelta) -> datetime:
    """When a gap that runs from the anchor is over: an operator may have skipped the rest of it."""
    if draft.skip_wait:
        draft.skip_wait = False
        draft.change(hastened=draft.now)
    ends, hastened = draft.state.anchor + gap, draft.state.hastened
    return ends if hastened is None else min(ends, hastened)


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


def quickening(draft: Draft) -> Iterator[Pace]:
    """Paces whose coming or going would shorten the gaps: those before the present one, and the present one itself."""
    paces = draft.rules.cadence.paces
    present = next((number for number, pace in enumerate(paces) if draft.holds(pace.when)), len(paces))
    factors = [*(pace.factor for pace in paces), _AS_WRITTEN]
    for number, pace in enumerate(paces[: present + 1]):
        instead = pace.factor if number < present else min(factors[present + 1 :])
        if instead < factors[present]:
            yield pace


def scheduled_until(draft: Draft) -> datetime | None:
    """When the length's time is over and nothing scheduled is sent any more; None without a limit."""
    if not (draft.rules.lengths and draft.on_track) or (length := draft.length) is None:
        return None
    limit = length.limit if length.limit is not None else _LIMITS.get(length.preset or "")
    return None if limit is None else (draft.state.tracks_since or draft.state.phase_since) + limit


def _factor(length: Length) -> float:
    if length.factor is not None:
        return length.factor
    return PRESETS[length.preset][1] if length.preset else _AS_WRITTEN
