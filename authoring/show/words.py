"""Names, durations, conditions and lists as people read them."""

from collections.abc import Iterable
from datetime import timedelta

from domain.playbook.models import Playbook
from domain.playbook.phrases import Phrases
from domain.words import Channel

CHANNELS = {
    Channel.EMAIL: "E-mail",
    Channel.SDR_TASK: "Task for sales",
    Channel.DIRECT_MAIL: "Direct mail",
    Channel.ALERT: "Alert to sales",
}
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_OFTEN = {1: "once", 2: "twice"}


class Words:
    """What the names of one playbook mean: labels where it gives them, else the name in plain letters."""

    def __init__(self, document: Playbook) -> None:
        self._behaviours = {**document.behaviours, **document.patterns}
        self._segments = {segment.id: segment.label for segment in document.segments}
        self._audiences = {audience.id: audience.label for audience in document.audiences}
        self._phrases = Phrases(document)
        self._fields = {name: field.label for name, field in document.lead_fields.items()}

    def behaviour(self, name: str) -> str:
        """“looked at pricing”."""
        found = self._behaviours.get(name)
        return found.label if found else name

    def segment(self, name: str) -> str:
        return self._segments.get(name, name)

    def audience(self, name: str) -> str:
        return self._audiences.get(name, name)

    def field(self, name: str) -> str:
        return self._fields.get(name) or plain(name)

    def condition(self, text: str | None, most: int = 600) -> str:
        """A condition in words, of at most so many characters; "" where there is none."""
        return self._phrases.say(text, most) if text else ""


def plain(name: str) -> str:
    """“problem awareness”."""
    return name.replace("_", " ").replace("-", " ")


def titled(name: str) -> str:
    """“Problem awareness”."""
    words = plain(name)
    return words[:1].upper() + words[1:]


def spell(duration: timedelta) -> str:
    """“3 days”, “1 day 12 hours”; “at once” for none."""
    seconds, parts = int(duration.total_seconds()), []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}{'s' * (number != 1)}")
    return " ".join(parts) or "at once"


def after(duration: timedelta) -> str:
    """“after 3 days”; “at once” for none."""
    return f"after {spell(duration)}" if duration else "at once"


def often(number: int) -> str:
    """“once”, “twice”, “3 times”."""
    return _OFTEN.get(number, f"{number} times")


def listed(words: Iterable[str], last: str = "and") -> str:
    """“a, b and c”."""
    *first, end = list(words) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def sentence(words: str) -> str:
    """With a capital at the beginning and a full stop at the end."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '?', '!')) else '.'}"
