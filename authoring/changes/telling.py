"""Differences in words, under headings."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from authoring.changes.change import Change
from authoring.changes.vocabulary import NOUNS, REST, SECTIONS
from authoring.changes.walking import STEPS, Difference, Key, Path, Place, compared, places, written
from authoring.changes.wording import Wording, field_words, is_text, lines_between
from authoring.show.words import plain
from domain.playbook.models import Playbook

#: Longest “old → new” on one line.
_ONE_LINE = 140
_ORDER = (*SECTIONS.values(), REST)


def differences(old: Playbook, new: Playbook) -> tuple[Change, ...]:
    """All that differs, by headings. Empty exactly when both are the same version."""
    telling = _Telling(old, new)
    return tuple(sorted(map(telling.tell, compared(old, new)), key=lambda change: _ORDER.index(change.section)))


def sections(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Heading → its changes."""
    for section, found in groupby(changes, key=lambda change: change.section):
        yield section, list(found)


class _Telling:
    def __init__(self, old: Playbook, new: Playbook) -> None:
        self._old, self._new = Wording(old), Wording(new)
        self._was, self._is = places(old), places(new)

    def tell(self, found: Difference) -> Change:
        top = found.path[0]
        text, lines = self._text(found)
        return Change(
            kind=found.kind,
            section=SECTIONS.get(top, REST),
            subject=self._subject(found.path),
            text=text,
            path=tuple(map(str, found.path)),
            old=written(found.old),
            new=written(found.new),
            lines=lines,
        )

    def _subject(self, path: Path) -> str:
        """The named parts on the way: “tech-poc (Technical, evaluation)”, “research to comparison”."""
        if path[0] == STEPS:
            return f"{path[1]} ({self._where(path[1])})"
        said = []
        for holder, name in pairwise(path):
            if isinstance(name, Key):
                noun = NOUNS.get(holder, "")
                said.append(f"{noun} {self._named(holder, name)}".strip())
        return " ".join(said)

    def _where(self, step: str) -> str:
        if step in self._is:
            return self._new.place(self._is[step][0])
        return self._old.place(self._was[step][0])

    def _named(self, holder: str, name: str) -> str:
        match holder:
            case "segments":
                return self._new.words.segment(name)
            case "tracks":
                segment, _, stage = name.partition("/")
                return self._new.place(Place(stage, segment))
            case "stages" | "transitions" | "reasons":
                return plain(name)
            case "caps":
                return _cap(name)
        return name

    def _text(self, found: Difference) -> tuple[str, tuple[str, ...]]:
        last = found.path[-1]
        what = "" if isinstance(last, Key) else f"{field_words(found.path[0], _fields(found.path))} "
        match found.kind:
            case "added":
                return f"{what}new: {self._new.value(found.new, last)}", ()
            case "removed":
                return f"{what}gone: {self._old.value(found.old, last)}", ()
            case "moved":
                return self._moved(found), ()
        return self._changed(found)

    def _moved(self, found: Difference) -> str:
        if isinstance(found.new, Place):
            return f"moved from {self._old.value(found.old, '')} to {self._new.value(found.new, '')}"
        return f"moved: now {f'after {found.new}' if found.new else 'first'}"

    def _changed(self, found: Difference) -> tuple[str, tuple[str, ...]]:
        field = found.path[-1]
        words = field_words(found.path[0], _fields(found.path))
        if field != "when" and (is_text(found.old) or is_text(found.new)):
            return words, lines_between(found.old or "", found.new or "")
        old, new = self._old.value(found.old, field), self._new.value(found.new, field)
        if old == new:  # in words alike, and written otherwise
            old, new = f"{written(found.old)}", f"{written(found.new)}"
        if len(old) + len(new) > _ONE_LINE:
            return words, (f"- {old}", f"+ {new}")
        return f"{words} {old} → {new}", ()


def _fields(path: Path) -> tuple[str, ...]:
    """What follows the last named part; the whole but the heading's own where there is none."""
    keys = [place for place, name in enumerate(path) if isinstance(name, Key)]
    if keys:
        return path[keys[-1] + 1 :] or (path[-1],)
    return path[1:] or path


def _cap(name: str) -> str:
    """“on email per lead in 7d”: what of a cap tells it from the others."""
    per, channel, within = name.split("/")
    return f"on {plain(channel)} per {per} in {within}"
