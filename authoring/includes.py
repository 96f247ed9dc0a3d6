"""``include: path.yaml``: parts of a playbook in files of their own, which several playbooks may share.

A path is seen from the file that includes it, and stays inside the directory that holds the playbook's own: that is
how playbooks share what lies beside them. Everything is bounded: depth, number of files, bytes.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from authoring.document import UNPRINTABLE, YAML_BYTES, Document, Spot, read_text
from authoring.yaml12 import YamlFault, compose
from domain.playbook.checks.finding import Path as DocumentPath
from domain.playbook.checks.finding import nearest

#: The key. It can't be the name of anything else in a playbook.
INCLUDE = "include"
DEPTH = 8
FILES = 200
TOTAL_BYTES = 4 * YAML_BYTES
_ENDINGS = (".yaml", ".yml")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Included:
    """One included file, composed. ``file`` is its name in problems: seen from the playbook's directory."""

    path: Path
    file: str
    text: str
    node: yaml.Node


class IncludeFault(Exception):
    """Why a file can't be included, in words that follow its name."""


class Includes:
    """The files that one playbook includes, each read once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._root = self._directory.parent
        self._read: dict[Path, Document] = {}
        self._nodes: dict[Path, yaml.Node | None] = {}
        self._bytes = 0

    @property
    def first(self) -> Path:
        """The file that every chain of includes begins with."""
        return self._directory / "playbook.yaml"

    def open(self, written: object, chain: tuple[Path, ...]) -> tuple[Document, Included | None]:
        """The file that the last of ``chain`` includes, with its own problems; None when it can't be read as YAML.

        Raises ``IncludeFault`` when it can't be included here at all.
        """
        path = self._find(written, chain[-1])
        if path in chain:
            circle = [*chain[chain.index(path) :], path]
            raise IncludeFault(f"includes itself: {' → '.join(map(self._name, circle))}")
        if len(chain) > DEPTH:
            raise IncludeFault(f"is included over {DEPTH} files deep")
        if path not in self._read:
            self._load(path)
        document, node = self._read[path], self._nodes[path]
        found = None if node is None else Included(path, document.file, document.text, node)
        return document, found

    def _load(self, path: Path) -> None:
        if len(self._read) >= FILES:
            raise IncludeFault(f"is one file too many: a playbook may include {FILES}")
        document = read_text(path, self._name(path), YAML_BYTES)
        self._bytes += len(document.text)
        if self._bytes > TOTAL_BYTES:
            raise IncludeFault(f"makes the included files larger than {TOTAL_BYTES // 1_000_000} MB together")
        self._read[path], self._nodes[path] = document, None
        if document.problems:
            return
        try:
            self._nodes[path] = compose(document.text)
        except YamlFault as fault:
            document.blame(fault.line, fault.column, "yaml", str(fault))
        else:
            if self._nodes[path] is None:
                document.blame(1, 1, "yaml", "holds nothing to include")

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self._directory)

    def _find(self, written: object, by: Path) -> Path:
        if (
            not isinstance(written, str)
            or not written.strip()
            or len(written) > _LONGEST
            or UNPRINTABLE.search(written)
        ):
            raise IncludeFault("is not a path: write the name of a .yaml file, seen from this file")
        if "\\" in written or Path(written).is_absolute():
            raise IncludeFault("must be a path seen from this file, with / between directories")
        if not written.endswith(_ENDINGS):
            raise IncludeFault("must end in .yaml or .yml")
        try:
            path = (by.parent / written).resolve()
        except (OSError, RuntimeError):  # links that lead in circles
            raise IncludeFault("can't be followed: links lead in a circle") from None
        if not path.is_relative_to(self._root):
            raise IncludeFault(f"leads out of {self._root.name or self._root}/, which holds the playbook's directory")
        if not os.path.lexists(path):
            raise IncludeFault(f"is not there{self._near(written, path, by)}")
        return path

    def _near(self, written: str, path: Path, by: Path) -> str:
        """What may be meant: a like name beside it, or the same path seen from the playbook's directory."""
        from_playbook = (self._directory / written).resolve()
        if from_playbook.is_file() and from_playbook.is_relative_to(self._root):
            return f"; paths are seen from the file they stand in: “{os.path.relpath(from_playbook, by.parent)}”?"
        if not path.parent.is_dir():
            return f"; there is no directory {self._name(path.parent)}"
        near = nearest(path.name, _yaml_files(path.parent))
        return f"; did you mean “{os.path.relpath(path.parent / near, by.parent)}”?" if near else ""


def _yaml_files(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir() if path.suffix in _ENDINGS][:1000]
    except OSError:
        return []


def graft(into: Document, path: DocumentPath, part: Document, at: DocumentPath) -> Any:
    """Take over what is at ``at`` in a part, places and all. Gives its data."""
    data: Any = part.data
    for step in at:
        data = data[step]
    _take_places(into, path, part, at, data)
    return data


def _take_places(into: Document, path: DocumentPath, part: Document, at: DocumentPath, data: object) -> None:
    into.values[path] = part.values[at]
    if at in part.keys:
        into.keys[path] = part.keys[at]
    steps: Any = data.keys() if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for step in steps:
        _take_places(into, (*path, step), part, (*at, step), data[step])  # type: ignore[index]  # it has these steps


def merge(into: Document, path: DocumentPath, have: dict[str, Any], part: Document, at: DocumentPath = ()) -> None:
    """Merge the mapping at ``at`` of a part into ``have``, which is at ``path``. Mappings merge deeply; anything else
    that is in both is written twice.
    """
    data: Any = part.data
    for step in at:
        data = data[step]
    for key, value in data.items():
        here, there = (*path, key), (*at, key)
        if key not in have:
            have[key] = graft(into, here, part, there)
        elif isinstance(have[key], dict) and isinstance(value, dict):
            merge(into, here, have[key], part, there)
        else:
            _blame_twice(into, key, into.keys[here], part.keys[there])


def _blame_twice(into: Document, key: str, one: Spot, other: Spot) -> None:
    into.blame_at(one, "duplicate-key", f"“{key}” is written twice: here and in {other}; keep one")
