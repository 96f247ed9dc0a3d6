"""Times that are a matter of days or months, and were written in minutes: ``3m`` is no quarter of a year."""

from collections.abc import Iterator
from datetime import timedelta

from domain.durations import format_duration
from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.models import Playbook

_HOUR = timedelta(hours=1)


def check_minutes(document: Playbook) -> Iterator[Finding]:
    for path, written in _long(document):
        if written is not None and timedelta(0) < written < _HOUR:
            message = f"{format_duration(written)} is less than an hour, as m is minutes; a month is 30d"
            yield warning(path, "minutes", message)


def _long(document: Playbook) -> Iterator[tuple[Path, timedelta | None]]:
    """Every time that nobody means in minutes."""
    quiet, recycle = document.re_engagement, document.handoff.recycle
    yield ("length_limit",), document.length_limit
    yield ("re_engagement", "after"), quiet.after
    yield ("re_engagement", "sunset"), quiet.sunset
    yield ("re_entry", "after"), document.re_entry.after
    yield ("handoff", "recycle", "cool_down"), recycle.cool_down
    for reason, rule in recycle.reasons.items():
        yield ("handoff", "recycle", "reasons", reason.value, "cool_down"), rule.cool_down
    for index, length in enumerate(document.lengths):
        yield ("lengths", index, "limit"), length.limit
    yield ("scoring", "intent", "half_life"), document.scoring.intent.half_life
    for name, behaviour in document.behaviours.items():
        yield ("behaviours", name, "half_life"), behaviour.half_life
