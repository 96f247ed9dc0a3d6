"""From Segment-shaped events to behaviour: names, times, and whose it is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import to_json

from api.limits import EVENT_BYTES
from api.schemas.text import storable
from api.schemas.tracking import (
    BATCH_EVENT,
    AliasEvent,
    AnyEvent,
    PageEvent,
)
from api.services.message_ids import message_ids
from domain.clock import ScaledClock
from storage.dead_letters import worded
from storage.inbox import NewBehaviour

_NAME_LENGTH = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def sort_events(
    raw: Sequence[Any], sent_at: datetime | None = None, *, claims: bool = False
) -> tuple[list[AnyEvent], list[BadEvent]]:
    """The events that can be taken, and those that can't, each in their order; ``claims`` as in ``objection``.

    Those that can't are kept with the batch's ``sent_at``, so that their time can be told whenever they are taken.
    """
    good: list[AnyEvent] = []
    bad: list[BadEvent] = []
    for item in raw:
        try:
            good.append(_checked(item, claims=claims))
        except ValueError as problem:
            bad.append(BadEvent(_dated(_keepable(item), sent_at), _reason(problem)))
    return good, bad


def objection(event: AnyEvent) -> str:
    """Why an event must not come with a key that only claims (``KeyInfo.claims``), "" when it may."""
    named = (event.user_id, event.previous_id if isinstance(event, AliasEvent) else None)
    return "Tendril's own ids of leads need a key with the scope write" if any(map(is_lead_id, named)) else ""


def _checked(item: Any, *, claims: bool) -> AnyEvent:
    event = BATCH_EVENT.validate_python(item)
    if claims and (why := objection(event)):
        raise ValueError(why)
    if len(to_json(item)) > EVENT_BYTES:
        raise ValueError("the event is larger than 32 KB")
    return event


def _reason(problem: ValueError) -> str:
    if not isinstance(problem, ValidationError):
        return worded(str(problem))
    errors = problem.errors(include_url=False, include_input=False, include_context=False)
    told = [f"/{'/'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors]
    return worded("; ".join(told))


def _keepable(item: Any) -> dict[str, Any]:
    """The event as a dead letter can hold it: whole, or as the start of its text when PostgreSQL refuses it."""
    text = _text(item)
    try:
        storable(item)
    except ValueError:
        return {"text": text[:EVENT_BYTES]}
    if len(text) > EVENT_BYTES:
        return {"text": text[:EVENT_BYTES]}
    return item if isinstance(item, dict) else {"value": item}


def _text(item: Any) -> str:
    try:
        return json.dumps(item)
    except RecursionError:
        return "nested so deeply that it can't be shown"


def _dated(body: dict[str, Any], sent_at: datetime | None) -> dict[str, Any]:
    return body if sent_at is None or body.get("sentAt") else body | {"sentAt": sent_at.isoformat()}


def behaviours(events: Sequence[AnyEvent], arrival: Arrival) -> list[NewBehaviour]:
    """The events as the inbox takes them."""
    ids = message_ids(events, arrival.sent_at)
    return [_behaviour(event, message_id, arrival) for event, message_id in zip(events, ids, strict=True)]


def _behaviour(event: AnyEvent, message_id: str, arrival: Arrival) -> NewBehaviour:
    user_id = event.user_id
    return NewBehaviour(
        message_id=message_id,
        kind="page" if event.type == "screen" else event.type,
        name=_name(event)[:_NAME_LENGTH],
        properties=_properties(event),
        occurred_at=occurred_at(event, arrival),
        lead_id=user_id if is_lead_id(user_id) else None,
        user_id=user_id,
        anonymous_id=event.anonymous_id,
    )


def is_lead_id(user_id: str | None) -> bool:
    """Whether a userId is Tendril's own id of a lead rather than the sender's."""
    return user_id is not None and user_id.startswith("ld_")


def occurred_at(event: AnyEvent, arrival: Arrival) -> datetime:
    """When it happened, on the deployment's clock: never after its arrival, nor before 1970.

    On a real clock the sender's error is taken out (Segment's rule: received - sentAt + timestamp). On a scaled clock
    the two clocks have nothing to say to each other: an explicit timestamp is deployment time, or else it is now.
    """
    happened = event.happened
    if happened is None:
        return arrival.now
    sent_at = event.sent_at or arrival.sent_at
    error = arrival.real - sent_at if sent_at and arrival.now == arrival.real else None
    return max(_EPOCH, min(_corrected(happened, error), arrival.now))


def _corrected(happened: datetime, error: timedelta | None) -> datetime:
    """In UTC, as all that it is compared with: what reads JSON makes zones whose every use costs a call."""
    try:
        happened = happened.astimezone(UTC)
        return happened + error if error else happened
    except OverflowError:  # a clock at the year 1 or 9999
        return happened


def _name(event: AnyEvent) -> str:
    if event.type == "track":  # by the type: to ask a model's class for its instances costs more than all of this
        return event.event
    if event.type == "page":
        return page_path(event)
    return f"/screen/{event.name or ''}" if event.type == "screen" else event.type


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
    if event.type == "identify":
        return event.traits.others
    if event.type == "group":
        return {**event.traits, "groupId": event.group_id}
    return {"previousId": event.previous_id} if event.type == "alias" else event.properties
