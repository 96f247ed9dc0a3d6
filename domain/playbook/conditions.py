"""CEL conditions: which variables exist, their types, and compiled expressions.

The CEL library is ``cel-expr-python``, Google's own C++ implementation: the only candidate that type-checks against
declared variables (docs/decisions/0015-cel.md has the measurements). Variables are declared by their whole dotted
name, so ``lead.employes`` is an error at check time and not a missing key at night.

Every variable always has a value: an unknown field is ``""``, ``0``, ``false`` or ``[]``; ``known`` lists the lead
fields that really have one (``"role" in known``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from domain.playbook.bounds import excesses
from domain.playbook.models import Playbook

_TYPES = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "float": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "list": cel.Type.List(cel.Type.STRING),
}
#: Value of a lead field nobody has told us.
ABSENT: Mapping[str, Any] = {"string": "", "int": 0, "float": 0.0, "bool": False, "list": []}

#: Variables that every playbook has: name → (type, meaning).
COMMON: Mapping[str, tuple[str, str]] = {
    "known": ("list", "Names of the lead fields that have a value."),
    "lead.has_email": ("bool", "Whether an address is known."),
    "lead.email_domain": ("string", "Part of the address after the @, lower case."),
    "lead.country": ("string", "ISO 3166 country code, upper case."),
    "lead.source": ("string", "Where the lead came from."),
    "account.leads": ("int", "Leads known at the account, this one included."),
    "account.active_leads_30d": ("int", "Other leads of the account active in the last 30 days."),
    "account.open_opportunity": ("bool", "Whether an opportunity is open at the account."),
    "sales.rejections": ("list", "Reasons sales gave the lead back for in this journey, oldest first."),
}
#: Variables that exist once scores and stage are known (not in ``scoring``).
SCORED: Mapping[str, tuple[str, str]] = {
    "score.fit": ("int", "Fit score, 0–100."),
    "score.intent": ("int", "Intent score, 0–100."),
    "score.grade": ("string", "Letter of the fit score."),
    "stage": ("string", "Present buyer stage."),
    "segment": ("string", "Present segment."),
    "touches.sent": ("int", "Touches that reached the lead in this journey."),
    "days.in_stage": ("int", "Whole days since the stage began."),
    "days.in_journey": ("int", "Whole days since the journey began."),
    "days.quiet": ("int", "Whole days since the last meaningful behaviour, or since the journey began."),
}
#: For each behaviour: suffix → meaning. All are int.
PER_BEHAVIOUR: Mapping[str, str] = {
    "": "Times, as far back as behaviour is remembered (180 days).",
    ".in_7d": "Times in the last 7 days.",
    ".in_30d": "Times in the last 30 days.",
    ".days_ago": "Whole days since the last time; 9999 when never.",
}
#: Variables that exist once those are known as well, beside one for each situation.
SETTLED: Mapping[str, tuple[str, str]] = {
    "length": ("string", "Present length; empty when the playbook has none or none holds."),
}
#: One variable for each situation. Not in ``scoring``, ``segments``, ``lengths`` and ``situations`` themselves.
SITUATION = ("bool", "Whether the lead is in the situation.")
NEVER = 9999


class Level(IntEnum):
    """What a condition may ask about: each level knows what those before it have settled."""

    SCORING = 0
    SITUATIONS = 1
    ALL = 2


class ConditionFault(NamedTuple):
    """One thing wrong with a condition. ``column`` counts from 1 within the expression, on line ``line``."""

    message: str
    line: int
    column: int


class ConditionError(ValueError):
    """A condition that can't be used, with everything that is wrong with it. Its words are those of the first."""

    def __init__(self, *faults: ConditionFault) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


def variables(playbook: Playbook, level: Level) -> dict[str, str]:
    """Every declared variable of a playbook's conditions: dotted name → type name."""
    names = {name: kind for name, (kind, _) in COMMON.items()}
    names |= {f"lead.{name}": field.type for name, field in playbook.lead_fields.items()}
    for behaviour in (*playbook.behaviours, *playbook.patterns):
        names |= {f"behaviour.{behaviour}{suffix}": "int" for suffix in PER_BEHAVIOUR}
    if level >= Level.SITUATIONS:
        names |= {name: kind for name, (kind, _) in SCORED.items()}
    if level >= Level.ALL:
        names |= {name: kind for name, (kind, _) in SETTLED.items()}
        names |= {f"situation.{situation.id}": SITUATION[0] for situation in playbook.situations}
    return names


