"""Lines as events: checked as the API checks them, each with the time it happened and an id of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import EmailStr, TypeAdapter, ValidationError

from api.schemas.tracking import AliasEvent, AnyEvent, IdentifyEvent
from api.services.events import sort_events
from api.services.message_ids import message_ids
from cli.backfill.columns import Rows
from cli.importing.files import Record, Survey
from storage.addresses import normalised

_TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
#: How far a clock may be ahead of ours before a time is a mistake.
_AHEAD = timedelta(days=1)
_WHO = ("userId", "anonymousId")
_MOMENT: TypeAdapter[datetime] = TypeAdapter(datetime)
_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailStr)


class File(Protocol):
    """A file that is read line by line, any number of times."""

    @property
    def size(self) -> int: ...

    def survey(self, seen: Any = ...) -> Survey: ...

    def rows(self) -> Iterator[Record]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``event`` is None when ``problem`` says why. ``by_address``: nothing but ``email`` says whose it is."""

    record: Record
    event: AnyEvent | None = None
    email: str | None = None
    by_address: bool = False
    problem: str = ""


class Reader:
    """Reads lines; ``rows`` for files of columns. ``zone`` is that of times that have none."""

    def __init__(self, rows: Rows | None, zone: ZoneInfo | None, now: datetime) -> None:
        self._rows = rows
        self._zone = zone
        self._now = now

    def read(self, record: Record) -> Line:
        if record.problem:
            return Line(record, problem=record.problem)
        try:
            return self._understood(record, self._rows.raw(record) if self._rows else _parsed(record.cells[0]))
        except ValueError as problem:
            return Line(record, problem=str(problem))

    def _understood(self, record: Record, raw: dict[str, Any]) -> Line:
        email, at = _address(raw), self._happened(raw)
        rest = {name: value for name, value in raw.items() if name not in {*_TIMES, "email"}}
        by_address = email is not None and not any(raw.get(name) for name in _WHO)
        who: dict[str, Any] = {"userId": email} if by_address else {}
        if raw.get("email"):
            who["context"] = {"traits": {"email": email}}
        good, bad = sort_events([rest | who | {"timestamp": at.isoformat()}])
        if bad:
            raise ValueError(bad[0].reason)
        event = good[0].model_copy(update={"message_id": message_ids(good, None)[0]})
        return Line(record, event, email, by_address)

    def _happened(self, raw: dict[str, Any]) -> datetime:
        """When it happened. Not corrected by ``sentAt``: what was sent then is not what comes in now."""
        given = next((raw[name] for name in _TIMES if raw.get(name)), None)
        if given is None:
            raise ValueError("timestamp: missing, and history without a time can't be placed")
        try:
            at = _MOMENT.validate_python(given)
        except ValidationError:
            raise ValueError(f"timestamp: {str(given)[:40]!r} is not a time such as 2026-03-02T10:00:00Z") from None
        if at.tzinfo is None and self._zone is None:
            raise ValueError(f"timestamp: {given!r} has no time zone; say which with --timezone")
        try:
            at = (at if at.tzinfo else at.replace(tzinfo=self._zone)).astimezone(UTC)
        except OverflowError:
            raise ValueError(f"timestamp: {given!r} is outside the years 1 to 9999 in UTC") from None
        if at > self._now + _AHEAD:
            raise ValueError(f"timestamp: {given!r} is in the future")
        return at


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what a line has wrong, as everywhere here
    return found


def _address(raw: dict[str, Any]) -> str | None:
    """The address the event is of: its ``email``, or that of its traits. Raises ``ValueError`` when it is none."""
    context = raw.get("context")
    places = (raw, raw.get("traits"), context.get("traits") if isinstance(context, dict) else None)
    given = next((place["email"] for place in places if isinstance(place, dict) and place.get("email")), None)
    if given is None:
        return None
    try:
        return normalised(_ADDRESS.validate_python(given))
    except ValidationError:
        raise ValueError(f"email: {str(given)[:60]!r} is not an address") from None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a visitor turned out to be, as the file itself says."""

    user_id: str | None = None
    email: str | None = None


class Visitors:
    """What the file's own ``identify`` and ``alias`` say of visitors. Whom it calls two people is nobody."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}

    def learn(self, line: Line) -> None:
        match line.event:
            case IdentifyEvent(anonymous_id=str(visitor)) as event:
                self._say(visitor, Owner(event.user_id, line.email))
            case AliasEvent() as event:
                self._say(event.previous_id, Owner(event.user_id))

    def _say(self, visitor: str, owner: Owner) -> None:
        before = self._owners.setdefault(visitor, owner)
        ids = {each for each in (before.user_id, owner.user_id) if each}
        emails = {each for each in (before.email, owner.email) if each}
        two = len(ids) > 1 or len(emails) > 1
        self._owners[visitor] = Owner() if two else Owner(next(iter(ids), None), next(iter(emails), None))

    def owner(self, visitor: str | None) -> Owner:
        return self._owners.get(visitor or "", Owner())
