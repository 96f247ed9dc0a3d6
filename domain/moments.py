"""A moment as people write it: ``2026-03-05``, ``2026-03-05 14:30``, ISO-8601 with a zone, ``3d ago`` or ``3d``."""

from datetime import UTC, date, datetime, time, timedelta

from domain.durations import is_duration, parse_duration

AGO = "ago"
_DATE = 10  # characters of an ISO date


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment meant, aware UTC; a time without a zone is UTC, a date is the end of that day.

    Raises ``ValueError`` that names the text and the accepted forms, or says that it is still to come.
    """
    at = _read(text.strip(), now)
    if at > now:
        raise ValueError(f"{text!r} is still to come: it is {now:%Y-%m-%d %H:%M} UTC")
    return at


def _read(text: str, now: datetime) -> datetime:
    try:
        if text == "now":
            return now
        if text.endswith(AGO) or is_duration(text):
            return now - parse_duration(text.removesuffix(AGO))
        if len(text) == _DATE:
            return _end_of(date.fromisoformat(text), now)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no moment: write 2026-03-05, 2026-03-05T14:30 or “3d ago”") from None


def _end_of(day: date, now: datetime) -> datetime:
    """Of today: now."""
    end = datetime.combine(day, time(), UTC) + timedelta(days=1) - timedelta(microseconds=1)
    return min(end, now) if day <= now.astimezone(UTC).date() else end
