"""Conditions compile, against the variables that exist where they stand."""

import re
from collections.abc import Iterator

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
    message, line, column = fault
    if found := _UNDECLARED.search(message):
        name = found[1]
        message = _unknown(document, name, level)
        # CEL points at the last dot of a dotted name; people look for its beginning.
        if name.rpartition(".")[0] and text.split("\n")[line - 1][column - 1 : column] == ".":
            column = max(1, column - len(name.rpartition(".")[0]))
    elif found := _OVERLOAD.search(message):
        operator = found[1].strip("_").replace("_", " ").strip() or found[1]
        message = f"“{operator}” can't be used on {found[2].replace(', ', ' and ')}; is a value of another type meant?"
    elif found := _SYNTAX.search(message):
        message = f"is not a condition: {found[1].replace(chr(39) + '<EOF>' + chr(39), 'the end')}"
    return Finding(path, "condition", message, at=(line, column))


def _unknown(document: Playbook, name: str, level: Level) -> str:
    if level is Level.SCORING and name in SCORED:
        return f"“{name}” is not known yet where fit and entry intent are computed; use lead and account fields"
    if level is not Level.ALL and (name.startswith("situation.") or name in SETTLED):
        return f"“{name}” is not known yet here; scores, segments, lengths and situations are settled first"
    known = variables(document, level)
    if name.startswith("lead.") and not nearest(name, known):
        return f"there is no “{name}”; declare “{name[5:]}” in lead_fields"
    return f"there is no “{name}”{did_you_mean(name, known)}"
