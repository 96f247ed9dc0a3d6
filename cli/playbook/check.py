"""``tendril playbook check``."""

import os
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, echo

from authoring.check import check as check_directory
from authoring.problems import Problem, refused
from cli.output import Json, print_json
from cli.playbook.directory import Directory

HELP = """Say everything that is wrong with a playbook, with file, line and column. Exit code 1 when it is refused.

Needs no database. Warnings alone do not refuse it. In GitHub's own CI `--format github` shows each problem beside the
line it is about.

Example: `tendril playbook check playbooks/b2b-saas`
"""


class Format(StrEnum):
    """Who reads the answer."""

    text = "text"
    json = "json"
    github = "github"


def check(
    directory: Directory,
    written: Annotated[
        Format, Option("--format", help="For people and editors, for programs, or for GitHub's CI.")
    ] = Format.text,
    as_json: Json = False,
) -> None:
    found = check_directory(directory)
    _SAY[Format.json if as_json else written](directory, found)
    raise Exit(1 if refused(found) else 0)


def _say_text(directory: Path, found: list[Problem]) -> None:
    for problem in found:
        echo(placed(directory, problem))
    echo(_verdict(directory, found))


def _say_json(_: Path, found: list[Problem]) -> None:
    print_json({"total": len(found), "items": [asdict(problem) for problem in found]})


def _say_github(directory: Path, found: list[Problem]) -> None:
    for problem in found:
        echo(annotation(directory, problem))
    echo(_verdict(directory, found))


_SAY: dict[Format, Callable[[Path, list[Problem]], None]] = {
    Format.text: _say_text,
    Format.json: _say_json,
    Format.github: _say_github,
}


def placed(directory: Path, problem: Problem) -> str:
    """The problem as compilers print theirs, so that editors can jump to it."""
    return f"{_file(directory, problem)}{str(problem).removeprefix(problem.file)}"


def annotation(directory: Path, problem: Problem) -> str:
    """The problem as a command of GitHub's runner, which shows it beside the line."""
    path = os.path.relpath(_file(directory, problem))  # from the checkout's top, where the runner begins
    place = f"file={_property(path)},line={problem.line},col={problem.column},title={_property(problem.rule)}"
    return f"::{problem.severity} {place}::{_data(problem.message)}"


def _file(directory: Path, problem: Problem) -> str:
    """The file's path from here; of an included one without the way in and out of the playbook's directory."""
    return os.path.normpath(directory / problem.file)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _verdict(directory: Path, found: list[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    if not found:
        return f"{directory} is sound."
    verdict = "is refused" if errors else "can be applied"
    counted = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    return f"{directory} {verdict}: {counted}. Rules are explained in docs/lints/."
