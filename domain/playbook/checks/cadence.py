"""When touches leave, and how many: the window opens, caps cover what is sent, nobody is written to twice a day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.durations import format_duration
from domain.facts import ACCOUNT_TOUCHES
from domain.playbook.checks.finding import Finding, Path, did_you_mean, nearest, warning
from domain.playbook.checks.references import touches
from domain.playbook.models import Cadence, Playbook
from domain.words import DIRECT_CHANNELS, Channel

_DAY = timedelta(days=1)


def check_cadence(document: Playbook) -> Iterator[Finding]:
    cadence = document.cadence
    yield from _check_window(cadence)
    for index, cap in enumerate(cadence.caps):
        if cap.per == "account" and cap.within > ACCOUNT_TOUCHES:
            message = f"a cap per account counts at most {format_duration(ACCOUNT_TOUCHES)}: no older touches are known"
            yield Finding(("cadence", "caps", index, "within"), "cap", message)
    yield from _check_holidays(cadence)
    yield from _check_covered(document)
    yield from _check_once_a_day(document)


def _check_window(cadence: Cadence) -> Iterator[Finding]:
    if cadence.opens >= cadence.closes:
        message = f"the window closes at {cadence.closes:%H:%M}, which is not after it opens at {cadence.opens:%H:%M}"
        yield Finding(("cadence", "closes"), "cadence", message)
    elif cadence.spread > _open_for(cadence):
        message = f"is longer than the window is open ({format_duration(_open_for(cadence))})"
        yield Finding(("cadence", "spread"), "cadence", message)
    try:
        ZoneInfo(cadence.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(cadence.timezone, available_timezones())
        meant = f"did you mean “{near}”?" if near else "write one such as Europe/Berlin or UTC"
        message = f"“{cadence.timezone}” is not a time zone; {meant}"
        yield Finding(("cadence", "timezone"), "cadence", message)


def _open_for(cadence: Cadence) -> timedelta:
    day = datetime(2000, 1, 3)  # noqa: DTZ001 any day: only the difference of two clock times is wanted
    return datetime.combine(day, cadence.closes) - datetime.combine(day, cadence.opens)


def _check_holidays(cadence: Cadence) -> Iterator[Finding]:
    if cadence.holidays is None:
        return
    named: list[tuple[Path, str]] = [(("countries", n), code) for n, code in enumerate(cadence.holidays.countries)]
    named += [(("unknown",), cadence.holidays.unknown)] if cadence.holidays.unknown else []
    known = _countries() if named else frozenset()
    for path, country in named:
        if country not in known:
            message = f"no holidays are known for “{country}”{did_you_mean(country, known)}"
            yield Finding(("cadence", "holidays", *path), "holidays", message)


def _countries() -> frozenset[str]:
    from holidays import list_supported_countries  # noqa: PLC0415 slow to import, and few checks need it

    return frozenset(list_supported_countries(include_aliases=True))


def _sent(document: Playbook) -> set[Channel]:
    """The channels by which leads themselves are reached."""
    by_variants = {variant.channel for experiment in document.experiments for variant in experiment.variants}
    channels = {touch.channel for _, touch in touches(document)} | by_variants
    return {channel for channel in channels if channel in DIRECT_CHANNELS}


def _check_covered(document: Playbook) -> Iterator[Finding]:
    capped = {cap.channel for cap in document.cadence.caps if cap.per == "lead"}
    if "any" in capped:
        return
    for channel in sorted(_sent(document) - capped):
        example = f"{{channel: {channel.value}, most: 2, within: 7d}}"
        message = f"no cap per lead covers {channel.value}: add one, such as {example}"
        yield warning(("cadence", "caps"), "uncapped", message)


def _check_once_a_day(document: Playbook) -> Iterator[Finding]:
    """The least gap must keep two touches from one day's window, if no cap does."""
    cadence = document.cadence
    window = all(touch.window == "cadence" for _, touch in touches(document) if touch.channel in DIRECT_CHANNELS)
    span = _open_for(cadence) if window else _DAY
    sent = _sent(document)
    once = [cap for cap in cadence.caps if cap.per == "lead" and cap.most == 1 and cap.within >= span]
    capped = any(cap.channel == "any" or {cap.channel} == sent for cap in once)
    if cadence.least_gap < span and not capped:
        hours = f"the window is open for {format_duration(span)}" if window else "some touches leave at any hour"
        message = (
            f"two touches on one day are possible: {hours}; a least gap of {format_duration(span)} or more prevents it"
        )
        yield warning(("cadence", "least_gap"), "twice-a-day", message)
