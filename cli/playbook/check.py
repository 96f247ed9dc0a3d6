"""``tendril playbook check``."""

from dataclasses import asdict
from pathlib import Path

from typer import Exit, echo

from authoring.check import check as check_directory
from authoring.problems import Problem, refused
from cli.output import Json, print_json
from cli.playbook.directory import Directory

HELP = """Say everything that is wrong with a playbook, with file, line and column. Exit code 1 when it is refused.

Needs no database. Warnings alone do not refuse it.

Example: `tendril playbook check playbooks/b2b-saas`
"""


def check(directory: Directory, as_json: Json = False) -> None:
    found = check_directory(directory)
    if as_json:
        print_json({"total": len(found), "items": [asdict(problem) for problem in found]})
    else:
        for problem in found:
            echo(placed(directory, problem))
        echo(_verdict(directory, found))
    raise Exit(1 if refused(found) else 0)


def placed(directory: Path, problem: Problem) -> str:
    """The problem as compilers print theirs, so that editors can jump to it."""
    return f"{directory / problem.file}{str(problem).removeprefix(problem.file)}"


def _verdict(directory: Path, found: list[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    if not found:
        return f"{directory} is sound."
    verdict = "is refused" if errors else "can be applied"
    return f"{directory} {verdict}: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}."
