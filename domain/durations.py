"""Durations as people write them in a playbook: ``14d``, ``90m``, ``2w``, ``1d12h`` or ISO-8601 (``P14D``, ``PT1H``).

Months and years are not durations here: their length depends on the day (ISO-8601 ``P1M`` is refused, ``P30D`` is not).
"""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SHORT = re.compile(r"(?:\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_MAX = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """A non-negative duration of at most ten years. Raises ``ValueError`` naming the text and the accepted forms."""
    value = text.strip()
    if _SHORT.fullmatch(value):
        parts = _PART.findall(value)
        result = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    elif value not in {"P", "PT"} and (iso := _ISO.fullmatch(value)) and not value.endswith("T"):
        numbers = [int(group or 0) for group in iso.groups()]
        result = timedelta(weeks=numbers[0], days=numbers[1], hours=numbers[2], minutes=numbers[3], seconds=numbers[4])
    else:
        raise ValueError(f"{text!r} is not a duration: write 14d, 36h, 90m, 2w or ISO-8601 such as P14D or PT36H")
    if result > _MAX:
        raise ValueError(f"{text!r} is longer than ten years")
    return result


def is_duration(text: str) -> bool:
    """Whether ``parse_duration`` reads it."""
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def format_duration(value: timedelta) -> str:
    """The shortest spelling that ``parse_duration`` reads back: ``14d``, ``1d12h``, ``0d``."""
    seconds = int(value.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0d"


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a duration: write it with a unit, such as 14d or 36h")


#: A duration in a playbook model: read from text, kept as ``timedelta``, written back as text.
Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(format_duration, return_type=str)]
