"""Expectations of how things stand: stage, segment, scores, audiences, at a moment or coming to be."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from authoring.scenarios.expectations import (
    AudienceIs,
    LengthIs,
    PhaseIs,
    ScoreIs,
    SegmentIs,
    SituationIs,
    StageIs,
    Standing,
    StatusIs,
)
from authoring.scenarios.verdict import Case, Stretch, Verdict
from authoring.scenarios.wording import listed, standing_words, words

#: What it was at a moment.
_Read = Callable[[datetime], Any]


def _judge(case: Case, details: Standing, expected: str, read: _Read, right: Callable[[Any], bool]) -> Verdict:
    expected += standing_words(details, case.scenario)
    if details.at is None and (details.within is not None or details.after is not None):
        stretch = case.timed(details)
        inside = (step.decision.at for step in case.life.between(stretch.first, stretch.last))
        found = {at: read(at) for at in (stretch.first, *inside, stretch.last)}
        instead = "it was only ever " + listed(dict.fromkeys(_shown(value) for value in found.values()))
        return case.judged(any(map(right, found.values())), expected, instead, stretch)
    at = case.time(details.at) if details.at is not None else max(case.life.until, case.life.last.decision.at)
    value = read(at)
    newest = case.life.step_at(at).decision.at
    return case.judged(right(value), expected, f"it was {_shown(value)} on {case.day(at)}", Stretch(newest, newest))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "so" if value else "not so"
    return words(str(value)) or "none"


def _state(name: str) -> Callable[[Case, Any], Verdict]:
    """Judges a member of the journey's state that carries the same name as its expectation."""

    def judge(case: Case, details: StageIs | SegmentIs | StatusIs | PhaseIs) -> Verdict:
        def read(at: datetime) -> str:
            return str(getattr(case.life.step_at(at).decision.state, name))

        return _judge(case, details, f"{name} is {words(details.is_)}", read, lambda value: bool(value == details.is_))

    return judge


def _length(case: Case, details: LengthIs) -> Verdict:
    def read(at: datetime) -> str:
        return str(case.life.standing(at).values["length"])

    return _judge(case, details, f"length is {details.is_}", read, lambda value: bool(value == details.is_))


def _situation(case: Case, details: SituationIs) -> Verdict:
    def read(at: datetime) -> bool:
        return bool(case.life.standing(at).values[f"situation.{details.is_}"])

    word = "is" if details.holds else "is not"
    return _judge(case, details, f"{word} in situation {details.is_}", read, lambda value: bool(value) == details.holds)


def _score(case: Case, details: ScoreIs) -> Verdict:
    def read(at: datetime) -> int:
        return int(getattr(case.life.standing(at).scores, details.of))

    least = f" at least {details.least}" if details.least else ""
    most = f" at most {details.most}" if details.most < 100 else ""  # noqa: PLR2004 - the highest score there is
    expected = f"{details.of} is{' and'.join(part for part in (least, most) if part)}"
    return _judge(case, details, expected, read, lambda value: details.least <= value <= details.most)


def _audience(case: Case, details: AudienceIs) -> Verdict:
    def read(at: datetime) -> bool:
        return bool(case.life.step_at(at).decision.audiences.get(details.id, False))

    word = "is" if details.member else "is not"
    return _judge(case, details, f"{word} in audience {details.id}", read, lambda value: bool(value) == details.member)


JUDGES: dict[str, Callable[[Case, Any], Verdict]] = {
    "stage": _state("stage"),
    "segment": _state("segment"),
    "status": _state("status"),
    "phase": _state("phase"),
    "length": _length,
    "situation": _situation,
    "score": _score,
    "audience": _audience,
}
