"""CloudEvents over HTTP, in binary, structured and batched mode. An answer of 200 means: committed."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request

from api.auth import Writer
from api.context import Context
from api.schemas.tracking import Taken
from api.services import cloud_events, tracking
from api.services.cloud_events import BATCHED, STRUCTURED, CloudEvent
from api.services.events import Arrival
from api.specification import problems

router = APIRouter(prefix="/v1", tags=["tracking"])
_EXAMPLE = {
    "specversion": "1.0",
    "id": "7381",
    "source": "https://webinars.example",
    "type": "Webinar Attended",
    "subject": "crm-1017",
    "time": "2026-03-02T10:00:00Z",
    "data": {"minutes": 40},
}
_SCHEMA = CloudEvent.model_json_schema()
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": _SCHEMA, "example": _EXAMPLE},
            BATCHED: {"schema": {"type": "array", "items": _SCHEMA}, "example": [_EXAMPLE]},
            "application/json": {"schema": {}, "example": _EXAMPLE["data"]},
        },
    }
}


@router.post("/cloudevents", summary="CloudEvents: things that leads did", openapi_extra=_BODY, responses=problems(429))
async def take(request: Request, context: Context, key: Writer) -> Taken:
    """CloudEvents 1.0. At most 32 KB an event; all of a request are taken, or none (400).

    `type` is the event's name, `subject` the `userId` (or the extension `anonymousid` a visitor), `source` and `id`
    together the message id, `time` when it happened, `data` its properties.
    """
    events = cloud_events.read(request.headers, await request.body())
    async with context.rates.turn(key, len(events)):
        arrival, enrol = Arrival.at(context.clock, datetime.now(UTC)), context.settings.enrols("identify")
        return await tracking.take(context.database, events, arrival, key.name, enrol=enrol)
