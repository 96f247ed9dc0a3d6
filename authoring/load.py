"""A playbook directory as a checked document, or every problem it has with file, line and column."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from authoring.content import Sources, read_directory
from authoring.document import Document, Spot
from authoring.links import link_faults
from authoring.lints import content_lints
from authoring.problems import PlaybookProblems, Problem, Severity, ordered, refused
from authoring.schema import explain, value_at, without_unknown_keys
from authoring.templates import Fault, Known, bounded, faults
from domain.playbook.check import Finding, problems
from domain.playbook.checks.finding import Path as DocumentPath
from domain.playbook.models import Playbook


def load_playbook(directory: Path) -> Playbook:
    """The playbook in a directory. Raises ``PlaybookProblems`` with all of its problems when any is an error."""
    document, found = read_playbook(directory)
    if document is None or refused(found):
        raise PlaybookProblems(found)
    return document


def read_playbook(directory: Path) -> tuple[Playbook | None, list[Problem]]:
    """The document, if the models accept it, and every problem, errors and warnings, in file and line order."""
    directory = Path(directory)
    if not os.path.lexists(directory / "playbook.yaml"):
        message = f"there is no playbook.yaml in {directory}{_instead(directory)}"
        return None, [Problem("playbook.yaml", 1, 1, "file", message)]
    sources = read_directory(directory)
    found = sources.problems()
    document = None
    if isinstance(sources.playbook.data, dict) and not sources.more:
        document, shape = _validate(sources)
        found += [*shape, *_content_problems(sources)]
    if document is not None and not sources.playbook.incomplete:
        found += [place(sources, one) for one in problems(document) if not _only_unread(sources, one)]
    return document, ordered(found)


def _instead(directory: Path) -> str:
    if directory.is_file():
        return f"; name the directory it is in: {directory.parent}"
    return "; rename playbook.yml to playbook.yaml" if (directory / "playbook.yml").is_file() else ""


def _validate(sources: Sources) -> tuple[Playbook | None, list[Problem]]:
    """The models' opinion. Where only unknown keys stand in the way, the rest is still checked without them.

    Where something included could not be read, what is missing may be there: that is not held against the author.
    """
    data = sources.data()
    try:
        return Playbook.model_validate(data), []
    except ValidationError as error:
        found = explain(sources, error, incomplete=sources.playbook.incomplete)
        rest = without_unknown_keys(data, error)
    try:
        return (Playbook.model_validate(rest) if rest is not None else None), found
    except ValidationError:
        return None, found


def _only_unread(sources: Sources, finding: Finding) -> bool:
    """Whether an asset is missing only because its file could not be read, of which there is a problem already."""
    unread = {name for name, content in sources.contents.items() if content.data is None}
    if finding.rule != "reference" or finding.path[-1:] != ("asset",):
        return False
    return bool(unread) and value_at(sources.playbook.data, finding.path) in unread


def place(sources: Sources, finding: Finding) -> Problem:
    """A finding about the document, at its place in the files."""
    document, spot = sources.locate(finding.path)
    line, column = spot.line, spot.column
    if finding.at is not None:
        line, column = place_in_scalar(document, spot, *finding.at)
    return Problem(spot.file, line, column, finding.rule, finding.message, finding.severity)


def place_in_scalar(document: Document, spot: Spot, line: int, column: int) -> tuple[int, int]:
    """The place in the file of a place in a scalar's text (all from 1)."""
    if spot.style == "body":
        return spot.line + line - 1, column
    lines = document.lines(spot)
    if spot.style == "|":
        target = spot.line + line
        content = lines[target - 1] if target <= len(lines) else ""
        indent = _indent(lines, spot.line)
        return target, min(column + indent, len(content) + 1)
    if spot.style == ">" or spot.last_line > spot.line:
        return _place_in_folded(lines, spot, column)
    return spot.line, spot.column + (1 if spot.style else 0) + column - 1


def _indent(lines: list[str], header: int) -> int:
    """Indentation of a block scalar: that of its first line with text."""
    first = next((line for line in lines[header:] if line.strip()), "")
    return len(first) - len(first.lstrip(" "))


def _place_in_folded(lines: list[str], spot: Spot, column: int) -> tuple[int, int]:
    """YAML joined the lines with one space each: walk them to the column."""
    first = spot.line + 1 if spot.style == ">" else spot.line
    left = column - 1
    for number in range(first, spot.last_line + 1):
        line = lines[number - 1]
        start = spot.column - 1 + bool(spot.style) if number == spot.line else len(line) - len(line.lstrip(" "))
        length = len(line.rstrip()) - start
        if left <= length:
            return number, start + left + 1
        left -= length + 1
    return spot.line, spot.column


_TEMPLATED = ("subject", "preheader", "cta_label", "cta_url", "body")


def _content_problems(sources: Sources) -> Iterator[Problem]:
    """Faults of the Jinja and the links in content. Works on the raw data, so it needs no valid document."""
    variables, fields = (_mapping(sources.playbook.data.get(key)) for key in ("variables", "lead_fields"))
    known = Known(frozenset(variables), frozenset(fields))
    for content in sources.contents.values():
        texts = {key: text for key in _TEMPLATED if isinstance(text := _mapping(content.data).get(key), str)}
        broken = {key: found for key, text in texts.items() if (found := faults(text, known))}
        for key, found in broken.items():
            yield from _faults(content, (key,), "template", found)
        if bounded(texts.get("body", "")):
            yield from _faults(content, ("body",), "link", link_faults(texts.get("body", ""), variables))
        sound = {key: text for key, text in texts.items() if key not in broken}
        for lint in content_lints(sound, variables, fields):
            yield from _faults(content, (lint.key,), lint.rule, [lint], lint.severity)
    for path, subject in _subjects(sources.playbook.data):
        wrong = faults(subject, known)
        yield from _faults(sources.playbook, path, "template", wrong)
        for lint in () if wrong else content_lints({"subject": subject}, variables, fields):
            yield from _faults(sources.playbook, path, lint.rule, [lint], lint.severity)


def _subjects(data: object) -> Iterator[tuple[DocumentPath, str]]:
    """The subjects that experiments try, with their places."""
    for index, experiment in enumerate(_list(_mapping(data).get("experiments"))):
        for number, variant in enumerate(_list(_mapping(experiment).get("variants"))):
            if isinstance(subject := _mapping(variant).get("subject"), str):
                yield ("experiments", index, "variants", number, "subject"), subject


def _list(data: object) -> list[Any]:
    return data if isinstance(data, list) else []


def _mapping(data: object) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def _faults(
    content: Document, path: DocumentPath, rule: str, found: Iterable[Fault], severity: Severity = "error"
) -> Iterator[Problem]:
    for fault in found:
        spot = content.locate(path)
        line, column = place_in_scalar(content, spot, fault.line, fault.column)
        yield Problem(spot.file, line, column, rule, fault.message, severity)
