"""YAML text as composed nodes, which know their line and column.

Read by PyYAML with the plain rules of YAML 1.2 rather than PyYAML's 1.1: there ``on`` would be true, ``no`` false and
``17:00`` the number 1020.
"""

import re
from typing import Any

import yaml

DEPTH = 40

#: The C parser where the wheel has it: ten times as fast.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # one of two classes, chosen at run time
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 — PyYAML's own shape


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class YamlFault(Exception):
    """Text that is not YAML, or nested too deeply. ``line`` and ``column`` count from 1 within the text."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text; None when it holds nothing. Raises ``YamlFault``."""
    try:
        _guard_depth(text)
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        begins = error.context_mark if _NO_KEY in (error.problem or "") else None  # the problem is seen a line later
        line, column = _place(begins or error.problem_mark or error.context_mark)
        raise YamlFault(_words(error, text, line - 1), line, column) from None
    except yaml.reader.ReaderError as error:
        raise _forbidden_character(text, error) from None


def scalar(node: yaml.Node) -> Any:
    """The plain value of a scalar. Raises ``KeyError`` for a tag that playbooks do not use."""
    text = str(node.value)
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text) if len(text) <= 20 else text  # noqa: PLR2004 — no field takes more digits
        case "float":
            return float(text)
        case "str":
            return text
    raise KeyError(node.tag)


def _place(mark: Any) -> tuple[int, int]:
    """Line and column from 1; PyYAML's marks may be missing."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _guard_depth(text: str) -> None:
    """Refuse deep nesting before anything recursive sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise YamlFault(f"is nested over {DEPTH} deep", *_place(event.start_mark))


_NO_KEY = "could not find expected ':'"
#: Part of what PyYAML says → what an author can act on.
_SAYINGS = {
    _NO_KEY: "a key needs a colon and a space after it, such as title: Spring",
    "mapping values are not allowed": "a colon here needs quotes around the text, or the line is indented wrongly",
    "did not find expected ',' or '}'": "a text between { } with a comma, bracket or quote in it needs "
    "quotes around it; or a } is missing",
    "did not find expected ',' or ']'": "a text between [ ] with a comma, bracket or quote in it needs "
    "quotes around it; or a ] is missing",
    "did not find expected key": "the line is indented otherwise than those above, or a text goes on after its quote",
    "did not find expected '-' indicator": "the line is indented otherwise than those above, or its - is missing",
    "found undefined alias": "*name stands for a part that &name marks further above; a text that begins with * needs "
    "quotes around it",
    "found unexpected end of stream": "a quote is opened that is never closed",
    "a tab character that violates indentation": "a tab can't indent YAML; use spaces",
    "cannot start any token": "a text can't begin with this character; put it in quotes",
}


def _words(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    problem = error.problem or "is not YAML"
    lines = text.split("\n")
    if "cannot start any token" in problem and "\t" in lines[min(line, len(lines) - 1)]:
        return "a tab can't indent YAML; use spaces"
    known = next((words for part, words in _SAYINGS.items() if part in problem), None)
    return known or (problem if not error.context else f"{error.context}: {problem}")


def _forbidden_character(text: str, error: yaml.reader.ReaderError) -> YamlFault:
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    before = text[: found.start()] if found else ""
    message = f"a character that YAML does not allow ({error.reason})"
    return YamlFault(message, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
