"""Times in scenarios: spans such as ``3d4h`` or ``12mo``, and moments that name what happened instead of when."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from domain.durations import format_duration, parse_duration

_MONTHS = re.compile(r"(\d+)mo")
_SPAN = re.compile(r"(?:\d+mo)?(?:\d+[wdhms])*")
#: Months have no length of their own: one is 30 days here.
MONTH = timedelta(days=30)


def parse_span(text: str) -> timedelta:
    """A duration as in playbooks, or in months of 30 days: ``12mo``, ``1mo15d``. Raises ``ValueError``."""
    value = text.strip()
    found = _MONTHS.match(value)
    if found is None:
        return _duration(value)
    rest = value[found.end() :]
    if len(found[1]) > 3:  # noqa: PLR2004 - nobody waits a thousand months
        raise ValueError(f"{text!r} is longer than ten years")
    return int(found[1]) * MONTH + (_duration(rest) if rest else timedelta())


def is_span(text: str) -> bool:
    """Whether the text is a time after the start, and no name."""
    return _SPAN.fullmatch(text) is not None


def _duration(value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; months are 12mo") from None


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return parse_span(value)
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a time: write it with a unit, such as 3d, 36h or 12mo")


def _read_signed(value: Any) -> Any:
    if isinstance(value, str) and value.strip().startswith("-"):
        return -parse_span(value.strip()[1:])
    return _read(value)


def _read_moment(value: Any) -> Any:
    """A number is that of an event; a text in the form of a span must be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"#{value}"
    if isinstance(value, str) and value and is_span(value):
        parse_span(value)
    return value


def _write_signed(value: timedelta) -> str:
    return f"-{format_duration(-value)}" if value < timedelta() else format_duration(value)


_SPAN_SCHEMA = {"type": "string", "examples": ["36h", "3d4h", "12mo"]}
#: A length of time: a duration, or months of 30 days.
Span = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_SPAN_SCHEMA),
]
#: A time after the start, or before it with a minus.
Offset = Annotated[
    timedelta,
    BeforeValidator(_read_signed),
    PlainSerializer(_write_signed, return_type=str),
    WithJsonSchema(_SPAN_SCHEMA),
]
#: A time after the start, the number of an event, or the name of something that happened. Numbers are kept as ``#2``.
Moment = Annotated[
    str,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["3d", 2, "/pricing", "handoff"]}),
]
