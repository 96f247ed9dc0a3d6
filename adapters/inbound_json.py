"""Reading the JSON that vendors send: whatever it is, it is read or it is a ``ValueError``, and never anything else."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def parsed(body: bytes) -> Any:
    """The JSON of a body. Raises ``ValueError`` when it is none, or nested deeper than anybody means it."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def parsed_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body. Raises ``ValueError``."""
    found = parsed(body)
    if not isinstance(found, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - what a webhook may raise
    return found


def parsed_list(body: bytes) -> Sequence[Any]:
    """The JSON list of a body. Raises ``ValueError``."""
    found = parsed(body)
    if not isinstance(found, list):
        raise ValueError("the body is no JSON list")  # noqa: TRY004 - what a webhook may raise
    return found


def text(event: Mapping[str, Any], name: str) -> str:
    """A field that must be a word: a printable text. Raises ``ValueError``, which names the field only."""
    value = event.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"“{name}” is missing")
    return value


def words(event: Mapping[str, Any], name: str) -> str:
    """A field that must be a text of whatever characters, line breaks among them. Raises ``ValueError``."""
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"“{name}” is missing")
    return value


def text_or(event: Mapping[str, Any], name: str, other: str = "") -> str:
    """A field when it is a printable text, else the other: nothing that a database could refuse."""
    value = event.get(name)
    return value if isinstance(value, str) and value.isprintable() else other


def part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that is an object; an empty one when it is not."""
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def seconds(event: Mapping[str, Any], name: str) -> datetime:
    """A field that is a Unix time in seconds. Raises ``ValueError``."""
    value: Any = event.get(name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, OverflowError, OSError, ValueError):
        raise ValueError(f"“{name}” is no time") from None


def instant(event: Mapping[str, Any], name: str) -> datetime:
    """A field that is a time as ISO 8601 writes it, with any number of decimals; UTC where it says no zone.

    Raises ``ValueError``.
    """
    return moment(text(event, name), name)


def moment(written: str, name: str = "time") -> datetime:
    """The same of a text."""
    try:
        found = datetime.fromisoformat(_six_decimals(written))
        # A zone may carry it beyond the year 9999, or before the first.
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"“{name}” is no time") from None


def _six_decimals(written: str) -> str:
    """Some vendors write tenths of microseconds, which Python refuses."""
    before, dot, after = written.partition(".")
    if not dot:
        return written
    decimals = len(after) - len(after.lstrip("0123456789"))
    return f"{before}.{after[:decimals][:6]}{after[decimals:]}"
