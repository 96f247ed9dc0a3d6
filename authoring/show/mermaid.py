"""A playbook as Mermaid in Markdown: one diagram of the whole, one for each segment."""

import re
from collections.abc import Iterator
from itertools import pairwise

from authoring.show.labels import STYLES, arrow, label
from authoring.show.overview import overview
from authoring.show.steps import Board, Lane, Step, Steps
from domain.playbook.models import Playbook


def diagrams(document: Playbook, segment: str | None = None) -> dict[str, str]:
    """Title → Mermaid source. ``segment`` leaves out the other segments' diagrams."""
    boards = {
        ": ".join(filter(None, (board.label, board.who))): of_segment(board)
        for board in Steps(document, segment).boards()
    }
    return {"All of it": overview(document), **boards}


def as_markdown(document: Playbook, segment: str | None = None) -> str:
    """Every diagram in a fence, under headings: pastes into a pull request."""
    title = f"# {_heading(document.title or document.name)}\n"
    parts = [
        f"## {_heading(name)}\n\n```mermaid\n{source}\n```\n" for name, source in diagrams(document, segment).items()
    ]
    return "\n".join([title, *parts])


def _heading(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]#])", r"\\\1", " ".join(text.split()))


def of_segment(board: Board) -> str:
    """One segment: each stage's steps in order, and what comes when none is left."""
    lines = [line for number, lane in enumerate(board.lanes) for line in _lane(number, lane)]
    places = {lane.stage: number for number, lane in enumerate(board.lanes)}
    lines += [
        arrow(f"stage_{places[lane.stage]}", f"stage_{places[goal]}")
        for lane in board.lanes
        for goal in dict.fromkeys(lane.moves_to)
    ]
    lines += [f"style stage_{number} fill:none,stroke:#0b6e4f" for number in places.values()]
    return "\n".join(["flowchart LR", *(f"  {line}" for line in lines), STYLES])


def _lane(number: int, lane: Lane) -> Iterator[str]:
    first, left = f"s{number}_start", f"s{number}_left"
    names = [f"s{number}_{index}" for index in range(len(lane.steps))]
    yield f"subgraph stage_{number} [{label(lane.title)}]"
    yield "  direction TB"
    yield f"  {first}[{label(lane.question, 'Pool: the best possible step goes next' if lane.pool else '')}]:::stage"
    for name, step in zip(names, lane.steps, strict=True):
        yield f"  {name}[{_box(step)}]:::step"
    befores = [first] * len(names) if lane.pool else [before for before, _ in pairwise([first, *names])]
    for before, name, step in zip(befores, names, lane.steps, strict=True):
        yield "  " + arrow(before, name, step.timing)
    yield f"  {left}([{label(f'No step left: {lane.exhausted}')}]):::ending"
    for name in names if lane.pool else [first, *names][-1:]:
        yield "  " + arrow(name, left)
    yield "end"


def _box(step: Step) -> str:
    return label(
        f"{step.id} · {step.channel}",
        step.asset or step.note,
        f"asks for {step.ask}" if step.ask else "",
        f"only if {step.condition}" if step.condition else "",
        step.wait,
        f"priority {step.priority}" if step.priority is not None else "",
        "at any hour" if step.any_time else "",
        *(f"experiment {one}" for one in step.experiments),
        strong=True,
    )
