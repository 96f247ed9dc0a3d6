"""Resend's stand-in: mails with idempotency keys, their list, suppressions, domains, webhooks signed by Svix."""

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse

from domain.words import DeliveryKind
from sandbox import mailers
from sandbox.answers import VendorError
from sandbox.limits import Rate
from sandbox.mailers import Event, Mailer, SentMail, Teller
from sandbox.stand_in import StandIn
from sandbox.state import Store

#: Public, like the sandbox, and protects nothing.
SECRET = "whsec_" + base64.b64encode(b"sandbox-sandbox-sandbox-").decode()
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LONGEST_KEY = 256
_NAMES = {401: "missing_api_key", 404: "not_found", 429: "rate_limit_exceeded", 500: "application_error"}
_ORIGINS = {"hard_bounced": "bounce", "complained": "complaint", "opted_out": "manual"}
_VISITOR = {"ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0"}
_EVENTS: dict[DeliveryKind, tuple[str, dict[str, Any]]] = {
    DeliveryKind.DELIVERED: ("email.delivered", {}),
    DeliveryKind.DEFERRED: ("email.delivery_delayed", {}),
    DeliveryKind.BOUNCED_HARD: ("email.bounced", {"bounce": {"type": "Permanent", "subType": "NoEmail"}}),
    DeliveryKind.BOUNCED_SOFT: ("email.bounced", {"bounce": {"type": "Transient", "subType": "MailboxFull"}}),
    DeliveryKind.COMPLAINED: ("email.complained", {}),
    DeliveryKind.OPENED: ("email.opened", {}),
    DeliveryKind.CLICKED: ("email.clicked", {"click": {"link": "https://www.example.com/", **_VISITOR}}),
}
Key = Annotated[str, Header(alias="Idempotency-Key")]
Limit = Annotated[int, Query(ge=1, le=100)]


def error(failure: VendorError) -> JSONResponse:
    """Resend's shape; the error's code is its name."""
    name = failure.code or _NAMES.get(failure.status, "validation_error")
    return JSONResponse({"statusCode": failure.status, "name": name, "message": failure.message}, failure.status)


