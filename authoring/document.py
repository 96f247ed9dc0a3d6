"""A file of a playbook as text and as plain data, with the exact place of every part.

A part may be written in another file than the one it belongs to (``include``): every place names its own file.
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authoring.problems import Problem
from domain.playbook.checks.finding import Path as DocumentPath

YAML_BYTES = 1_000_000
CONTENT_BYTES = 256_000

#: What has no place in a text that people write. PostgreSQL can't store the first, terminals obey some of the others.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a part begins: file, line and column from 1. ``style`` is a scalar's quote or block sign, "" when plain."""

    file: str
    line: int
    column: int
    style: str = ""
    last_line: int = 0

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(slots=True)
class Document:
    """One file with all that it includes: its data, and the place of each value and key by path.

    ``incomplete`` says that something it includes could not be read, so that what is missing may be there.
    """

    file: str
    text: str = ""
    data: Any = None
    values: dict[DocumentPath, Spot] = field(default_factory=dict)
    keys: dict[DocumentPath, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    incomplete: bool = False
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, line: int, column: int, rule: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, rule, message))

    def blame_at(self, spot: Spot, rule: str, message: str) -> None:
        self.problems.append(Problem(spot.file, spot.line, spot.column, rule, message))

    def locate(self, path: DocumentPath, *, key: bool = False) -> Spot:
        """The place of a value (or of its key); of the nearest part around it when it is not written."""
        if key and path in self.keys:
            return self.keys[path]
        while path not in self.values:
            if not path:
                return Spot(self.file, 1, 1)
            path = path[:-1]
        return self.values[path]

    def lines(self, spot: Spot) -> list[str]:
        """The lines of the file that a place is in."""
        if spot.file not in self._lines:
            self._lines[spot.file] = self.texts.get(spot.file, self.text).split("\n")
        return self._lines[spot.file]


def read_text(path: Path, file: str, limit: int) -> Document:
    """The file as text, or a document with the problem that kept it from being read."""
    document = Document(file)
    try:
        raw = _read(path, limit)
    except OSError as error:
        document.blame(1, 1, "file", f"can't be read: {error.strerror or error}")
        return document
    if len(raw) > limit:
        document.blame(1, 1, "size", f"is larger than {limit // 1000} kB")
        return document
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        _blame_byte(document, raw, error.start)
        return document
    if found := UNPRINTABLE.search(text):
        _blame_character(document, text, found)
        return document
    document.text = text
    return document


def _read(path: Path, limit: int) -> bytes:
    """At most ``limit`` + 1 bytes of a regular file. Opened without waiting, as a pipe would keep us for ever."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("it is not a regular file")
        return stream.read(limit + 1)


def _blame_byte(document: Document, raw: bytes, at: int) -> None:
    before = raw[:at]
    line, column = before.count(b"\n") + 1, at - (before.rfind(b"\n") + 1) + 1
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    document.blame(line, column, "encoding", f"is {'UTF-16' if utf16 else 'not UTF-8'}; save the file as UTF-8")


def _blame_character(document: Document, text: str, found: re.Match[str]) -> None:
    before = text[: found.start()]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    if text.count("\x00") > len(text) // 4:  # every second byte of UTF-16 without its mark
        document.blame(line, column, "encoding", "is UTF-16; save the file as UTF-8")
    else:
        document.blame(
            line, column, "encoding", f"a character that can't be printed (U+{ord(found[0]):04X}); remove it"
        )
