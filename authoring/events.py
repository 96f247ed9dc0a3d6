"""Events from a file, a JSON object a line, in Segment's shape: what websites and products send, and exports hold.

``{"type": "track", "event": "Webinar Attended", "properties": {}, "timestamp": "2026-03-04T09:00:00Z"}``

All of Segment's types are read as the API reads them: a ``screen`` is the page ``/screen/NAME``, a ``group`` says of
which company the lead is, an ``alias`` says nothing more, since every line is about the same lead. Besides there are
``delivery`` and ``crm`` (named by ``event``), so that a whole life can be told. A timestamp may also be a time after
the start, such as ``3d4h``. Other members are left out, as the API leaves them out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from authoring.scenarios.course import Happening, told
from authoring.scenarios.models import MOST_HAPPENS
from authoring.scenarios.moments import is_span, parse_span
from domain.core.simulate import Change
from domain.playbook.checks.finding import did_you_mean

#: More than a lead does in a lifetime; a larger file is another file.
MOST_BYTES = 20_000_000
_TYPES = ("track", "page", "screen", "identify", "group", "alias", "delivery", "crm")
#: What must be there to say what a type says.
_NEEDED = {"group": "groupId", "alias": "previousId"}
_OWN = ("country", "timezone")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no event. ``number`` counts from 1."""

    number: int
    message: str


@dataclass(slots=True)
class Events:
    """What a file holds: behaviour, changes of the profile by time, and what could not be read."""

    happenings: list[Happening] = field(default_factory=list)
    changes: dict[datetime, list[Change]] = field(default_factory=dict)
    bad: list[BadLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One event whose time may still hang on the start."""

    number: int
    kind: str
    name: str
    properties: Mapping[str, Any]
    traits: Mapping[str, Any]
    timestamp: datetime | str


class _Fault(ValueError):
    """Why a line is no event."""


def read_lines(path: Path) -> tuple[list[Line], list[BadLine]]:
    """Every event of a file, and every line that is none. Blank lines are passed over. Raises ``OSError``."""
    lines: list[Line] = []
    bad: list[BadLine] = []
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        return [], [BadLine(1, f"the file is larger than {MOST_BYTES // 1_000_000} MB")]
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                lines.append(_line(number, line))
            except _Fault as fault:
                bad.append(BadLine(number, str(fault)))
    if len(lines) > MOST_HAPPENS:
        told = f"the file holds {len(lines):,} events; {MOST_HAPPENS:,} of one lead are enough for any life"
        bad.append(BadLine(lines[MOST_HAPPENS].number, told))
    return lines, bad


def first_time(lines: list[Line]) -> datetime | None:
    """The earliest time that is one by itself."""
    return min((line.timestamp for line in lines if isinstance(line.timestamp, datetime)), default=None)


def events(lines: list[Line], start: datetime) -> Events:
    """What the lines tell, at absolute times."""
    found = Events()
    for line in lines:
        at = line.timestamp if isinstance(line.timestamp, datetime) else start + parse_span(line.timestamp)
        shown = line.traits if line.kind == "identify" else line.properties
        found.happenings.append(Happening(at, line.kind, line.name, shown))
        if line.kind == "identify":
            found.changes.setdefault(at, []).append(_told(line.traits))
        elif line.kind == "group":
            found.changes.setdefault(at, []).append(_joins(line.properties))
    return found


def _line(number: int, raw: bytes) -> Line:
    try:
        data = json.loads(raw)
    except UnicodeDecodeError:
        raise _Fault("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _Fault(f"is not JSON: {error.msg.lower()} (column {error.colno})") from None
    except RecursionError:
        raise _Fault("is nested too deep") from None
    if not isinstance(data, dict):
        raise _Fault('must be a JSON object such as {"type": "track", …}')
    kind = data.get("type")
    if kind not in _TYPES:
        shown = f"“{kind}” is no type of event" if kind is not None else "has no type"
        raise _Fault(f"{shown}{did_you_mean(str(kind), _TYPES)}")
    properties, traits = _object(data, "properties"), _object(data, "traits")
    if kind in _NEEDED:
        properties = {**traits, _NEEDED[kind]: _needed(data, kind)}
    shown = "page" if kind == "screen" else kind
    return Line(number, shown, _name(kind, data, properties), properties, traits, _timestamp(data))


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    if value is not None and not isinstance(value, dict):
        raise _Fault(f"“{name}” must be an object")
    return value or {}


def _name(kind: str, data: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    if kind == "identify" or kind in _NEEDED:
        return kind
    if kind == "page":
        return _path(data, properties)
    if kind == "screen":
        name = data.get("name")
        return f"/screen/{name if isinstance(name, str) else ''}"
    name = data.get("event")
    if not isinstance(name, str) or not name.strip():
        raise _Fault(f"a {kind} needs an “event”: its name")
    return name.strip()


def _needed(data: Mapping[str, Any], kind: str) -> str:
    value = data.get(_NEEDED[kind])
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        raise _Fault(f"{'an' if kind == 'alias' else 'a'} {kind} needs a “{_NEEDED[kind]}”")
    return str(value).strip()


def _path(data: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """``properties.path``, else the path of ``properties.url``, else the page's name: as the API reads pages."""
    if isinstance(path := properties.get("path"), str) and path.strip():
        return path.strip().partition("?")[0]
    try:
        parts = urlsplit(str(properties.get("url", "")))
    except ValueError:
        parts = urlsplit("")
    name = data.get("name")
    return parts.path or ("/" if parts.netloc else "") or (name if isinstance(name, str) and name else "/")


def _timestamp(data: Mapping[str, Any]) -> datetime | str:
    value = data.get("timestamp")
    if isinstance(value, str) and value and is_span(value):
        try:
            parse_span(value)
        except ValueError as error:
            raise _Fault(str(error)) from None
        return value
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        shown = f"“{value}” is no timestamp" if value is not None else "has no timestamp"
        raise _Fault(f"{shown}: write 2026-03-04T09:00:00Z, or a time after the start such as 3d4h") from None
    if at.tzinfo is None:
        raise _Fault(f"timestamp “{value}” has no time zone: end it in Z or +01:00")
    return at


def _told(traits: Mapping[str, Any]) -> Change:
    """The profile after an identify. Fields the playbook does not declare are kept, and mean nothing to it."""
    own = {name: str(traits[name]) for name in _OWN if isinstance(traits.get(name), str)}
    fields = {name: value for name, value in _scalars(traits) if name not in {*_OWN, "email"}}
    email = traits.get("email")
    change = told(fields, **own)
    if not isinstance(email, str) or "@" not in email:
        return change
    known = {"has_email": True, "email_domain": email.rpartition("@")[2].strip().lower()}
    return lambda facts: (after := change(facts)).model_copy(update={"lead": after.lead.model_copy(update=known)})


def _joins(group: Mapping[str, Any]) -> Change:
    """The lead is of that company from then on; what is known of it otherwise stays."""
    named = [("name", group.get("name")), ("domain", group.get("domain") or group.get("website"))]
    update = {"id": group["groupId"]} | {key: value for key, value in named if isinstance(value, str) and value}
    return lambda facts: facts.model_copy(update={"account": facts.account.model_copy(update=update)})


def _scalars(traits: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in traits.items():
        if isinstance(value, str | int | float) or (
            isinstance(value, list) and all(isinstance(one, str) for one in value)
        ):
            yield name, value
