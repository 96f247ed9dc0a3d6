"""What is wrong with a playbook, where, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. ``file`` is relative to the playbook's directory; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int
    rule: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        word = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}:{self.column}: {self.rule}: {word}{self.message}"


class PlaybookProblems(Exception):
    """A playbook can't be used. ``problems`` holds every one found, warnings included, in file and line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = ordered(problems)
        super().__init__("\n".join(map(str, self.problems)))


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """In file order (``playbook.yaml`` first), each once."""

    def place(problem: Problem) -> tuple[bool, str, int, int, str, str]:
        in_content = problem.file != "playbook.yaml"
        return (in_content, problem.file, problem.line, problem.column, problem.rule, problem.message)

    return sorted(set(problems), key=place)


def refused(problems: Iterable[Problem]) -> bool:
    """Whether any of them forbids the use of the playbook."""
    return any(problem.severity == "error" for problem in problems)
