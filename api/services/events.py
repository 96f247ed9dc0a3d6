"""From Segment-shaped events to behaviour: names, times, and whose it is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import ValidationError

from api.limits import EVENT_BYTES
from api.schemas.text import storable
from api.schemas.tracking import BATCH_EVENT, AnyEvent, IdentifyEvent, PageEvent, TrackEvent
from domain.clock import ScaledClock
from storage.inbox import NewBehaviour

_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class BadEvent:
    """An event of a batch that could not be understood, with why."""

    body: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request came in: ``real`` on the wall clock, ``now`` on the deployment's."""

    real: datetime
    now: datetime
    sent_at: datetime | None = None

    @classmethod
    def at(cls, clock: ScaledClock, real: datetime, sent_at: datetime | None = None) -> "Arrival":
        return cls(real, clock.from_real(real), sent_at)


def sort_events(raw: Sequence[Any]) -> tuple[list[AnyEvent], list[BadEvent]]:
    """The events that can be understood, and those that can't, each in their order."""
    good: list[AnyEvent] = []
    bad: list[BadEvent] = []
    for item in raw:
        try:
            good.append(_checked(item))
        except ValueError as problem:
            bad.append(BadEvent(_keepable(item), _reason(problem)))
    return good, bad


def _checked(item: Any) -> AnyEvent:
    if len(json.dumps(item, separators=(",", ":"))) > EVENT_BYTES:
        raise ValueError("the event is larger than 32 KB")
    return BATCH_EVENT.validate_python(item)


def _reason(problem: ValueError) -> str:
    if not isinstance(problem, ValidationError):
        return str(problem)
    errors = problem.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"/{'/'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors)


def _keepable(item: Any) -> dict[str, Any]:
    """The event as a dead letter can hold it: whole, or as the start of its text when PostgreSQL refuses it."""
    text = json.dumps(item)
    try:
        storable(item)
    except ValueError:
        return {"text": text[:EVENT_BYTES]}
    if len(text) > EVENT_BYTES:
        return {"text": text[:EVENT_BYTES]}
    return item if isinstance(item, dict) else {"value": item}


def behaviour(event: AnyEvent, arrival: Arrival) -> NewBehaviour:
    """The event as the inbox takes it. Without a messageId it gets one, so a blind retry counts twice."""
    return NewBehaviour(
        message_id=event.message_id or f"tendril-{uuid4().hex}",
        kind=event.type,
        name=_name(event),
        properties=_properties(event),
        occurred_at=occurred_at(event, arrival),
        lead_id=event.user_id if is_lead_id(event.user_id) else None,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
    )


def is_lead_id(user_id: str | None) -> bool:
    """Whether a userId is Tendril's own id of a lead rather than the sender's."""
    return user_id is not None and user_id.startswith("ld_")


def occurred_at(event: AnyEvent, arrival: Arrival) -> datetime:
    """When it happened, on the deployment's clock, and never after its arrival.

    On a real clock the sender's error is taken out (Segment's rule: received - sentAt + timestamp). On a scaled clock
    the two clocks have nothing to say to each other: an explicit timestamp is deployment time, or else it is now.
    """
    if event.timestamp is None:
        return arrival.now
    sent_at = event.sent_at or arrival.sent_at
    if arrival.now != arrival.real or sent_at is None:
        return min(event.timestamp, arrival.now)
    return min(event.timestamp + (arrival.real - sent_at), arrival.now)


def _name(event: AnyEvent) -> str:
    match event:
        case TrackEvent():
            return event.event
        case PageEvent():
            return page_path(event)[:_NAME_LENGTH]
        case IdentifyEvent():
            return "identify"


def page_path(event: PageEvent) -> str:
    """``properties.path``, else the path of ``properties.url``, else the page's name, else ``/``."""
    path = event.properties.get("path")
    if isinstance(path, str) and path.strip():
        return path.strip().partition("?")[0]
    url = event.properties.get("url")
    if isinstance(url, str) and url.strip():
        return _path_of(url) or event.name or "/"
    return event.name or "/"


def _path_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.path or ("/" if parts.netloc else "")


def _properties(event: AnyEvent) -> dict[str, Any]:
    return event.traits.others if isinstance(event, IdentifyEvent) else event.properties
