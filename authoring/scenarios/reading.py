"""Scenario files: YAML with one scenario or several, each part with its place, every problem at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from authoring.problems import Problem
from authoring.scenarios.models import LeadFile, Scenario
from authoring.scenarios.names import Wrong, wrong_fields, wrong_names
from authoring.schema import explain
from authoring.source import YAML_BYTES, Document, Spot, read_text, read_yaml
from domain.playbook.checks.finding import Path as DocumentPath
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import LeadField

M = TypeVar("M", bound=BaseModel)
#: Where scenarios are, seen from the playbook's directory.
FOLDER = "tests"


@dataclass(frozen=True, slots=True)
class Placed:
    """A scenario and where it is written. ``file`` is relative to the playbook's directory."""

    scenario: Scenario
    document: Document

    @property
    def file(self) -> str:
        return self.document.file

    def line(self, *path: str | int) -> int:
        return self.document.locate(path).line


@dataclass(slots=True)
class Read:
    """Everything found in a playbook's tests."""

    scenarios: list[Placed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_scenarios(directory: Path, playbook: CompiledPlaybook) -> Read:
    """Every scenario of ``tests/*.yaml`` in a playbook's directory, in order of files and lines."""
    found = Read()
    files = [path for path in sorted((directory / FOLDER).glob("*")) if path.suffix in {".yaml", ".yml"}]
    for path in files:
        one = read_file(path, f"{FOLDER}/{path.name}", playbook)
        found.scenarios += one.scenarios
        found.problems += one.problems
    return found


def read_file(path: Path, file: str, playbook: CompiledPlaybook) -> Read:
    """The scenarios of one file. Never raises for what the file holds: that is in the problems."""
    found, whole = Read(), read_text(path, file, YAML_BYTES)
    if whole.problems:
        return Read(problems=whole.problems)
    for text, first_line in _documents(whole.text):
        document = Document(file, whole.text)
        read_yaml(document, text, first_line)
        scenario = _scenario(document, path, playbook)
        found.problems += document.problems
        if scenario is not None and not any(one.severity == "error" for one in document.problems):
            found.scenarios.append(Placed(scenario, document))
    if not found.scenarios and not found.problems:
        found.problems.append(Problem(file, 1, 1, "empty", "holds no scenario: begin with “scenario: what it shows”"))
    return found


def read_lead(path: Path, file: str, fields: dict[str, LeadField]) -> tuple[LeadFile | None, list[Problem]]:
    """A lead in a file of its own, and everything that is wrong with it."""
    document = read_text(path, file, YAML_BYTES)
    if not document.problems:
        read_yaml(document)
    lead = None
    if not document.problems:
        lead = _validated(document, LeadFile, "a lead: keys such as country, source and fields")
    if lead is not None:
        _blame(document, wrong_fields(("fields",), lead.fields, fields))
    return (None if document.problems else lead), document.problems


def _documents(text: str) -> Iterator[tuple[str, int]]:
    """The parts between lines ``---`` that hold more than comments, each with the number of its first line."""
    lines, first = text.split("\n"), 0
    ends = [number for number, line in enumerate(lines) if re.fullmatch(r"---\s*(#.*)?", line)]
    for end in [*ends, len(lines)]:
        part = lines[first:end]
        if any(line.strip() and not line.lstrip().startswith("#") for line in part):
            yield "\n".join(part), first + 1
        first = end + 1


def _scenario(document: Document, path: Path, playbook: CompiledPlaybook) -> Scenario | None:
    if document.problems:
        return None
    scenario = _validated(document, Scenario, "a scenario: keys such as scenario, lead, events and expect")
    if scenario is None:
        return None
    scenario = _like(document, scenario, path, playbook)
    _blame(document, wrong_names(scenario, playbook))
    return scenario


def _validated(document: Document, model: type[M], shape: str) -> M | None:
    if not isinstance(document.data, dict):
        spot = document.locate(())
        document.blame(spot.line, spot.column, "shape", f"must hold {shape}")
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        document.problems += explain(_Written(document), error, model)
        return None


@dataclass(frozen=True, slots=True)
class _Written:
    document: Document

    def data(self) -> dict[str, Any]:
        return dict(self.document.data)

    def locate(self, path: DocumentPath, *, key: bool = False) -> tuple[Document, Spot]:
        return self.document, self.document.locate(path, key=key)


def _like(document: Document, scenario: Scenario, path: Path, playbook: CompiledPlaybook) -> Scenario:
    """The lead completed from the file it is like; what the scenario itself says goes before it."""
    name = scenario.lead.like
    if name is None:
        return scenario
    like, problems = read_lead(path.parent / name, f"{FOLDER}/{name}", playbook.document.lead_fields)
    if like is None:
        spot = document.locate(("lead", "like"))
        first = problems[0]
        document.blame(spot.line, spot.column, "lead", f"{first.file}:{first.line}:{first.column}: {first.message}")
        return scenario
    own = {key: getattr(scenario.lead, key) for key in scenario.lead.model_fields_set}
    taken = {key: getattr(like, key) for key in like.model_fields_set & set(type(scenario.lead).model_fields)}
    fields = {**like.fields, **scenario.lead.fields}
    account = scenario.account if "account" in scenario.model_fields_set else like.account
    lead = scenario.lead.model_copy(update={**taken, **own, "fields": fields})
    return scenario.model_copy(update={"lead": lead, "account": account})


def _blame(document: Document, wrongs: Iterator[Wrong]) -> None:
    for wrong in wrongs:
        spot = document.locate(wrong.path, key=wrong.path not in document.values or wrong.rule == "reference")
        document.problems.append(
            Problem(document.file, spot.line, spot.column, wrong.rule, wrong.message, wrong.severity)
        )
