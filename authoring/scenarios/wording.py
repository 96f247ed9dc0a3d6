"""Expectations and what happened, in words."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from authoring.scenarios.expectations import Between, Count, NeverSends, Sends, Standing, Timed
from authoring.scenarios.models import Scenario
from domain.durations import format_duration

_MOST = 6


def words(name: str) -> str:
    return name.replace("_", " ")


def moment_words(moment: str, scenario: Scenario) -> str:
    """A moment as people say it: an event's number with what it is."""
    if not moment.startswith("#"):
        return words(moment) if moment == "handoff" else moment
    return f"event {moment[1:]} ({scenario.events[int(moment[1:]) - 1].name})"


def timed_words(details: Timed, scenario: Scenario) -> str:
    """“ within 2d after /pricing”; "" when any time will do."""
    within = f" within {format_duration(details.within)}" if details.within is not None else ""
    return within + (f" after {moment_words(details.after, scenario)}" if details.after else "")


def standing_words(details: Standing, scenario: Scenario) -> str:
    if details.at is not None:
        return f" at {moment_words(details.at, scenario)}"
    return timed_words(details, scenario) or " at the end"


def between_words(details: Between, scenario: Scenario) -> str:
    first = f" from {moment_words(details.from_, scenario)}" if details.from_ else ""
    return first + (f" to {moment_words(details.to, scenario)}" if details.to else "")


def thing_words(details: Sends | NeverSends) -> str:
    """What is sent, as far as it is named."""
    channel = details.channel
    parts = [
        details.asset or "",
        f"step {details.step}" if details.step else "",
        f"variant {details.variant}" if details.variant else "",
        f"by {words(channel)}" if channel and (details.asset or details.step) else words(channel or ""),
    ]
    return " ".join(part for part in parts if part) or "anything"


def count_words(count: Count) -> str:
    if count.most is None:
        return f" at least {_times(count.least)}" if count.least != 1 else ""
    if count.least == count.most:
        return f" exactly {_times(count.most)}"
    return f" {count.least} to {count.most} times"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def day_words(at: datetime, start: datetime) -> str:
    """“day 3 (Thu 5 Mar, 14:00 UTC)”: whole days since the start, so that day 3 is what ``3d`` means."""
    day = (at - start) // timedelta(days=1)
    return f"day {day} ({at:%a} {at.day} {at:%b}, {at:%H:%M} UTC)"


def listed(items: Iterable[str]) -> str:
    """At most a few, then how many more."""
    shown = list(items)
    more = len(shown) - _MOST
    return ", ".join(shown[:_MOST]) + (f" and {more} more" if more > 0 else "")
