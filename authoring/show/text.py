"""A playbook as plain text for a terminal, and as data for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from authoring.show.mermaid import diagrams
from authoring.show.rules import Rules, Section
from authoring.show.steps import Board, Step, Steps
from domain.playbook.models import Playbook


def as_text(document: Playbook, segment: str | None = None) -> str:
    """Each segment's stages with their steps, then the rules."""
    boards = [line for board in Steps(document, segment).boards() for line in _board(board)]
    rules = [line for section in Rules(document).sections() for line in _section(section)]
    return "\n".join([document.title or document.name, "", *boards, *rules])


def _board(board: Board) -> Iterator[str]:
    yield from (f"{board.label} ({board.segment}){board.who and f': {board.who}'}", "")
    for lane in board.lanes:
        yield f"  {lane.title}: {lane.question}" + (" [pool]" if lane.pool else "")
        for step in lane.steps:
            yield from (f"    {line}" for line in _step(step))
        yield from (f"    no step left: {lane.exhausted}", "")


def _step(step: Step) -> Iterator[str]:
    yield f"day {step.day:g}, {step.timing}: {step.id}, {step.channel}, {step.asset or step.note}"
    about = (("only if ", step.condition), ("", step.wait), ("asks for ", step.ask))
    yield from (f"  {word}{text}" for word, text in about if text)
    yield from (f"  experiment {one}" for one in step.experiments)


def _section(section: Section) -> Iterator[str]:
    yield section.title
    for row in section.rows:
        yield f"  {row[0]}: " + "; ".join(cell for cell in row[1:] if cell)
    yield from (*([f"  {section.note}"] if section.note else []), "")


def as_data(document: Playbook, segment: str | None = None) -> dict[str, Any]:
    """The same as one object: ``segments``, ``touches``, ``rules`` and the ``diagrams``' sources."""
    steps = Steps(document, segment)
    return {
        "name": document.name,
        "title": document.title,
        "version": document.content_hash(),
        "segments": [asdict(board) for board in steps.boards()],
        "touches": [{"segment": r.segment, "stage": r.stage, "when": r.when, **asdict(r.step)} for r in steps.rows()],
        "rules": [asdict(section) for section in Rules(document).sections()],
        "diagrams": diagrams(document, segment),
    }
