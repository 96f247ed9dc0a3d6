"""Reading the answer to one question: what the form offers, and what of what came back is an answer.

People write numbers as they are used to: “1,200”, “1 200”, “1.200”. Where that has one meaning it is taken; where it
has two, the message says how to write it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from pydantic_core import to_json

from api.texts import DEFAULT, Texts, languages
from domain.facts import FieldValue
from domain.playbook.fields import LARGEST
from domain.playbook.models import Option, Question

#: As much as a template prints of a field (``authoring.templates``).
LONGEST = 200
MOST_LINES = 20
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WHOLE = re.compile(r"[+-]?\d+")
#: Thousands set apart, the same way throughout.
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([ ,.'’])\d{3})(?:\1\d{3})*")
_DECIMAL = re.compile(r"[+-]?\d*[.,]?\d+|[+-]?\d+[.,]")

Control = Literal["radio", "checkbox", "lines", "text"]


class NotAnAnswer(ValueError):
    """What came can't be stored as an answer. ``key`` and ``words`` say what to do instead, in any language
    (``api.texts``), to the one who wrote it; the message does in English.
    """

    def __init__(self, key: str, **words: int) -> None:
        super().__init__(languages()[DEFAULT](key, **words))
        self.key, self.words = key, words


@dataclass(frozen=True, slots=True)
class Choice:
    """``key`` stands for the value in the form."""

    key: str
    label: str
    value: str | int | float | bool


def choices(question: Question, kind: str, say: Texts | None = None) -> tuple[Choice, ...]:
    """The answers to choose from; none where the lead writes one. Yes and no are in the words of ``say``."""
    say = say or languages()[DEFAULT]
    yes_or_no = (Option(label=say("answer.yes"), value=True), Option(label=say("answer.no"), value=False))
    options = question.options or (yes_or_no if kind == "bool" else ())
    return tuple(Choice(to_json(one.value).decode(), one.label, one.value) for one in options)


def control(question: Question, kind: str) -> Control:
    """How the form asks."""
    if choices(question, kind):
        return "checkbox" if kind == "list" else "radio"
    return "lines" if kind == "list" else "text"


def read(question: Question, kind: str, given: Sequence[str]) -> FieldValue:
    """The answer as a value of the field's type. Raises ``NotAnAnswer``."""
    offered = choices(question, kind)
    if offered:
        return _chosen(offered, kind, given)
    answer = _READERS[kind](given[0] if given else "")
    if answer in ("", []):
        raise NotAnAnswer("answer.first")
    return answer


def _chosen(offered: Sequence[Choice], kind: str, given: Sequence[str]) -> FieldValue:
    values = [choice.value for choice in offered if choice.key in given]
    if kind == "list":
        if not values:
            raise NotAnAnswer("answer.least")
        return [str(value) for value in values]
    if len(values) != 1:
        raise NotAnAnswer("answer.one")
    # JSON knows no difference between 1 and 1.0: the value is stored as the field's type.
    return str(values[0]) if kind == "string" else float(values[0]) if kind == "float" else values[0]


def _one_line(text: str) -> str:
    line = _SPACE.sub(" ", _CONTROL.sub("", text)).strip()
    if len(line) > LONGEST:
        raise NotAnAnswer("answer.long", most=LONGEST, has=len(line))
    return line


def _lines(text: str) -> list[str]:
    lines = list(dict.fromkeys(filter(None, (_one_line(line) for line in text.splitlines()))))
    if len(lines) > MOST_LINES:
        raise NotAnAnswer("answer.lines", most=MOST_LINES, has=len(lines))
    return lines


def _written(text: str) -> str:
    """What stands where a number should. Raises ``NotAnAnswer`` when nothing does."""
    written = _one_line(text)
    if not written:
        raise NotAnAnswer("answer.number")
    return written


def _whole(text: str) -> int:
    written = _written(text)
    if not (_WHOLE.fullmatch(written) or _GROUPED.fullmatch(written)):
        raise NotAnAnswer("answer.whole")
    return int(_within(int(re.sub(r"[^\d+-]", "", written))))


def _number(text: str) -> float:
    written = _written(text)
    grouped = _GROUPED.fullmatch(written)
    if grouped and (grouped[1] not in ".," or written.count(grouped[1]) > 1):
        return _within(float(written.replace(grouped[1], "")))
    if grouped or not _DECIMAL.fullmatch(written):
        raise NotAnAnswer("answer.plain")
    return _within(float(written.replace(",", ".")))


def _within(number: float) -> float:
    if not isfinite(number) or abs(number) > LARGEST:
        raise NotAnAnswer("answer.smaller")
    return number


_READERS: dict[str, Callable[[str], FieldValue]] = {
    "string": _one_line,
    "int": _whole,
    "float": _number,
    "list": _lines,
}
