"""CSV columns as the members of an event: ``--map``, or columns that bear a member's name."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.importing.files import Record
from cli.importing.mapping import column_of
from cli.nearest import did_you_mean
from domain.errors import Refused

#: What an event has, beside ``properties.NAME``.
MEMBERS = ("type", "event", "userId", "anonymousId", "email", "timestamp", "messageId", "properties")
_PROPERTY = "properties."
_TYPES = ("track", "page", "screen")
_WHO = ("userId", "anonymousId", "email")


def resolve(wanted: Mapping[str, str], header: Sequence[str], file: Path) -> dict[str, int]:
    """Member → index of its column. Raises ``Refused`` for one that does not exist, or where one is missing."""
    for member in wanted:
        _require_member(member)
    given = {member: column_of(member, column, header, file) for member, column in wanted.items()}
    columns = given or _by_name(header)
    if not any(member in columns for member in _WHO):
        raise Refused("No column says whose behaviour a row is.", "Add, for example, --map userId='Contact ID'.")
    for member, example in (("event", "Action"), ("timestamp", "Date")):
        if member not in columns:
            raise Refused(f"No column is mapped to {member}.", f"Add, for example, --map {member}={example}.")
    return columns


def _by_name(header: Sequence[str]) -> dict[str, int]:
    plain = {member.casefold(): member for member in MEMBERS}
    found = {}
    for index, name in enumerate(header):
        member = plain.get(name.casefold().replace("_", "").replace(" ", ""))
        if member or name.startswith(_PROPERTY):
            found[member or name] = index
    return found


def _require_member(member: str) -> None:
    if member not in MEMBERS and not (member.startswith(_PROPERTY) and member != _PROPERTY):
        raise Refused(
            f"An event has no {member!r}.",
            did_you_mean(member, list(MEMBERS)) or f"It has {', '.join(MEMBERS)} and properties.NAME.",
        )


class Rows:
    """Rows as events in Segment's shape. ``raw`` raises ``ValueError`` saying what is wrong with a row."""

    def __init__(self, columns: Mapping[str, int], width: int) -> None:
        self._columns = columns
        self._width = width

    def raw(self, record: Record) -> dict[str, Any]:
        extra = [cell for cell in record.cells[self._width :] if cell.strip()]
        if len(record.cells) < self._width or extra:
            raise ValueError(f"has {len(record.cells)} columns, the header has {self._width}")
        cells = {member: record.cells[index].strip() for member, index in self._columns.items()}
        given = {member: cell for member, cell in cells.items() if cell}
        properties = _properties(given)
        kind = given.get("type", "track").lower()
        if kind not in _TYPES:
            raise ValueError(f"type: {kind!r} is none of {', '.join(_TYPES)}: files of columns hold no others")
        named = given.pop("event", "")
        if kind == "track":
            return given | {"type": kind, "event": named, "properties": properties}
        return given | {"type": kind, "name": named, "properties": ({"path": named} if named else {}) | properties}


def _properties(given: dict[str, str]) -> dict[str, Any]:
    """The properties, taken out of ``given``: the JSON object of the column ``properties``, then single ones."""
    try:
        found = json.loads(given.pop("properties", "{}"))
    except ValueError as error:
        raise ValueError(f"properties: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("properties: not a JSON object")  # noqa: TRY004 - what a line has wrong, as everywhere here
    for member in [member for member in given if member.startswith(_PROPERTY)]:
        found[member.removeprefix(_PROPERTY)] = _value(given.pop(member))
    return found


def _value(cell: str) -> Any:
    """Numbers and truths as such, everything else as text."""
    try:
        value = json.loads(cell, parse_constant=str)
    except ValueError:
        return cell
    return value if isinstance(value, bool | int | float) else cell
