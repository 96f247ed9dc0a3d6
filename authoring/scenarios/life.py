"""One simulated life, to be asked about: what was decided when, and how things stood at any moment."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from authoring.scenarios.course import Course
from authoring.scenarios.models import Scenario
from authoring.scenarios.moments import is_span, parse_span
from domain.core.draft import Draft
from domain.core.simulate import Step, steps
from domain.decision import SendTouch
from domain.facts import Behaviour
from domain.playbook.compiled import CompiledPlaybook
from domain.words import DIRECT_CHANNELS, Channel


class Life:
    """Every decision of a course under a playbook. Raises ``RuntimeError`` when decisions follow without end."""

    def __init__(self, playbook: CompiledPlaybook, course: Course) -> None:
        self.playbook = playbook
        self.course = course
        self.steps: tuple[Step, ...] = tuple(
            steps(
                playbook,
                course.entry,
                course.behaviours,
                course.start,
                course.until,
                course.commands,
                changes=course.changes,
                variants=course.variants,
            )
        )
        self._times = [step.decision.at for step in self.steps]

    @property
    def start(self) -> datetime:
        return self.course.start

    @property
    def until(self) -> datetime:
        return self.course.until

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def ended(self) -> bool:
        return self.last.decision.state.ended

    def step_at(self, at: datetime) -> Step:
        """The newest decision at the moment; the first one before there is any."""
        return self.steps[max(0, bisect_right(self._times, at) - 1)]

    def standing(self, at: datetime) -> Draft:
        """How things stand at the moment: what conditions see, time passed since the newest decision included."""
        step = self.step_at(at)
        return Draft(self.playbook, step.decision.state, step.facts, max(at, step.decision.at))

    def between(self, first: datetime, last: datetime) -> Iterator[Step]:
        """Decisions from one moment to another, both included."""
        return (step for step in self.steps if first <= step.decision.at <= last)

    @cached_property
    def sent(self) -> tuple[tuple[Step, SendTouch], ...]:
        """Everything that was sent, oldest first."""
        return tuple((step, touch) for step in self.steps for touch in step.decision.send)

    @cached_property
    def _behaviours(self) -> tuple[Behaviour, ...]:
        """All of it, also what is too long ago for a decision to remember."""
        return (*self.course.entry.behaviours, *self.course.behaviours)

    def moment(self, name: str, scenario: Scenario | None = None) -> datetime | None:
        """When something happened first, by the rules of ``moments.Moment``; None when it never did."""
        if name.startswith("#") and scenario is not None:
            return self.start + scenario.events[int(name[1:]) - 1].at
        if is_span(name):
            return self.start + parse_span(name)
        events = [self.start + event.at for event in scenario.events if event.name == name] if scenario else []
        return min(events, default=None) or self._first(name)

    def _first(self, name: str) -> datetime | None:
        if name == "handoff":
            return next((step.decision.at for step in self.steps if step.decision.open_handoff), None)
        hits = [hit.at for hit in self.playbook.matcher.hits(self._behaviours) if hit.name == name]
        since = [at for at in hits if at >= self.start] or hits
        touches = [step.decision.at for step, touch in self.sent if name in {touch.asset, touch.step}]
        return min([*since, *touches], default=None)


def matches(
    touch: SendTouch, asset: str | None, step: str | None, channel: Channel | None, variant: str | None
) -> bool:
    """Whether a touch is all of what is named."""
    wanted = ((asset, touch.asset), (step, touch.step), (channel, touch.channel), (variant, touch.variant))
    return all(one is None or one == is_ for one, is_ in wanted)


def reaches(touch: SendTouch, channel: Channel | None = None) -> bool:
    """Whether a touch is on the channel, or reaches the lead at all."""
    return touch.channel is channel if channel else touch.channel in DIRECT_CHANNELS