class Condition:
    """One compiled condition. ``uses`` are the declared variables it mentions: only those are handed to CEL, because
    handing over every variable of a playbook costs ten times as much as evaluating.
    """

    __slots__ = ("_expression", "_remembered", "text", "uses")

    def __init__(self, text: str, expression: Any, uses: tuple[str, ...]) -> None:
        self.text = text
        self.uses = uses
        self._expression = expression
        # The library compiles a regular expression at each evaluation, which takes ten times as long as all the rest;
        # the same few job titles come again and again.
        self._remembered = lru_cache(maxsize=4096)(self._again) if has_expression(text) else None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true of these values of the declared variables. A run-time error counts as false."""
        data = {name: values[name] for name in self.uses}
        if self._remembered is None:
            return self._evaluate(data)
        return self._remembered(*[tuple(value) if isinstance(value, list) else value for value in data.values()])

    def _again(self, *values: Any) -> bool:
        given = (list(value) if isinstance(value, tuple) else value for value in values)
        return self._evaluate(dict(zip(self.uses, given, strict=True)))

    def _evaluate(self, data: Mapping[str, Any]) -> bool:
        try:
            return self._expression.eval(data=data).value() is True
        except RuntimeError:  # lists so long that the library gives up
            return False


class Batch:
    """Conditions that are asked together: one evaluation, of a list, costs about a sixth of as many single ones.

    ``answers`` gives every condition's answer, by its text.
    """

    __slots__ = ("_conditions", "_expression", "_uses")

    def __init__(self, conditions: Sequence[Condition], expression: Any) -> None:
        self._conditions = conditions
        self._expression = expression
        self._uses = tuple(sorted({name for condition in conditions for name in condition.uses}))

    def answers(self, values: Mapping[str, Any]) -> dict[str, bool]:
        """Whether each is true of these values of the declared variables."""
        if self._expression is None:
            return {}
        try:
            found = self._expression.eval(data={name: values[name] for name in self._uses}).plain_value()
        except RuntimeError:
            found = None
        if type(found) is not list:  # one of them failed, and with it the list: the others have answers all the same
            return {condition.text: condition.holds(values) for condition in self._conditions}
        return {condition.text: answer is True for condition, answer in zip(self._conditions, found, strict=True)}


class Conditions:
    """Compiles the conditions of one playbook against its declared variables."""

    def __init__(self, playbook: Playbook) -> None:
        self._declared = {level: variables(playbook, level) for level in Level}
        self._env = {level: _environment(tuple(sorted(names.items()))) for level, names in self._declared.items()}
        self._cache: dict[tuple[str, Level], Condition] = {}

    def compile(self, text: str, level: Level = Level.ALL) -> Condition:
        """Compile and type-check. Raises ``ConditionError``."""
        cached = self._cache.get((text, level))
        if cached is None:
            cached = self._cache[text, level] = self._compile(text, level)
        return cached

    def batch(self, texts: Iterable[str], level: Level = Level.ALL) -> Batch:
        """Conditions of one level to be asked together.

        Those with a regular expression stay out: their answers are remembered.
        """
        chosen = [self.compile(text, level) for text in dict.fromkeys(texts) if not has_expression(text)]
        listed = ",".join(f"({condition.text}\n)" for condition in chosen)  # a condition may end in a comment
        return Batch(chosen, self._env[level].compile(f"[{listed}]") if chosen else None)

    def _compile(self, text: str, level: Level) -> Condition:
        return compiled(text, self._declared[level])


def compiled(text: str, declared: Mapping[str, str]) -> Condition:
    """A condition over these variables (dotted name → type name), type-checked. Raises ``ConditionError``."""
    if found := excesses(text):
        raise ConditionError(*(ConditionFault(*excess) for excess in found))
    try:
        expression = _environment(tuple(sorted(declared.items()))).compile(text)
    except RuntimeError as error:
        raise ConditionError(*_faults(str(error))) from None
    if expression.return_type() != cel.Type.BOOL:
        raise ConditionError(ConditionFault(f"gives {expression.return_type().name()}, not true or false", 1, 1))
    return Condition(text, expression, _used(text, declared))


def _faults(said: str) -> list[ConditionFault]:
    """Every error CEL found. After a syntax error the others only follow from it."""
    faults = [ConditionFault(found[3], int(found[1]), int(found[2])) for found in _MESSAGE.finditer(said)]
    if not faults:
        return [ConditionFault(said, 1, 1)]
    return faults[:1] if "Syntax error" in faults[0].message else list(dict.fromkeys(faults))


def has_expression(text: str) -> bool:
    """Whether a condition matches text against a regular expression."""
    return "matches" in text


def _used(text: str, declared: Mapping[str, str]) -> tuple[str, ...]:
    """Declared variables among the names in the text. A name goes on where a method is called: ``lead.role.size()``."""
    used = set()
    for name in _NAME.findall(text):
        parts = name.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        used.add(next((prefix for prefix in prefixes if prefix in declared), ""))
    return tuple(sorted(used - {""}))


@lru_cache(maxsize=64)
def _environment(declared: tuple[tuple[str, str], ...]) -> Any:
    types = {name: _TYPES[kind] for name, kind in declared}
    return cel.NewEnv(variables=types, extensions=[ext_strings.ExtStrings()])
