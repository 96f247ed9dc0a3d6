"""Can a condition ever hold? Asked of the values that matter to it, one after another.

A condition compares variables with values written in it, so it is enough to try those values and their neighbours,
the ends of what a variable can be, and something else. Where that does not suffice (functions, multiplication, too
many variables) the answer is “it can”: a lint may miss something, never invent it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any

from domain.playbook.conditions import NEVER, Condition, ConditionError, Conditions, Level, variables
from domain.playbook.models import Counted, Playbook
from domain.words import RejectReason

#: What some variables can be where a condition stands, by name: these values, or at least so many.
Given = Mapping[str, Sequence[Any] | int]

#: Values tried of one condition, and of all conditions of a playbook together.
_MOST, _MOST_IN_ALL = 4096, 60_000
_TEXT = re.compile(r"""[rR]?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
#: What trying a few values does not settle: functions, arithmetic, maps, single items and whole lists, the order of
#: texts, numbers in other notations; nor, as it may hold quotes, a comment.
_BEYOND = re.compile(
    r"""\w\s*\(|[+*/%{?\\]|[\w)\]]\s*-|[\w)]\s*\[|[=!]=\s*\[|\]\s*[=!]=|[<>]=?\s*"|"\s*[<>]|\b\d+\.?\d*[a-zA-Z]"""
)
#: `in` calls nothing, whatever follows.
_IN = re.compile(r"\bin\b")
_HIGH = 10**6
_OTHER = "something else"


class Possibilities:
    """What conditions of one playbook can be. Scores reach from least to most of what its rules give."""

    def __init__(self, document: Playbook) -> None:
        self._types = {level: variables(document, level) for level in Level}
        self._conditions = Conditions(document)
        self.fit, self.intent = fit_range(document), (0, most_intent(document))
        self._texts = _texts(document, self.fit)
        self._left = _MOST_IN_ALL
        days = document.length_limit.days + 1
        self._ranges = {
            "score.fit": self.fit,
            "score.intent": self.intent,
            "days.in_journey": (0, days),
            "days.in_stage": (0, days),
            "account.leads": (1, _HIGH),
        }

    def can(self, text: str, level: Level = Level.ALL, given: Given | None = None, *, any_score: bool = False) -> bool:
        """Whether the condition can hold; with ``any_score`` also for scores that no lead reaches."""
        try:
            condition = self._conditions.compile(text, level)
        except ConditionError:  # told elsewhere
            return True
        plain = _TEXT.sub('""', text)
        if "\\" in text or _BEYOND.search(_IN.sub(",", plain)):
            return True
        choices = list(self._choices(condition, text, plain, level, given or {}, any_score=any_score))
        if prod(map(len, choices)) > min(_MOST, self._left):
            return True
        for values in product(*choices):
            self._left -= 1
            if condition.holds(dict(zip(condition.uses, values, strict=True))):
                return True
        return False

    def _choices(
        self, condition: Condition, text: str, plain: str, level: Level, given: Given, *, any_score: bool
    ) -> Iterator[Sequence[Any]]:
        words = [found[1][1:-1] for found in _TEXT.finditer(text)]
        numbers = [float(number) for number in _NUMBER.findall(plain)]
        numbers += [-number for number in numbers] if "-" in plain else []
        for name in condition.uses:
            known = given.get(name)
            if isinstance(known, int):
                yield [round(value) for value in _near(numbers, known, _HIGH)]
            elif known is not None:
                yield known
            elif any_score and name in {"score.fit", "score.intent", "score.grade"}:
                yield [*words, ""] if name == "score.grade" else _near(numbers, 0, 100)
            else:
                yield self._values(name, self._types[level][name], words, numbers)

    def _values(self, name: str, kind: str, words: list[str], numbers: list[float]) -> Sequence[Any]:
        if kind == "bool":
            return (True, False)
        if kind == "string":
            return self._texts.get(name) or (*words, "", _OTHER)
        if kind == "list":
            members = [w for w in words if name != "sales.rejections" or w in set(RejectReason)]
            return [members, [], *([one] for one in members)]
        if name.startswith("behaviour."):
            least, most = 0, NEVER if name.endswith(".days_ago") else _HIGH
        else:
            least, most = self._ranges.get(name, (-_HIGH if name.startswith("lead.") else 0, _HIGH))
        if kind == "float":
            return _between(_near(numbers, least, most))
        return [round(value) for value in _near(numbers, least, most)]


def _near(numbers: Iterable[float], least: float, most: float) -> list[float]:
    near = {value for number in numbers for value in (number - 1, number, number + 1)}
    return sorted({least, most, *(value for value in near if least <= value <= most)}, reverse=True)


def _between(values: list[float]) -> list[float]:
    """Fractions: something between any two as well."""
    return [*values, *((one + other) / 2 for one, other in pairwise(values))]


def _texts(document: Playbook, fit: tuple[int, int]) -> dict[str, Sequence[str]]:
    """What the texts that the playbook itself names can be."""
    grades = sorted(document.scoring.fit.grades.items(), key=lambda item: item[1])
    reached = [letter for letter, least in grades if least <= fit[1]]
    return {
        "stage": [stage.id.value for stage in document.stages],
        "segment": [segment.id for segment in document.segments],
        "length": [*(length.id for length in document.lengths), ""],
        "score.grade": [*reached, ""],
    }


def fit_range(document: Playbook) -> tuple[int, int]:
    """The least and the greatest fit score, were each rule alone."""
    fit = document.scoring.fit
    points = [rule.points for rule in fit.rules]
    lowest = fit.base + sum(value for value in points if value < 0)
    return max(0, min(100, lowest)), min(100, fit.base + sum(value for value in points if value > 0))


def most_intent(document: Playbook) -> int:
    """The greatest intent score: everything known at entry, and everything done as often as it counts."""
    intent = document.scoring.intent
    total = float(sum(max(rule.points, 0) for rule in intent.entry))
    groups: dict[str, float] = {}
    for counted in (*document.behaviours.values(), *document.patterns.values()):
        value = _most_points(counted, counted.half_life or intent.half_life)
        if counted.group in intent.caps:
            groups[counted.group] = groups.get(counted.group, 0) + value
        else:
            total += value
    total += sum(min(value, intent.caps[group]) for group, value in groups.items())
    return min(100, round(total))


def _most_points(counted: Counted, half_life: Any) -> float:
    if counted.points <= 0:
        return 0
    if counted.most is not None:
        return counted.points * counted.most
    if counted.once_per and half_life:  # a geometric series: each has faded for so long when the next one counts
        return float(counted.points / (1 - 0.5 ** (counted.once_per / half_life)))
    return 100