def signature(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers of a signed request. The id is the event's: the same however often it is told."""
    identity = f"msg_{hashlib.sha256(body).hexdigest()[:27]}"
    seconds = str(int(at.timestamp()))
    signed = b".".join((identity.encode(), seconds.encode(), body))
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    signatures = f"v1,{base64.b64encode(digest).decode()}"
    return {"svix-id": identity, "svix-timestamp": seconds, "svix-signature": signatures}


def event(told: Event) -> dict[str, Any]:
    """An event of its webhooks."""
    mail, at = told.mail, told.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    type_, more = _EVENTS.get(told.kind, (f"email.{told.kind}", {}))
    particulars = {name: _whole(name, said, mail, at) for name, said in more.items()}
    data = {
        "email_id": mail.id,
        "created_at": at,
        "from": mail.body.get("from", ""),
        "to": [mail.to],
        "subject": mail.subject,
        "tags": {tag["name"]: tag["value"] for tag in mail.body.get("tags", ())},
    }
    return {"type": type_, "created_at": at, "data": data | particulars}


def _whole(name: str, said: dict[str, Any], mail: SentMail, at: str) -> dict[str, Any]:
    if name == "bounce":
        diagnosis = f"smtp; 550 5.1.1 <{mail.to}> unknown"
        return {**said, "message": f"The mail to {mail.to} came back.", "diagnosticCode": [diagnosis]}
    return {**said, "timestamp": at}


class Resend:
    """The team."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("resend", Mailer)

    def send(self, body: dict[str, Any], key: str) -> str:
        """Take a mail, or the same one again. Raises ``VendorError``."""
        _check(body, key)
        if key in self.held.once:
            identity, before = self.held.once[key]
            if before != body:
                message = "Same idempotency key used with a different request payload."
                raise VendorError(409, message, code="invalid_idempotent_request")
            return identity
        to = body["to"] if isinstance(body["to"], str) else body["to"][0]
        tags = {tag["name"]: tag["value"] for tag in body.get("tags", ())}
        mail = SentMail(
            id=str(uuid.uuid4()),
            to=to,
            subject=body["subject"],
            reference=tags.get("tendril_touch", ""),
            at=mailers.now(),
            body=body,
        )
        if key:
            self.held.once[key] = (mail.id, body)
        mailers.taken(self._store, self.held, mail)
        return mail.id

    def mail(self, identity: str) -> dict[str, Any]:
        mail = next((mail for mail in self.held.mails if mail.id == identity), None)
        if mail is None:
            raise VendorError(404, "Email not found")
        return _summary(mail) | {"object": "email", "html": mail.body.get("html"), "text": mail.body.get("text")}

    def mails(self) -> list[dict[str, Any]]:
        return [_summary(mail) for mail in reversed(self.held.mails)]

    def suppressions(self) -> list[dict[str, Any]]:
        return [
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, one.email)),
                "email": one.email,
                "origin": _ORIGINS[one.reason],
                "source_id": one.id or None,
                "created_at": one.at.replace("T", " "),
            }
            for one in self.held.unwilling.values()
        ]


def router(store: Store) -> APIRouter:
    team = Resend(store)
    routes = APIRouter()

    @routes.post("/emails")
    async def send(body: dict[str, Any], idempotency_key: Key = "") -> dict[str, str]:
        return {"id": team.send(body, idempotency_key)}

    @routes.get("/emails")
    async def mails(limit: Limit = 20, after: str = "") -> dict[str, Any]:
        return _page(team.mails(), limit, after)

    @routes.get("/emails/{identity}")
    async def mail(identity: str) -> dict[str, Any]:
        return team.mail(identity)

    @routes.get("/suppressions")
    async def suppressions(limit: Limit = 20, after: str = "") -> dict[str, Any]:
        return _page(team.suppressions(), limit, after)

    @routes.get("/domains")
    async def domains(limit: Limit = 20, after: str = "") -> dict[str, Any]:
        return _page(DOMAINS, limit, after)

    routes.include_router(mailers.telling(store, team.held, Teller(_bodies, signature)))
    return routes


DOMAINS = [
    {
        "id": "d91cd9bd-1176-453e-8fc1-000000000001",
        "name": "mail.example.com",
        "status": "verified",
        "created_at": "2026-01-01 00:00:00.000000+00",
        "region": "eu-west-1",
        "open_tracking": False,
        "click_tracking": False,
    }
]


def _bodies(events: list[Event]) -> list[bytes]:
    """One request an event."""
    return [json.dumps(event(told)).encode() for told in events]


def _page(entries: Sequence[dict[str, Any]], limit: int, after: str) -> dict[str, Any]:
    start = next((number for number, entry in enumerate(entries, start=1) if entry["id"] == after), 0)
    page = list(entries[start : start + limit])
    return {"object": "list", "has_more": start + limit < len(entries), "data": page}


def _check(body: dict[str, Any], key: str) -> None:
    """Raises ``VendorError`` for what Resend would refuse."""
    if missing := [name for name in ("from", "to", "subject") if not body.get(name)]:
        raise VendorError(422, f"Missing `{missing[0]}` field.", code="missing_required_field")
    for to in [body["to"]] if isinstance(body["to"], str) else body["to"]:
        if not _ADDRESS.fullmatch(to):
            form = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."
            raise VendorError(422, f"Invalid `to` field. {form}", code="validation_error")
    if not mailers.verified(body["from"].rstrip(">")):
        raise VendorError(
            403, "The domain is not verified. Please, add and verify your domain.", code="validation_error"
        )
    for tag in body.get("tags", ()):
        if not (_TAG.fullmatch(tag["name"]) and _TAG.fullmatch(tag["value"])):
            raise VendorError(422, "Tags should only contain ASCII letters, numbers, underscores, or dashes.")
    if len(key) > _LONGEST_KEY:
        raise VendorError(400, "The key must be between 1-256 chars.", code="invalid_idempotency_key")


def _summary(mail: SentMail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "message_id": f"<{mail.id}@email.example.com>",
        "to": [mail.to],
        "from": mail.body["from"],
        "created_at": mail.at.replace("T", " ").replace("Z", "+00"),
        "subject": mail.subject,
        "bcc": [],
        "cc": [],
        "reply_to": mail.body.get("reply_to", []),
        "last_event": "sent",
    }


#: 5 requests in a second.
STAND_IN = StandIn(
    vendor="resend",
    router=router,
    error=error,
    admitted=mailers.admitted,
    rate=lambda: Rate(5, 1),
    unauthorized="API key is invalid",
    shown=lambda store: mailers.shown(store.of("resend", Mailer)),
)
