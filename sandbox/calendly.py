"""Calendly's stand-in: who books or cancels, told as Calendly tells it (``POST /calendly/_webhook``, ``/_tell``)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import httpx
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from sandbox.answers import VendorError
from sandbox.stand_in import Section, StandIn
from sandbox.state import Store

#: Public, like the sandbox.
SIGNING_KEY = "sandbox-signing-key"
_API = "https://api.calendly.com"


class Booking(BaseModel):
    """``kind``: invitee.created or invitee.canceled. ``touch`` came along as utm_content."""

    model_config = ConfigDict(extra="forbid")

    email: str
    kind: Literal["invitee.created", "invitee.canceled"] = "invitee.created"
    name: str = "An invitee"
    touch: str = ""
    number: int = 1
    rescheduled: bool = False
    times: int = 1


class Where(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str


class Calendar(BaseModel):
    webhook: str = ""
    bookings: list[Booking] = []


def event(booking: Booking, at: datetime) -> dict[str, Any]:
    """The payload of a webhook."""
    identity = uuid5(NAMESPACE_URL, f"{booking.email}/{booking.number}")
    meeting = f"{_API}/scheduled_events/{uuid5(identity, 'event')}"
    canceled = booking.kind == "invitee.canceled"
    start = at + timedelta(days=2)
    payload: dict[str, Any] = {
        "uri": f"{meeting}/invitees/{identity}",
        "email": booking.email,
        "name": booking.name,
        "first_name": None,
        "last_name": None,
        "status": "canceled" if canceled else "active",
        "timezone": "Europe/Berlin",
        "event": meeting,
        "questions_and_answers": [{"question": "What is it about?", "answer": "Prices", "position": 0}],
        "tracking": {
            "utm_campaign": None,
            "utm_source": None,
            "utm_medium": None,
            "utm_content": booking.touch or None,
            "utm_term": None,
            "salesforce_uuid": None,
        },
        "rescheduled": booking.rescheduled,
        "old_invitee": None,
        "new_invitee": None,
        "cancel_url": "https://calendly.com/cancellations/x",
        "reschedule_url": "https://calendly.com/reschedulings/x",
        "created_at": _written(at),
        "updated_at": _written(at),
        "no_show": None,
        "scheduled_event": {
            "uri": meeting,
            "name": "Thirty minutes",
            "status": "canceled" if canceled else "active",
            "start_time": _written(start),
            "end_time": _written(start + timedelta(minutes=30)),
            "event_type": f"{_API}/event_types/AAAA",
            "location": {"type": "zoom"},
        },
    }
    if canceled:
        payload["cancellation"] = {"canceled_by": booking.name, "reason": "ill", "canceler_type": "invitee"}
    return {"event": booking.kind, "created_at": _written(at), "created_by": f"{_API}/users/AAAA", "payload": payload}


def signature(body: bytes, at: datetime, key: str = SIGNING_KEY) -> dict[str, str]:
    """The headers of a webhook."""
    timestamp = str(int(at.timestamp()))
    made = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "calendly-webhook-signature": f"t={timestamp},v1={made}"}


def router(store: Store) -> APIRouter:
    routes, held = APIRouter(), store.of("calendly", Calendar)

    @routes.post("/_webhook", status_code=204)
    async def configure(where: Where) -> None:
        held.webhook = where.url
        store.changed()

    @routes.post("/_tell")
    async def tell(booking: Booking) -> list[int]:
        """The statuses that the requests were answered with."""
        if not held.webhook:
            raise VendorError(409, "No webhook is configured: POST its url to _webhook first.")
        held.bookings.append(booking)
        store.changed()
        now = datetime.now(UTC)
        body = json.dumps(event(booking, now)).encode()
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            headers = signature(body, now)
            return [
                (await client.post(held.webhook, content=body, headers=headers)).status_code
                for _ in range(booking.times)
            ]

    return routes


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _sections(store: Store) -> list[Section]:
    held = store.of("calendly", Calendar)
    rows = [(one.email, one.kind.partition(".")[2], one.touch) for one in reversed(held.bookings[-50:])]
    return [Section("Meetings", ("invitee", "what", "touch"), rows, len(held.bookings))]


STAND_IN = StandIn(vendor="calendly", router=router, admitted=None, shown=_sections)
