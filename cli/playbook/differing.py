"""Changes between two versions on paper."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text

from authoring.changes import Change, Kind, sections
from cli.playbook.paper import Paper

_SIGNS: dict[Kind, tuple[str, str]] = {
    "added": ("+", "green"),
    "removed": ("−", "red"),
    "moved": ("↕", "cyan"),
    "retimed": ("~", "yellow"),
    "changed": ("~", "yellow"),
}
_LINES = {"+": "green", "-": "red"}


def tell(paper: Paper, changes: Sequence[Change], beside: str = "") -> None:
    """Every change under its heading, each behind ``beside``."""
    for section, found in sections(changes):
        paper.line(f"{beside}{section}", style="bold")
        for change in found:
            sign, colour = _SIGNS[change.kind]
            subject = f"{change.subject}: " if change.subject else ""
            paper.labelled(f"{beside}  {sign}", Text(f"{subject}{change.text}"), width=len(beside) + 5, style=colour)
            for line in change.lines:
                paper.place(f"{beside}      {line}", style=_LINES.get(line[:1], "dim"))


def as_data(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]
