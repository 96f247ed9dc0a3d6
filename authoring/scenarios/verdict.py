"""What became of one expectation: held or not, what happened instead, and the decisions that explain it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from authoring.scenarios.expectations import Between, Timed
from authoring.scenarios.life import Life
from authoring.scenarios.models import Scenario
from authoring.scenarios.wording import day_words, moment_words
from domain.core.simulate import Step

#: Decisions that are shown beside a failure.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """``instead`` is "" when it held. ``near`` are the decisions nearest to what was expected, oldest first;
    ``about`` are the names they were looked for by.
    """

    expected: str
    instead: str = ""
    near: tuple[Step, ...] = ()
    about: frozenset[str] = frozenset()

    @property
    def held(self) -> bool:
        return not self.instead


class NeverHappened(Exception):
    """There is no time to judge at: what a moment names did not happen."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another. ``after`` excludes the first moment itself."""

    first: datetime
    last: datetime
    after: bool = False

    def holds(self, at: datetime) -> bool:
        return (self.first < at if self.after else self.first <= at) and at <= self.last


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario and the life it led to: what judges look at."""

    life: Life
    scenario: Scenario

    def time(self, moment: str) -> datetime:
        at = self.life.moment(moment, self.scenario)
        if at is None:
            raise NeverHappened(f"{moment_words(moment, self.scenario)} never happened", moment)
        return at

    def timed(self, details: Timed) -> Stretch:
        first = self.time(details.after) if details.after else self.life.start
        last = first + details.within if details.within is not None else self.life.until
        return Stretch(first, min(last, self.life.until))

    def between(self, details: Between) -> Stretch:
        first = self.time(details.from_) if details.from_ else self.life.start
        last = self.time(details.to) if details.to else self.life.until
        return Stretch(first, last, after=details.from_ is not None)

    def day(self, at: datetime) -> str:
        return day_words(at, self.life.start)

    def failed(self, expected: str, instead: str, stretch: Stretch | None = None, about: Iterable[str] = ()) -> Verdict:
        """It did not hold: with the decisions in the stretch that speak of these names."""
        whole = stretch or Stretch(self.life.start, self.life.until)
        names = frozenset(about)
        return Verdict(expected, instead, nearest(self.life, whole, names), names)

    def judged(
        self, held: bool, expected: str, instead: str, stretch: Stretch | None = None, about: Iterable[str] = ()
    ) -> Verdict:
        return Verdict(expected) if held else self.failed(expected, instead, stretch, about)

    def without(self, wrong: Sequence[Step], expected: str, instead: str) -> Verdict:
        """It holds when there are none of these decisions; else they are the explanation."""
        by_number = {step.decision.state.number: step for step in wrong}
        return Verdict(expected, instead if wrong else "", tuple(by_number.values())[:_MOST])


def nearest(life: Life, stretch: Stretch, names: frozenset[str]) -> tuple[Step, ...]:
    """The decisions in a stretch of time that speak of these names; without any, how it began and how it ended."""
    inside = [step for step in life.steps if stretch.first <= step.decision.at <= stretch.last]
    speaking = [step for step in inside if not names.isdisjoint(spoken_of(step))]
    fallback = [life.step_at(stretch.first), *inside[:1], *inside[-1:]]
    chosen = _that_differ(speaking) if speaking else fallback
    by_number = {step.decision.state.number: step for step in chosen}
    return tuple(by_number[number] for number in sorted(by_number))


def spoken_of(step: Step) -> Iterator[str]:
    """Everything a decision names: rules, what it sent, what it rejected."""
    decision = step.decision
    yield from (reason.rule for reason in decision.reasons)
    for rejected in decision.rejected:
        yield from (rejected.what, rejected.rule)
    for touch in decision.send:
        yield from (touch.step, touch.asset)


def _that_differ(steps: list[Step]) -> list[Step]:
    """The first ones that differ in what they say: a year of the same rejection is said once."""
    seen, found = set(), []
    for step in steps:
        said = (step.decision.title, tuple((one.what, one.rule) for one in step.decision.rejected))
        if said not in seen:
            seen.add(said)
            found.append(step)
    return found[:_MOST]
