"""Two documents compared part by part. Nothing that is part of a version's name is left out.

Parts of a list are told apart by their names, so that a rule that stands elsewhere is moved and not another one. Steps
are compared over the whole playbook: one may have moved to another track.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from authoring.changes.change import Kind
from authoring.changes.order import moved
from domain.durations import format_duration
from domain.playbook.models import (
    Cap,
    Option,
    Part,
    Playbook,
    Question,
    Throttle,
    Touch,
    Track,
    Transition,
)

#: Keys of ``Playbook`` and its parts, and ``Key`` where a part is found by its name.
Path = tuple[str, ...]
STEPS = "steps"


class Key(str):
    """The name of one part among several; other elements of a path are names of fields."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """``old`` and ``new`` are the parts or values themselves; of what moved, what it comes after ("" for nothing).

    Of a step that moved to another place, they are the places.
    """

    kind: Kind
    path: Path
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands: a track (``segment``, ``stage``), or ``profiling`` or ``re_engagement``."""

    where: str
    segment: str = ""


def compared(old: Playbook, new: Playbook) -> Iterator[Difference]:
    """Every difference; none exactly when both are the same version."""
    yield from _steps(old, new)
    yield from _parts(old, new, ())


def written(value: Any) -> Any:
    """A value as plain JSON data, as the document has it."""
    if isinstance(value, Mapping):
        return {str(key): written(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [written(one) for one in value]
    return next((write(value) for kind, write in _WRITTEN.items() if isinstance(value, kind)), value)


def places(document: Playbook) -> dict[str, tuple[Place, Touch]]:
    """Every step by its name, in the order in which it stands, and where that is."""
    standing = [
        *((Place(track.stage, track.segment), touch) for track in document.tracks for touch in track.touches),
        *((Place("profiling"), touch) for touch in (document.profile.touches if document.profile else ())),
        *((Place("re_engagement"), touch) for touch in document.re_engagement.touches),
    ]
    return dict(zip(_unique([touch.id for _, touch in standing]), standing, strict=True))


def _steps(old: Playbook, new: Playbook) -> Iterator[Difference]:
    before, after = places(old), places(new)
    was, now = ({name: touch for name, (_, touch) in found.items()} for found in (before, after))
    yield from _come_and_gone(was, now, (STEPS,))
    for name in [name for name in after if name in before]:
        (place, touch), (other_place, other) = before[name], after[name]
        if place != other_place:
            yield Difference("moved", (STEPS, Key(name)), place, other_place)
        yield from _parts(touch, other, (STEPS, Key(name)))
    for place in dict.fromkeys(place for place, _ in after.values()):
        stayed = [
            name for name, (at, _) in after.items() if at == place and name in before and before[name][0] == place
        ]
        yield from _moved([name for name in before if name in set(stayed)], stayed, (STEPS,))


def _parts(old: Part, new: Part, at: Path) -> Iterator[Difference]:
    for name in type(new).model_fields:
        if name != "touches":  # steps are compared apart
            yield from _values(getattr(old, name), getattr(new, name), (*at, name))


def _values(old: Any, new: Any, at: Path) -> Iterator[Difference]:
    if isinstance(old, Part) and isinstance(new, Part):
        yield from _parts(old, new, at)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _holds_parts((*old, *new)):
        before, after = _named(old), _named(new)
        yield from _collections(before, after, at)
        yield from _moved([name for name in before if name in after], [name for name in after if name in before], at)
    elif isinstance(old, Mapping) and isinstance(new, Mapping) and _holds_parts((*old.values(), *new.values())):
        yield from _collections(old, new, at)
    elif json.dumps(written(old), sort_keys=True) != json.dumps(written(new), sort_keys=True):  # 1 is not true, nor 1.0
        yield Difference(_kind(old, new), at, old, new)


def _collections(old: Mapping[str, Any], new: Mapping[str, Any], at: Path) -> Iterator[Difference]:
    yield from _come_and_gone(old, new, at)
    for name in new:
        if name in old:
            yield from _values(old[name], new[name], (*at, Key(name)))


def _come_and_gone(old: Mapping[str, Any], new: Mapping[str, Any], at: Path) -> Iterator[Difference]:
    for name, part in old.items():
        if name not in new:
            yield Difference("removed", (*at, Key(name)), part, None)
    for name, part in new.items():
        if name not in old:
            yield Difference("added", (*at, Key(name)), None, part)


def _moved(old: Sequence[str], new: Sequence[str], at: Path) -> Iterator[Difference]:
    """Those of the same names that stand elsewhere among each other."""
    for name in moved(old, new):
        yield Difference("moved", (*at, Key(name)), _before(name, old), _before(name, new))


def _before(name: str, among: Sequence[str]) -> str:
    place = among.index(name)
    return among[place - 1] if place else ""


def _kind(old: Any, new: Any) -> Kind:
    if old is None or new is None:
        there = new if old is None else old
        if isinstance(there, Part):
            return "added" if old is None else "removed"
        return "retimed" if isinstance(there, timedelta) else "changed"
    return "retimed" if isinstance(old, timedelta) and isinstance(new, timedelta) else "changed"


def _holds_parts(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Part) for value in values)


def _named(parts: Sequence[Part]) -> dict[str, Part]:
    return dict(zip(_unique([_name(part) for part in parts]), parts, strict=True))


def _name(part: Part) -> str:
    """What tells a part from the others of its list."""
    return next((name(part) for kind, name in _NAMES.items() if isinstance(part, kind)), str(getattr(part, "id", "")))


def _unique(names: Sequence[str]) -> list[str]:
    """With a number after the second and further ones of a name."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


_WRITTEN: dict[type, Callable[[Any], Any]] = {
    Part: lambda part: part.model_dump(mode="json"),
    timedelta: format_duration,
    time: lambda value: f"{value:%H:%M}",
    Place: lambda place: f"{place.segment}/{place.where}" if place.segment else place.where,
}
#: Of parts that have no ``id``.
_NAMES: dict[type, Callable[[Any], str]] = {
    Track: lambda track: f"{track.segment}/{track.stage}",
    Transition: lambda transition: str(transition.to),
    Cap: lambda cap: f"{cap.per}/{cap.channel}/{format_duration(cap.within)}",
    Throttle: lambda throttle: str(throttle.domain),
    Question: lambda question: str(question.field),
    Option: lambda option: str(option.value),
}
