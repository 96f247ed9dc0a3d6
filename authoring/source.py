"""A playbook's YAML as plain data with the exact place of every part, whatever file it is written in.

What is read is bounded: bytes, depth, and what there is after aliases and includes are written out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from authoring.document import CONTENT_BYTES, UNPRINTABLE, YAML_BYTES, Document, Spot, read_text
from authoring.includes import INCLUDE, IncludeFault, Includes, graft, merge
from authoring.yaml12 import DEPTH, YamlFault, compose, scalar
from domain.playbook.checks.finding import Path as DocumentPath

__all__ = ["CONTENT_BYTES", "YAML_BYTES", "Document", "Spot", "read_text", "read_yaml"]

_PARTS = 100_000
_CHARACTERS = 4 * YAML_BYTES
_LONGEST_KEY = 200


def read_yaml(
    document: Document, text: str | None = None, first_line: int = 1, includes: Includes | None = None
) -> None:
    """Read ``text`` (the document's own when None), which begins on ``first_line`` of the file.

    Without ``includes`` the key ``include`` has no meaning of its own.
    """
    try:
        node = compose(document.text if text is None else text)
    except YamlFault as fault:
        document.blame(fault.line + first_line - 1, fault.column, "yaml", str(fault))
        return
    if node is None:
        return
    reading = _Reading(document, _Budget(), first_line, includes, (includes.first,) if includes else ())
    try:
        document.data = reading.convert(node, ())
    except _TooMuchError as reason:
        document.data = None
        document.blame(node.start_mark.line + first_line, node.start_mark.column + 1, "yaml", str(reason))


class _TooMuchError(Exception):
    """More than a playbook can need."""


@dataclass(slots=True)
class _Budget:
    """What may still be read; shared by a file and all that it includes."""

    parts: int = _PARTS
    characters: int = _CHARACTERS

    def spend(self, node: yaml.Node, depth: int) -> None:
        self.parts -= 1
        if isinstance(node, yaml.ScalarNode):
            self.characters -= len(node.value)
        if min(self.parts, self.characters) < 0 or depth > DEPTH:
            raise _TooMuchError(
                f"grows beyond {_PARTS:,} parts or {_CHARACTERS // 1_000_000} MB when its aliases (*name) and includes "
                "are written out"
            )


class _Reading:
    """Turns the composed nodes of one file into plain data, noting places and duplicate keys."""

    def __init__(
        self, document: Document, budget: _Budget, first_line: int, includes: Includes | None, chain: tuple[Path, ...]
    ) -> None:
        self._document = document
        self._budget = budget
        self._first_line = first_line
        self._includes = includes
        self._chain = chain

    def convert(self, node: yaml.Node, path: DocumentPath) -> Any:
        self._budget.spend(node, len(path))
        self._document.values[path] = self._spot(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node)

    def _spot(self, node: yaml.Node) -> Spot:
        style = (node.style or "") if isinstance(node, yaml.ScalarNode) else ""
        begins, ends = node.start_mark, node.end_mark
        return Spot(
            self._document.file, begins.line + self._first_line, begins.column + 1, style, ends.line + self._first_line
        )

    def _blame(self, node: yaml.Node, rule: str, message: str) -> None:
        self._document.blame_at(self._spot(node), rule, message)

    def _mapping(self, node: yaml.MappingNode, path: DocumentPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        included: list[yaml.Node] = []
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key == INCLUDE and self._includes is not None:
                included.append(value_node)
            elif key is not None:
                result[key] = self.convert(value_node, (*path, key))
        for value_node in included:  # after all the keys that are written here, wherever it stands among them
            for part, place in self._included(value_node):
                self._merge(result, path, part, place)
        return result

    def _key(self, node: yaml.Node, path: DocumentPath) -> str | None:
        """A key that may be used; None when it is a problem."""
        self._budget.spend(node, len(path))
        if not isinstance(node, yaml.ScalarNode):
            self._blame(node, "yaml", "a key must be plain text")
            return None
        key = str(node.value)
        if len(key) > _LONGEST_KEY or UNPRINTABLE.search(key):
            self._blame(node, "yaml", f"a key is one line of at most {_LONGEST_KEY} characters")
            return None
        if (*path, key) in self._document.keys:
            first = self._document.keys[*path, key].line
            self._blame(node, "duplicate-key", f"“{key}” is written twice; the first is on line {first}")
            return None
        self._document.keys[*path, key] = self._spot(node)
        return key

    def _sequence(self, node: yaml.SequenceNode, path: DocumentPath) -> list[Any]:
        result: list[Any] = []
        for child in node.value:
            include = self._only_include(child)
            if include is None:
                result.append(self.convert(child, (*path, len(result))))
                continue
            parts = list(self._included(include))
            if parts and all(isinstance(part.data, list) for part, _ in parts):
                self._splice(result, path, [part for part, _ in parts])
            elif parts:
                result.append(self._item(child, (*path, len(result)), parts))
        return result

    def _only_include(self, node: yaml.Node) -> yaml.Node | None:
        """What an item ``- include: …`` includes."""
        if self._includes is None or not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
            return None
        ((key, value),) = node.value
        return value if isinstance(key, yaml.ScalarNode) and key.value == INCLUDE else None

    def _splice(self, result: list[Any], path: DocumentPath, parts: list[Document]) -> None:
        for part in parts:
            for index in range(len(part.data)):
                result.append(graft(self._document, (*path, len(result)), part, (index,)))

    def _item(self, node: yaml.Node, path: DocumentPath, parts: list[tuple[Document, yaml.Node]]) -> dict[str, Any]:
        self._document.values[path] = self._spot(node)
        result: dict[str, Any] = {}
        for part, place in parts:
            self._merge(result, path, part, place)
        return result

    def _merge(self, result: dict[str, Any], path: DocumentPath, part: Document, place: yaml.Node) -> None:
        if isinstance(part.data, dict):
            merge(self._document, path, result, part)
        elif isinstance(part.data, list):
            self._refuse(
                place, f"“{part.file}” holds a list: include it as an item of a list, - include: {place.value}"
            )
        else:
            self._refuse(place, f"“{part.file}” holds no keys and values, and no list")

    def _included(self, node: yaml.Node) -> Iterator[tuple[Document, yaml.Node]]:
        """Each file that is included, read, with the place of its path. Those that can't be are blamed."""
        for place in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self._budget.spend(place, 0)
            part = self._read_part(place)
            if part is not None:
                yield part, place

    def _read_part(self, place: yaml.Node) -> Document | None:
        if self._includes is None:
            return None
        written = place.value if isinstance(place, yaml.ScalarNode) else None
        try:
            whole, included = self._includes.open(written, self._chain)
        except IncludeFault as fault:
            shown = f"“{str(written)[:100]}” " if written else "this "
            self._refuse(place, f"{shown}{fault}")
            return None
        self._document.problems += whole.problems
        self._document.incomplete |= included is None
        if included is None:
            return None
        part = Document(included.file, included.text, texts={included.file: included.text})
        reading = _Reading(part, self._budget, 1, self._includes, (*self._chain, included.path))
        part.data = reading.convert(included.node, ())
        self._document.problems += part.problems
        self._document.texts |= part.texts
        self._document.incomplete |= part.incomplete
        return part

    def _refuse(self, place: yaml.Node, message: str) -> None:
        self._document.incomplete = True
        self._blame(place, INCLUDE, message)

    def _scalar(self, node: yaml.Node) -> Any:
        if found := UNPRINTABLE.search(node.value):
            self._blame(node, "yaml", f"holds a character that can't be printed (U+{ord(found[0]):04X}); remove it")
            return UNPRINTABLE.sub("", node.value)
        try:
            return scalar(node)
        except KeyError:
            self._blame(node, "yaml", f"the tag {node.tag} is not used in playbooks")
            return None
