"""When somebody who is away says to be back: from the words of an out-of-office message.

Dates are read by dateparser in the languages the phrases are in. A date that can be read in two ways (03/04) means the
later day: better to write too late than to somebody who is not there. What is past, or further away than anyone's
holiday, is no answer.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import dateparser

#: Nobody is believed to be away for longer: parental leaves name dates years ahead, or the text was misread.
_LONGEST = timedelta(days=90)
#: Dates that are looked at: to read one takes milliseconds, and whoever writes chooses how many there are.
_MOST = 20
#: Phrase → whether the day named is the last one away (they are back on the next) or the day of return.
_UNTIL = (
    r"until|till|through|up to and including|bis(?: zum| einschließlich| einschl\.)?|jusqu['’]au|hasta el|fino al"
    r"|tot(?: en met)?"
)
_BACK = (
    r"back (?:in the office )?on|return(?:ing)? (?:to the office )?on|again (?:available )?(?:on|from)|from"
    r"|wieder (?:am|ab|ab dem|erreichbar ab)|ab (?:dem|Montag|Dienstag|Mittwoch|Donnerstag|Freitag)(?: dem|, den|,)?"
    r"|de retour le|à partir du|vuelvo el|regreso el|a partir del|di nuovo (?:dal|il)|terug op|weer vanaf"
)
_MONTH = (
    r"jan\w*|feb\w*|fév\w*|mar\w*|mär\w*|apr\w*|avr\w*|abr\w*|ma[iyj]\w*|jun\w*|juin|juil\w*|jul\w*|aug\w*|août|ago\w*"
    r"|sep\w*|set\w*|okt\w*|oct\w*|ott\w*|nov\w*|dec\w*|dez\w*|déc\w*|dic\w*|ene\w*|gen\w*|lug\w*|giu\w*"
)
_DAY = (
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\s?\d{{1,2}}[./]?(?:\s?\d{{4}}|\d{{2}}\b)?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.|er)?\s(?:de\s|of\s)?(?:{_MONTH})\.?(?:,?\s(?:de\s|del\s)?\d{{4}})?"
    rf"|(?:{_MONTH})\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?"
)
_WEEKDAY = (
    r"(?:\s*(?:[a-z]+day|[a-z]+tag|mittwoch|lundi|mardi|mercredi|jeudi|vendredi|lunes|martes|jueves|viernes),?)?"
    r"(?:\s*(?:the|dem|den|le|el))?"
)
_SAID = re.compile(rf"\b(?:(?P<until>{_UNTIL})|(?P<back>{_BACK})){_WEEKDAY}\s+(?P<day>{_DAY})", re.IGNORECASE)
_LANGUAGES = ["en", "de", "fr", "es", "it", "nl"]
_ORDERS = ("DMY", "MDY")


def back_on(text: str, at: datetime) -> datetime | None:
    """The first moment (UTC) at which they are back, by a message that came at ``at``; None when it doesn't say."""
    said = islice(_SAID.finditer(" ".join(text.split())), _MOST)
    days = [day for one in said for day in _days(one, at)]
    return max(days, default=None)


def _days(said: re.Match[str], at: datetime) -> Iterator[datetime]:
    """Every reading that can be meant."""
    readings = {_read(text, order, at) for text in _dated(said["day"], at) for order in _ORDERS} - {None}
    for day in readings:
        assert day is not None  # noqa: S101 narrows the type
        back = day + timedelta(days=1) if said["until"] else day
        if at < back <= at + _LONGEST:
            yield back


def _dated(text: str, at: datetime) -> list[str]:
    """With a year where it has none in figures: “07.12.” alone could be a time of day."""
    short = re.fullmatch(r"(\d{1,2})([./])\s?(\d{1,2})[./]?", text)
    if short is None:
        return [text]
    return [f"{short[1]}{short[2]}{short[3]}{short[2]}{year}" for year in (at.year, at.year + 1)]


def _read(text: str, order: str, at: datetime) -> datetime | None:
    settings = {
        "DATE_ORDER": order,
        "PREFER_DATES_FROM": "future",
        "RELATIVE_BASE": at.replace(tzinfo=None),
        "PARSERS": ["absolute-time"],
    }
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):  # one reading, whatever the order is said to be
            found = datetime.fromisoformat(text)
        else:
            found = dateparser.parse(text, languages=_LANGUAGES, settings=settings)
    except (ValueError, OverflowError):
        return None
    return found.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC) if found else None
