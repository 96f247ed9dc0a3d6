"""A playbook's files as plain data with the exact place of every part.

YAML is read by PyYAML's composer, whose nodes know their line and column, with the plain rules of YAML 1.2 rather
than PyYAML's 1.1: there ``on`` would be true, ``no`` false and ``17:00`` the number 1020. What is read is bounded:
bytes, depth and the number of parts after aliases are expanded.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from authoring.problems import Problem
from domain.playbook.checks.finding import Path as DocumentPath

YAML_BYTES = 1_000_000
CONTENT_BYTES = 256_000
CONTENT_FILES = 2_000
_DEPTH = 40
_PARTS = 50_000

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


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a part begins: line and column from 1. ``style`` is the scalar's quote or block sign, "" when plain."""

    line: int
    column: int
    style: str = ""
    last_line: int = 0


@dataclass(slots=True)
class Document:
    """One file: its data, and the place of each value and key by path."""

    file: str
    text: str = ""
    data: Any = None
    values: dict[DocumentPath, Spot] = field(default_factory=dict)
    keys: dict[DocumentPath, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def blame(self, line: int, column: int, rule: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, rule, message))

    def locate(self, path: DocumentPath, *, key: bool = False) -> Spot:
        """The place of a value (or of its key); of the nearest part around it when it is not written."""
        if key and path in self.keys:
            return self.keys[path]
        while path not in self.values:
            if not path:
                return Spot(1, 1)
            path = path[:-1]
        return self.values[path]


def read_text(path: Path, file: str, limit: int) -> Document:
    """The file as text, or a document with the problem that kept it from being read."""
    document = Document(file)
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        document.blame(1, 1, "file", f"can't be read: {error.strerror or error}")
        return document
    if len(raw) > limit:
        document.blame(1, 1, "size", f"is larger than {limit // 1000} kB")
        return document
    try:
        document.text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        document.blame(before.count(b"\n") + 1, column, "encoding", "is not UTF-8; save the file as UTF-8")
    return document


def read_yaml(document: Document, text: str | None = None, first_line: int = 1) -> None:
    """Compose ``text`` (the document's own when None), which begins on ``first_line`` of the file."""
    source = document.text if text is None else text
    try:
        _guard_depth(source)
        node = yaml.compose(source, Loader=_Loader)
    except _TooDeepError as error:
        document.blame(error.mark.line + first_line, error.mark.column + 1, "yaml", f"is nested over {_DEPTH} deep")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + first_line, mark.column + 1) if mark else (first_line, 1)
        document.blame(line, column, "yaml", _words(error, source, line - first_line))
    except yaml.reader.ReaderError as error:
        _blame_character(document, source, error, first_line)
    else:
        if node is not None:
            _Reading(document, first_line).take(node)


class _TooDeepError(Exception):
    """Deeper than a playbook can need; ``mark`` is where."""

    def __init__(self, mark: Any) -> None:
        super().__init__(mark)
        self.mark = mark


def _guard_depth(source: str) -> None:
    """Refuse deep nesting before anything recursive sees it."""
    depth = 0
    for event in yaml.parse(source, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH:
            raise _TooDeepError(event.start_mark)


def _words(error: yaml.MarkedYAMLError, source: str, line: int) -> str:
    problem = error.problem or "is not YAML"
    lines = source.split("\n")
    if "cannot start any token" in problem and "\t" in lines[min(line, len(lines) - 1)]:
        return "a tab can't indent YAML; use spaces"
    if "mapping values are not allowed" in problem:
        return "a colon here needs quotes around the text, or the line is indented wrongly"
    return problem if not error.context else f"{error.context}: {problem}"


def _blame_character(document: Document, source: str, error: yaml.reader.ReaderError, first_line: int) -> None:
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", source)
    before = source[: found.start()] if found else ""
    line, column = before.count("\n") + first_line, len(before) - (before.rfind("\n") + 1) + 1
    document.blame(line, column, "yaml", f"a character that YAML does not allow ({error.reason})")


class _TooMuchError(Exception):
    """More parts than a playbook can need."""


class _Reading:
    """Turns composed nodes into plain data, noting places and duplicate keys."""

    def __init__(self, document: Document, first_line: int) -> None:
        self._document = document
        self._first_line = first_line
        self._parts = 0

    def take(self, node: yaml.Node) -> None:
        try:
            self._document.data = self._convert(node, ())
        except _TooMuchError as reason:
            self._document.data = None
            self._document.blame(*self._at(node), "yaml", str(reason))

    def _at(self, node: yaml.Node) -> tuple[int, int]:
        return node.start_mark.line + self._first_line, node.start_mark.column + 1

    def _spot(self, node: yaml.Node) -> Spot:
        style = (node.style or "") if isinstance(node, yaml.ScalarNode) else ""
        return Spot(*self._at(node), style, node.end_mark.line + self._first_line)

    def _convert(self, node: yaml.Node, path: DocumentPath) -> Any:
        self._parts += 1
        if self._parts > _PARTS or len(path) > _DEPTH:
            raise _TooMuchError("grows without end when its aliases (*name) are expanded; write the parts out")
        self._document.values[path] = self._spot(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._convert(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: DocumentPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.blame(*self._at(key_node), "yaml", "a key must be plain text")
                continue
            key = str(key_node.value)
            if key in result:
                first = self._document.keys[*path, key].line
                message = f"“{key}” is written twice; the first is on line {first}"
                self._document.blame(*self._at(key_node), "duplicate-key", message)
                continue
            self._document.keys[*path, key] = self._spot(key_node)
            result[key] = self._convert(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
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
        self._document.blame(*self._at(node), "yaml", f"the tag {node.tag} is not used in playbooks")
        return None
