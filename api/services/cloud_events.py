"""CloudEvents 1.0 as behaviour: what happened is the type, whose it is the subject, the sender's id source and id.

All three modes of the HTTP binding: binary (attributes in ``ce-`` headers, data as body), structured and batched.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api.limits import BATCH_EVENTS
from api.problems import Problem
from api.schemas.text import Line, Name
from api.schemas.tracking import AnyEvent
from api.services.events import sort_events

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
_LONGEST_ID = 200


class CloudEvent(BaseModel):
    """The attributes that mean something here. Others, and other extensions, are taken and left out."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    specversion: Literal["1.0"]
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: Name
    subject: Line | None = None
    anonymousid: Line | None = None
    time: AwareDatetime | None = None
    data: Any = None
    data_base64: str | None = None

    @property
    def message_id(self) -> str:
        """Source and id, which together name one event; their digest where that is too long."""
        both = f"{self.source} {self.id}"
        return both if len(both) <= _LONGEST_ID else f"ce-{hashlib.sha256(both.encode()).hexdigest()[:40]}"

    @property
    def properties(self) -> dict[str, Any]:
        """The data: an object as it is, anything else as ``data`` (or ``data_base64``) of one."""
        if self.data_base64 is not None:
            return {"data_base64": self.data_base64}
        return self.data if isinstance(self.data, dict) else {} if self.data is None else {"data": self.data}

    def as_track(self) -> dict[str, Any]:
        """The event in Segment's shape."""
        given = {"userId": self.subject, "anonymousId": self.anonymousid}
        happened = {"timestamp": self.time.isoformat()} if self.time else {}
        said = {"type": "track", "event": self.type, "messageId": self.message_id, "properties": self.properties}
        return said | given | happened


_EVENT: TypeAdapter[CloudEvent] = TypeAdapter(CloudEvent)


def read(headers: Mapping[str, str], body: bytes) -> list[AnyEvent]:
    """The events of a request, in any mode. Raises a 400 or 413 ``Problem`` that names every one that is none."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == BATCHED:
        raw = _json(body)
        if not isinstance(raw, list):
            raise _not_one([{"pointer": "", "message": "a batch is a JSON array"}])
        return _all(raw, batch=True)
    if media == STRUCTURED:
        return _all([_json(body)], batch=False)
    if "ce-specversion" not in headers:
        raise _not_one([{"pointer": "", "message": f"neither ce- headers nor {STRUCTURED} or {BATCHED}"}])
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    return _all([attributes | {"data": _data(media, body)}], batch=False)


def _data(media: str, body: bytes) -> Any:
    if not body:
        return None
    if media in {"", "application/json"} or media.endswith("+json"):
        return _json(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise _not_one([{"pointer": "/data", "message": "neither JSON nor text in UTF-8"}]) from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_one([{"pointer": "", "message": f"the body is not JSON: {error}"}]) from None


def _all(raw: list[Any], *, batch: bool) -> list[AnyEvent]:
    if len(raw) > BATCH_EVENTS:
        raise Problem(
            413, "batch-too-long", f"The batch has {len(raw)} events; the most is {BATCH_EVENTS}.", "Split it."
        )
    events, errors = [], list[dict[str, str]]()
    for number, item in enumerate(raw):
        at = f"/{number}" if batch else ""
        try:
            good, bad = sort_events([_understood(item).as_track()])
        except ValidationError as problem:
            found = problem.errors(include_url=False, include_input=False, include_context=False)
            errors += [{"pointer": "/".join([at, *map(str, one["loc"])]), "message": one["msg"]} for one in found]
        else:
            events += good
            errors += [{"pointer": at, "message": one.reason} for one in bad]
    if errors:
        raise _not_one(errors)
    return events


def _understood(item: Any) -> CloudEvent:
    if isinstance(item, dict) and "anonymousId" in item:  # the standard has no capitals, many senders have
        item = {"anonymousid": item["anonymousId"]} | item
    return _EVENT.validate_python(item)


def _not_one(errors: list[dict[str, str]]) -> Problem:
    named = "; ".join(f"{one['pointer'] or 'the request'}: {one['message']}" for one in errors[:3])
    return Problem(
        400,
        "not-a-cloudevent",
        f"Not CloudEvents 1.0 that can be taken, so nothing was stored: {named}.",
        "Send id, source, type and specversion 1.0, and whose it is: subject, or the extension anonymousid.",
        errors=errors,
    )
