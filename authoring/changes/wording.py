"""Values and parts of a playbook in words."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import unified_diff
from enum import StrEnum
from typing import Any

from authoring.changes.vocabulary import FIELDS, FIELDS_OF
from authoring.changes.walking import Place, written
from authoring.show.words import CHANNELS, Words, after, listed, plain, spell
from domain.playbook.models import Asset, Part, Playbook, Touch
from domain.words import Channel

#: A value that is longer, or has lines, is told by the lines that differ.
_SHORT = 90
_LINES = 12
_CONDITION = 300
_SUMMED_UP = 4
#: What a summary of a new part leaves out: its name is told already, and texts are long.
_NOT_SUMMED_UP = frozenset({"id", "body", "note", "advice", "touches", "assets"})


class Wording:
    """Words for one version: conditions and names are told with the labels it has itself."""

    def __init__(self, document: Playbook) -> None:
        self.words = Words(document)

    def value(self, value: Any, field: str) -> str:
        """A value as people read it; “none” for what is not there."""
        if value is None or value in ("", ()):
            return "none"
        if field == "when" and isinstance(value, str):
            return self.words.condition(value, _CONDITION)
        if isinstance(value, tuple):
            return listed(self.value(one, field).strip("“”") for one in value)
        if isinstance(value, Mapping):
            return listed(f"{key}: {self.value(one, field)}" for key, one in value.items()) or "none"
        return self._single(value)

    def _single(self, value: Any) -> str:
        match value:
            case Place():
                return self.place(value)
            case Part():
                return self.summary(value)
        said = next((say(value) for kind, say in _SAID.items() if isinstance(value, kind)), None)
        return str(written(value)) if said is None else said

    def place(self, place: Place) -> str:
        """“Technical, research”, “re-engagement”."""
        if not place.segment:
            return place.where.replace("_", "-")
        who = "everyone else" if place.segment == "*" else self.words.segment(place.segment)
        return f"{who}, {plain(place.where)}"

    def summary(self, part: Part) -> str:
        """What a part says, in a few words."""
        match part:
            case Touch():
                what = f"{CHANNELS[part.channel].lower()} {part.asset or part.note or part.ask or ''}".strip()
                condition = f", only while {self.value(part.when, 'when')}" if part.when else ""
                return f"{what} {after(part.gap)}{condition}"
            case Asset():
                return f"“{part.subject}”" if part.subject else "without a subject"
        return "; ".join(self._said(part))

    def _said(self, part: Part) -> Iterator[str]:
        """What it says beyond what every part of its kind says, the first few things."""
        said = [
            f"{FIELDS.get(name) or plain(name)} {words}"
            for name, field in type(part).model_fields.items()
            if name not in _NOT_SUMMED_UP
            and (value := getattr(part, name)) != field.default
            and len(words := self.value(value, name)) <= _CONDITION
        ]
        yield from said[:_SUMMED_UP]


#: In this order: a yes or no is a number too, and a name of ours a text.
_SAID: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "yes" if value else "no",
    timedelta: spell,
    Channel: lambda channel: CHANNELS[channel].lower(),
    StrEnum: plain,
    float: lambda number: f"{number:g}",
    str: lambda text: f"“{text}”",
}


def field_words(section: str, fields: tuple[str, ...]) -> str:
    """“time to answer”, “touch: delay”."""
    return ": ".join(FIELDS_OF.get((section, name)) or FIELDS.get(name) or plain(name) for name in fields)


def is_text(value: Any) -> bool:
    """Whether it is told by the lines that differ, rather than whole."""
    return isinstance(value, str) and (len(value) > _SHORT or "\n" in value)


def lines_between(old: str, new: str) -> tuple[str, ...]:
    """The lines that differ, each with ``+`` or ``-`` before it; at most a dozen, and how many more there are."""
    found = list(unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    differing = [f"{line[0]} {line[1:]}".rstrip() for line in found if not line.startswith("@@")]
    more = len(differing) - _LINES
    return (*differing[:_LINES], *([f"… {more} more lines"] if more > 0 else []))
