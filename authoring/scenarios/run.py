"""Scenarios run, one after the other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter

from authoring.scenarios.course import course
from authoring.scenarios.judging import judge
from authoring.scenarios.life import Life
from authoring.scenarios.reading import Placed
from authoring.scenarios.verdict import Verdict
from authoring.scenarios.wording import words
from domain.playbook.compiled import CompiledPlaybook


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario's verdicts, one for each expectation. ``endless`` says why it came to no end ("" when it did).

    ``notes`` are lines of events that came to nothing, and why: sales answers, but nobody asked.
    """

    placed: Placed
    verdicts: tuple[Verdict, ...]
    seconds: float
    decisions: int = 0
    endless: str = ""
    notes: tuple[tuple[int, str], ...] = ()

    @property
    def held(self) -> bool:
        return not self.endless and all(verdict.held for verdict in self.verdicts)


def run(playbook: CompiledPlaybook, scenarios: Iterable[Placed]) -> Iterator[Result]:
    """Each scenario's result, as soon as it is there."""
    for placed in scenarios:
        began = perf_counter()
        try:
            life = Life(playbook, course(placed.scenario))
        except RuntimeError as endless:
            yield Result(placed, (), perf_counter() - began, endless=str(endless))
            continue
        verdicts = judge(life, placed.scenario)
        notes = tuple(_came_to_nothing(life, placed))
        yield Result(placed, tuple(verdicts), perf_counter() - began, len(life.steps), notes=notes)


def _came_to_nothing(life: Life, placed: Placed) -> Iterator[tuple[int, str]]:
    for number, event in enumerate(placed.scenario.events):
        at = placed.scenario.start + event.at
        what = {"accepted": "accept", "rejected": "reject"}.get(event.sales or "", event.command)
        if what is None:
            continue
        line, step = placed.line("events", number), life.step_at(at)
        if life.ended and life.last.decision.at < at:
            yield line, f"{words(event.name)} comes after the journey has ended"
        for rejected in step.decision.rejected:
            if step.decision.at == at and rejected.what == what:
                yield line, f"{words(event.name)} comes to nothing: {rejected.why}"
