"""Patterns: several behaviours within a window (C10).

A pattern completes at the behaviour that fills it, looking back ``within`` from there. The behaviours of one completion
are used up: three visits within a week complete once, at the third, and again at the sixth.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from domain.playbook.models import Pattern


class Timed(Protocol):
    """What patterns are made of: named things that happened."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> datetime: ...


T = TypeVar("T", bound=Timed)


def completions(pattern: Pattern, hits: Sequence[T], groups: Mapping[str, str]) -> Iterator[tuple[T, ...]]:
    """The parts of each completion, in order of time. ``hits`` are in order of time; ``groups``: name → group."""
    parts, last = set(pattern.parts), pattern.sequence[-1] if pattern.sequence else None
    least, within = pattern.least, pattern.within
    unused: deque[T] = deque()
    for hit in [hit for hit in hits if hit.name in parts]:
        began = hit.at - within
        while unused and unused[0].at < began:
            unused.popleft()
        unused.append(hit)
        if len(unused) >= least and (last is None or hit.name == last):
            found = _filled(pattern, unused, groups)
            if found is not None:
                unused.clear()
                yield found


def _filled(pattern: Pattern, hits: Collection[T], groups: Mapping[str, str]) -> tuple[T, ...] | None:
    """The hits that fill the pattern, or None. The newest is always one of them."""
    if pattern.sequence:
        return _in_order(pattern.sequence, tuple(hits))
    if pattern.all:
        newest = {hit.name: hit for hit in hits}
        return tuple(sorted(newest.values(), key=lambda hit: hit.at)) if len(newest) == len(set(pattern.all)) else None
    if pattern.groups > 1 and len({groups.get(hit.name, hit.name) for hit in hits}) < pattern.groups:
        return None
    return tuple(hits)


def _in_order(names: Sequence[str], hits: Sequence[T]) -> tuple[T, ...] | None:
    """The latest run of hits with these names in this order that ends with the newest hit."""
    found: list[T] = []
    wanted = list(names)
    for hit in reversed(hits):
        if hit.name == wanted[-1]:
            found.append(hit)
            wanted.pop()
            if not wanted:
                return tuple(reversed(found))
        elif not found:
            return None
    return None
