"""Conditions compile, against the variables that exist where they stand."""

import re
from collections.abc import Callable, Collection, Iterator

from domain.playbook.checks.finding import Finding, Path, did_you_mean, nearest
from domain.playbook.conditions import (
    COMMON,
    SCORED,
    SETTLED,
    ConditionError,
    ConditionFault,
    Conditions,
    Level,
    variables,
)
from domain.playbook.models import Playbook
from domain.playbook.places import conditions

#: Words CEL keeps for itself: a field or behaviour so named could not be written in a condition.
_RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\(([^)]*)\)'")
_SELECTED = "cannot be the operand of a select operation"
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_NOT_NAME = re.compile(r"[^\w.]")
_HABITS = (
    (re.compile(r"=(?!=)"), "“=” compares nothing; write =="),
    (re.compile(r"and\b", re.IGNORECASE), "write && for “and”"),
    (re.compile(r"or\b", re.IGNORECASE), "write || for “or”"),
    (re.compile(r"not\b", re.IGNORECASE), "write ! for “not”"),
    (re.compile(r"is\b", re.IGNORECASE), "write == for “is”"),
    (re.compile(r"<>"), "write != for “is not”"),
    (re.compile(r"[“”„‘’«»]"), 'a text stands in straight quotes, such as "cfo"'),
)
_SYNTAX = re.compile(r"Syntax error: (.*?)(?: expecting .*)?$")


def check_conditions(document: Playbook) -> Iterator[Finding]:
    """For a document whose names ``check_names`` accepts: no environment can be made of others."""
    compiler = Conditions(document)
    for path, text, level in conditions(document):
        try:
            compiler.compile(text, level)
        except ConditionError as error:
            yield from (_explain(document, path, text, fault, level) for fault in error.faults)


def check_names(document: Playbook) -> Iterator[Finding]:
    for name in document.lead_fields:
        if f"lead.{name}" in COMMON:
            message = f"“lead.{name}” exists already: {COMMON[f'lead.{name}'][1]} Remove the field, or rename it"
            yield Finding(("lead_fields", name), "name", message)
        elif name == "email":
            message = "the address is no field: conditions may use lead.email_domain and lead.has_email"
            yield Finding(("lead_fields", name), "name", message)
    for part in ("lead_fields", "behaviours", "patterns"):
        names = getattr(document, part)
        for name in _RESERVED.intersection(names):
            yield Finding((part, name), "name", f"“{name}” is a word of the condition language; use another name")


def _explain(document: Playbook, path: Path, text: str, fault: ConditionFault, level: Level) -> Finding:
    known = variables(document, level)
    message, line, column = explained(text, fault, known, lambda name: _unknown(document, name, level))
    return Finding(path, "condition", message, at=(line, column))


def explained(
    text: str, fault: ConditionFault, known: Collection[str], unknown: Callable[[str], str]
) -> tuple[str, int, int]:
    """A fault of CEL's in our words, with line and column. ``known`` are the variables; ``unknown`` says what is to be
    said of a name that is none of them.
    """
    message, line, column = fault
    if found := _UNDECLARED.search(message):
        name = found[1]
        message = unknown(name)
        # CEL points at the last dot of a dotted name; people look for its beginning.
        if name.rpartition(".")[0] and text.split("\n")[line - 1][column - 1 : column] == ".":
            column = max(1, column - len(name.rpartition(".")[0]))
    elif found := _OVERLOAD.search(message):
        operator = found[1].strip("_").replace("_", " ").strip() or found[1]
        message = f"“{operator}” can't be used on {found[2].replace(', ', ' and ')}; is a value of another type meant?"
    elif found := _SYNTAX.search(message):
        said = found[1].replace("'<EOF>'", "the end")
        message = f"is not a condition: {_meant(text.split(chr(10))[line - 1][column - 1 :]) or said}"
    elif _SELECTED in message:
        message, column = _no_part(known, text.split("\n")[line - 1], column)
    return message, line, column


def _meant(rest: str) -> str:
    """What to write instead, when the text at which a condition breaks off is a habit of another language."""
    return next((words for habit, words in _HABITS if habit.match(rest)), "")


def _no_part(known: Collection[str], line: str, column: int) -> tuple[str, int]:
    """CEL points at the dot after a number or text; people look for the whole name."""
    begins = column - 1 - len(_NOT_NAME.split(line[: column - 1])[-1])
    found = _NAME.match(line, begins)
    if found is None:
        return "only what is declared has parts; a number or text has none", column
    whole = found[0]
    parts = [name for name in known if name.startswith(f"{whole.rpartition('.')[0]}.")]
    return f"there is no “{whole}”{did_you_mean(whole, parts)}", begins + 1


def _unknown(document: Playbook, name: str, level: Level) -> str:
    if level is Level.SCORING and name in SCORED:
        return f"“{name}” is not known yet where fit and entry intent are computed; use lead and account fields"
    if level is not Level.ALL and (name.startswith("situation.") or name in SETTLED):
        return f"“{name}” is not known yet here; scores, segments, lengths and situations are settled first"
    known = variables(document, level)
    if name.startswith("lead.") and not nearest(name, known):
        return f"there is no “{name}”; declare “{name[5:]}” in lead_fields"
    return f"there is no “{name}”{did_you_mean(name, known)}"
