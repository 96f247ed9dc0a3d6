"""Content files: front matter between two ``---`` lines, then a Markdown body."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authoring.document import CONTENT_BYTES, YAML_BYTES, Document, Spot, read_text
from authoring.includes import Includes
from authoring.problems import Problem
from authoring.source import read_yaml
from domain.playbook.checks.finding import Path as DocumentPath
from domain.playbook.checks.finding import did_you_mean
from domain.playbook.models import Asset

CONTENT_FILES = 2_000
CONTENT_TOTAL_BYTES = 20_000_000

#: What front matter may hold: the asset's fields but its name and body, which the file itself gives.
KEYS = tuple(name for name in Asset.model_fields if name not in {"id", "body"})


@dataclass(slots=True)
class Sources:
    """A playbook's files, read: ``playbook.yaml`` with what it includes, and each content file by asset id.

    ``more`` are problems of no file in particular; with any of them the files are not all read.
    """

    playbook: Document
    contents: dict[str, Document]
    more: list[Problem]

    def problems(self) -> list[Problem]:
        return [*self.playbook.problems, *self.more, *(p for doc in self.contents.values() for p in doc.problems)]

    def data(self) -> dict[str, Any]:
        """What the models validate: the YAML with the assets in it."""
        known = self.playbook.data if isinstance(self.playbook.data, dict) else {}
        return known | {"assets": {name: doc.data for name, doc in self.contents.items() if doc.data is not None}}

    def locate(self, path: DocumentPath, *, key: bool = False) -> tuple[Document, Spot]:
        """The document and place of a part; the place names the file."""
        if len(path) > 1 and path[0] == "assets" and path[1] in self.contents:
            document = self.contents[str(path[1])]
            return document, document.locate(path[2:], key=key)
        return self.playbook, self.playbook.locate(path, key=key)


def read_directory(directory: Path) -> Sources:
    """Read every file of a playbook. Never raises for what a file holds: that is in the problems."""
    contents, more = _read_contents(directory / "content")
    return Sources(_read_playbook(directory), contents, more)


def _read_playbook(directory: Path) -> Document:
    document = read_text(directory / "playbook.yaml", "playbook.yaml", YAML_BYTES)
    if not document.problems:
        read_yaml(document, includes=Includes(directory))
    if not document.problems and not isinstance(document.data, dict):
        document.blame(1, 1, "yaml", "must hold keys and values: begin with name, sender and lead_fields")
    if isinstance(document.data, dict) and "assets" in document.data:
        spot = document.locate(("assets",), key=True)
        document.blame_at(spot, "unknown-key", "assets are the files in content/, not written here")
    return document


def _read_contents(directory: Path) -> tuple[dict[str, Document], list[Problem]]:
    """Content files by asset id. Of too many, or too large together, none is read."""
    try:
        with os.scandir(directory) as entries:
            files = sorted((entry for entry in entries if entry.name.endswith(".md")), key=lambda entry: entry.name)
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [Problem("content", 1, 1, "file", f"can't be read: {error.strerror or error}")]
    if len(files) > CONTENT_FILES:
        return {}, [
            Problem("content", 1, 1, "size", f"holds {len(files):,} files; a playbook may have {CONTENT_FILES:,}")
        ]
    if sum(map(_size, files)) > CONTENT_TOTAL_BYTES:
        most = CONTENT_TOTAL_BYTES // 1_000_000
        return {}, [Problem("content", 1, 1, "size", f"holds more than {most} MB in all")]
    return {entry.name.removesuffix(".md"): read_content(Path(entry.path)) for entry in files}, []


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return min(entry.stat().st_size, CONTENT_BYTES)  # larger ones are not read beyond that
    except OSError:
        return 0


def read_content(path: Path) -> Document:
    """One content file; its data are an asset's fields."""
    document = read_text(path, f"content/{path.name}", CONTENT_BYTES)
    if not document.problems:
        _read_parts(document, path.stem)
    return document


def _read_parts(document: Document, name: str) -> None:
    lines = document.text.split("\n")
    if lines[0].rstrip() != "---":
        document.blame(1, 1, "front-matter", "must begin with a line --- and front matter (subject, question, …)")
        return
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        document.blame(1, 1, "front-matter", "has no second line --- that ends the front matter")
        return
    read_yaml(document, "\n".join(lines[1:end]), first_line=2)
    if document.data is not None and not isinstance(document.data, dict):
        document.blame(2, 1, "front-matter", "must hold keys and values such as “subject: …”")
        document.data = None
        return
    front = _known_keys(document, document.data or {})
    start = next((number for number in range(end + 1, len(lines)) if lines[number].strip()), len(lines) - 1)
    body = "\n".join(lines[start:]).rstrip()
    document.values[()] = Spot(document.file, 1, 1)
    document.values["body",] = Spot(document.file, start + 1, 1, "body")
    if not body:
        document.blame(start + 1, 1, "front-matter", "has no text after the front matter")
        body = " "
    document.data = front | {"id": name, "body": body}


def _known_keys(document: Document, front: dict[str, Any]) -> dict[str, Any]:
    for key in front.keys() - set(KEYS):
        spot = document.locate((key,), key=True)
        message = f"“{key}” is not a key of content{did_you_mean(key, KEYS)}"
        document.blame_at(spot, "unknown-key", message)
    return {key: value for key, value in front.items() if key in KEYS and value is not None}
