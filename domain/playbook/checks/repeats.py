"""Nobody gets an asset twice: what was seen is passed over. So a step that always repeats is a step that is missing.

A later track may well begin with what an earlier one ended with: whoever comes by behaviour has not seen it. It is odd
only where nobody can find something new.
"""

from collections.abc import Iterator, Sequence

from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.models import Playbook, Touch, Track


def check_repeats(document: Playbook) -> Iterator[Finding]:
    for path, steps in _lists(document):
        yield from _within(path, steps)
    yield from _after_earlier_tracks(document)
    yield from _in_re_engagement(document)


def _lists(document: Playbook) -> Iterator[tuple[Path, Sequence[Touch]]]:
    for index, track in enumerate(document.tracks):
        yield ("tracks", index, "touches"), track.touches
    if document.profile:
        yield ("profile", "touches"), document.profile.touches
    yield ("re_engagement", "touches"), document.re_engagement.touches


def _within(path: Path, steps: Sequence[Touch]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for number, step in enumerate(steps):
        if step.asset is not None and step.asset in seen:
            message = f"“{step.asset}” comes twice here, first in “{seen[step.asset]}”; nobody gets an asset twice"
            yield warning((*path, number, "asset"), "asset-twice", message)
        seen.setdefault(step.asset or "", step.id)


def _after_earlier_tracks(document: Playbook) -> Iterator[Finding]:
    """A track in which whoever came stage by stage finds nothing that is new."""
    known = {(track.segment, track.stage): index for index, track in enumerate(document.tracks)}
    told: set[int] = set()
    for segment in document.segments:
        seen: set[str] = set()
        for stage in document.stages:
            index = known.get((segment.id, stage.id), known.get(("*", stage.id)))
            if index is None:
                continue
            track = document.tracks[index]
            if index not in told and seen and _nothing_new(track, seen):
                told.add(index)
                message = f"for {segment.id} it holds nothing that the tracks of earlier stages have not sent already"
                yield warning(("tracks", index, "touches"), "asset-twice", message)
            seen |= {step.asset for step in track.touches if step.asset}


def _nothing_new(track: Track, seen: set[str]) -> bool:
    return all(step.asset in seen for step in track.touches)


def _in_re_engagement(document: Playbook) -> Iterator[Finding]:
    """It comes after a track, and to people who may have had all of it."""
    sent = {step.asset for track in document.tracks for step in track.touches}
    for number, step in enumerate(document.re_engagement.touches):
        if step.asset is not None and step.asset in sent:
            message = f"“{step.asset}” is in a track as well: whoever had it there is passed over; take fresh content"
            yield warning(("re_engagement", "touches", number, "asset"), "asset-twice", message)
