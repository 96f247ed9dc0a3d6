"""Many journeys, counted."""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from typing import Any, Self

from domain.core.outlook import Outlook, Position
from domain.planning.prospects import MOVING, Prospect
from domain.versions import Policy
from domain.words import DIRECT_CHANNELS, Channel

Touched = tuple[str, str, Channel]


@dataclass(slots=True)
class Course:
    """What becomes of all journeys under one policy. Counts are of journeys, those of ``touches`` of touches.

    ``moved``: decide with the new version in time; ``elsewhere``: and stand elsewhere than they would without it, from
    where to where; ``differ``: get something else, are handed over or end otherwise.
    """

    moved: int = 0
    differ: int = 0
    handed_over: int = 0
    silent: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    touches: Counter[Touched] = field(default_factory=Counter)
    elsewhere: Counter[tuple[Position, Position]] = field(default_factory=Counter)
    placed: Counter[str] = field(default_factory=Counter)

    @property
    def reaching(self) -> int:
        """Touches that reach the lead."""
        return sum(number for (_, _, channel), number in self.touches.items() if channel in DIRECT_CHANNELS)

    def count(self, found: Outlook) -> None:
        self.handed_over += bool(found.handoffs)
        self.silent += found.silent
        self.touches.update(found.touches)
        if found.ending:
            self.endings[found.ending] += 1

    def add(self, other: Self) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(slots=True)
class Totals:
    """``today``: where journeys stand. ``gone``: those whose next step the new version does not have, and where they
    are placed. ``endless`` ones could not be foretold: a version would make them decide without end.
    """

    journeys: int = 0
    endless: int = 0
    today: Counter[Position] = field(default_factory=Counter)
    gone: Counter[tuple[Position, Position]] = field(default_factory=Counter)
    courses: dict[Policy, Course] = field(default_factory=lambda: {policy: Course() for policy in Policy})

    def count(self, prospect: Prospect, steps: AbstractSet[str]) -> None:
        """One journey more. ``steps`` are those of the old versions that the new one does not have."""
        self.journeys += 1
        self.today[prospect.today] += 1
        for policy, course in self.courses.items():
            course.count(prospect.outlook(policy))
            course.differ += prospect.differs(policy)
        for policy in MOVING:
            if policy in prospect.moves:
                self._moved(self.courses[policy], prospect, policy)
        if prospect.today.step in steps and Policy.MIGRATE in prospect.moves:
            self.gone[prospect.today, prospect.moves[Policy.MIGRATE][1]] += 1

    @staticmethod
    def _moved(course: Course, prospect: Prospect, policy: Policy) -> None:
        course.moved += 1
        course.placed.update(prospect.under[policy].placed)
        was, is_ = prospect.moves[policy]
        if was != is_:
            course.elsewhere[was, is_] += 1

    def add(self, other: Self) -> None:
        """The journeys of another part."""
        self.journeys += other.journeys
        self.endless += other.endless
        self.today += other.today
        self.gone += other.gone
        for policy, course in self.courses.items():
            course.add(other.courses[policy])

    def as_data(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "journeys": self.journeys,
            "endless": self.endless,
            "today": [_position(where) | {"journeys": number} for where, number in self.today.most_common()],
            "gone": _pairs(self.gone),
            "policies": {policy.value: _course(course) for policy, course in self.courses.items()},
        }


def _course(course: Course) -> dict[str, Any]:
    return {
        "moved": course.moved,
        "differ": course.differ,
        "handed_over": course.handed_over,
        "silent": course.silent,
        "endings": dict(course.endings),
        "placed": dict(course.placed),
        "touches": [
            {"step": step, "asset": asset, "channel": channel.value, "number": number}
            for (step, asset, channel), number in course.touches.most_common()
        ],
        "elsewhere": _pairs(course.elsewhere),
    }


def _pairs(moves: Counter[tuple[Position, Position]]) -> list[dict[str, Any]]:
    return [
        {"from": _position(was), "to": _position(is_), "journeys": number} for (was, is_), number in moves.most_common()
    ]


def _position(where: Position) -> dict[str, str]:
    return {"phase": where.phase.value, "segment": where.segment, "stage": where.stage, "step": where.step}
