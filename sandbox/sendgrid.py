"""SendGrid's stand-in: Mail Send, Email Logs, suppression lists, scopes, and its signed Event Webhook."""

import base64
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from domain.words import DeliveryKind
from sandbox import mailers
from sandbox.answers import VendorError
from sandbox.mailers import Event, Mailer, SentMail, Teller
from sandbox.stand_in import StandIn
from sandbox.state import Store

#: Public, like the sandbox, and protects nothing: the number is the whole secret.
_PRIVATE_KEY = ec.derive_private_key(0x5A4D, ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    _PRIVATE_KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_LISTS = {"bounces": "hard_bounced", "spam_reports": "complained", "unsubscribes": "opted_out", "invalid_emails": ""}
_QUERY = re.compile(r'to_email = "(?P<to>[^"]+)"( AND sg_message_id_created_at >= TIMESTAMP "(?P<since>[^"]+)")?')
#: Headers that SendGrid keeps for itself (OpenAPI, ``headers``).
_RESERVED = frozenset(
    {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-transfer-encoding", "content-type", "to", "from",
        "subject", "reply-to", "cc", "bcc",
    }
)  # fmt: skip
_SCOPES = ("mail.send", "suppression.read", "user.webhooks.event.settings.read")
_EVENTS: dict[DeliveryKind, dict[str, Any]] = {
    DeliveryKind.DELIVERED: {"event": "delivered", "response": "250 OK"},
    DeliveryKind.DEFERRED: {"event": "deferred", "response": "450 try again later", "attempt": "1"},
    DeliveryKind.BOUNCED_HARD: {"event": "bounce", "type": "bounce", "status": "5.1.1"},
    DeliveryKind.BOUNCED_SOFT: {"event": "bounce", "type": "blocked", "status": "5.7.1"},
    DeliveryKind.COMPLAINED: {"event": "spamreport"},
    DeliveryKind.OPENED: {"event": "open", "useragent": "Mozilla/5.0", "ip": "192.0.2.1", "sg_machine_open": False},
    DeliveryKind.CLICKED: {
        "event": "click",
        "useragent": "Mozilla/5.0",
        "ip": "192.0.2.1",
        "url": "https://www.example.com/",
    },
    DeliveryKind.UNSUBSCRIBED: {"event": "unsubscribe"},
}


def error(failure: VendorError) -> JSONResponse:
    """SendGrid's shape; the error's code is the field it is about."""
    problem = {"message": failure.message, "field": failure.code or None, "help": None}
    return JSONResponse({"errors": [problem]}, failure.status)


def signature(body: bytes, at: datetime, key: ec.EllipticCurvePrivateKey = _PRIVATE_KEY) -> dict[str, str]:
    """The headers of a signed request."""
    seconds = str(int(at.timestamp()))
    signed = key.sign(seconds.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signed).decode(),
        "x-twilio-email-event-webhook-timestamp": seconds,
    }


def event(told: Event) -> dict[str, Any]:
    """An event of its webhook. Custom arguments stand among the other fields."""
    mail = told.mail
    return {
        "email": mail.to,
        "timestamp": int(told.at.timestamp()),
        "sg_event_id": base64.urlsafe_b64encode(f"{mail.id}-{told.number}".encode()).decode(),
        "sg_message_id": f"{mail.id}.recvd-sandbox-1.0",
        **_arguments(mail),
        **_EVENTS.get(told.kind, {"event": told.kind}),
    }


class SendGrid:
    """The account."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("sendgrid", Mailer)

    def send(self, body: dict[str, Any]) -> str:
        """Take a mail; "" in sandbox mode, where it is only looked at. Raises ``VendorError``."""
        _check(body)
        if _only_looked_at(body):
            return ""
        to = body["personalizations"][0]["to"][0]["email"]
        mail = SentMail(
            id=uuid.uuid4().hex[:22],
            to=to,
            subject=body["subject"],
            reference=body["personalizations"][0].get("custom_args", {}).get("tendril_touch", ""),
            at=mailers.now(),
            body=body,
        )
        mailers.taken(self._store, self.held, mail)
        return mail.id

    def logs(self, query: str, limit: int) -> list[dict[str, Any]]:
        found = _QUERY.fullmatch(query)
        if found is None:
            raise VendorError(400, "invalid query", code="query")
        since = found["since"] or ""
        mails = [mail for mail in reversed(self.held.mails) if mail.to == found["to"] and mail.at >= since]
        return [_summary(mail) for mail in mails[:limit]]

    def log(self, sg_message_id: str) -> dict[str, Any]:
        mail = next((mail for mail in self.held.mails if mail.id == sg_message_id.partition(".")[0]), None)
        if mail is None:
            raise VendorError(404, "message not found")
        more = {"events": [], "api_key_id": "sandbox", "client_ip": "192.0.2.1"}
        return _summary(mail) | more | {"custom_args": _arguments(mail)}

    def suppressed(self, name: str, start: int) -> list[dict[str, Any]]:
        listed = [one for one in self.held.unwilling.values() if one.reason == _LISTS[name]]
        entries = [(one.email, int(datetime.fromisoformat(one.at).timestamp())) for one in listed]
        return [{"email": email, "created": created} for email, created in entries if created >= start]


def router(store: Store) -> APIRouter:
    account = SendGrid(store)
    routes = APIRouter()

    @routes.post("/v3/mail/send", status_code=202)
    async def send(body: dict[str, Any], response: Response) -> None:
        identity = account.send(body)
        if identity:
            response.headers["x-message-id"] = identity
        else:
            response.status_code = 200

    @routes.post("/v3/logs")
    async def logs(body: dict[str, Any]) -> dict[str, Any]:
        return {"messages": account.logs(body["query"], body.get("limit", 10))}

    @routes.get("/v3/logs/{sg_message_id}")
    async def log(sg_message_id: str) -> dict[str, Any]:
        return account.log(sg_message_id)

    @routes.get("/v3/scopes")
    async def scopes() -> dict[str, Any]:
        return {"scopes": list(_SCOPES)}

    for name in _LISTS:
        routes.get(f"/v3/suppression/{name}")(_listing(account, name))
    routes.include_router(mailers.telling(store, account.held, Teller(_bodies, signature)))
    return routes


def _listing(account: SendGrid, name: str) -> Callable[..., Any]:
    async def listing(
        start_time: int = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 500,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> list[dict[str, Any]]:
        return account.suppressed(name, start_time)[offset : offset + limit]

    return listing


def _bodies(events: list[Event]) -> list[bytes]:
    """SendGrid gathers events: all in one request."""
    return [json.dumps([event(told) for told in events]).encode()]


def _check(body: dict[str, Any]) -> None:
    """Raises ``VendorError`` for what SendGrid would refuse."""
    for number, recipient in enumerate(body["personalizations"][0]["to"]):
        if not _ADDRESS.fullmatch(recipient["email"]):
            field = f"personalizations.0.to.{number}.email"
            raise VendorError(400, "Does not contain a valid address.", code=field)
    if not mailers.verified(body["from"]["email"]):
        raise VendorError(403, "The from address does not match a verified Sender Identity.", code="from")
    if not body["subject"]:
        raise VendorError(400, "The subject is required.", code="subject")
    for number, content in enumerate(body["content"]):
        if not content["value"]:
            field = f"content.{number}.value"
            raise VendorError(400, "The content value must be a string at least one character in length.", code=field)
    for name in body.get("headers", {}):
        if name.lower() in _RESERVED:
            raise VendorError(400, f"The header {name} is reserved.", code="headers")


def _only_looked_at(body: dict[str, Any]) -> bool:
    """Raises ``VendorError`` for what is no boolean."""
    enable = body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable", False)
    if not isinstance(enable, bool):
        raise VendorError(400, "The sandbox mode enable param should be a boolean value.", code="mail_settings")
    return enable


def _arguments(mail: SentMail) -> dict[str, Any]:
    return dict(mail.body["personalizations"][0].get("custom_args", {}))


def _summary(mail: SentMail) -> dict[str, Any]:
    return {
        "from_email": mail.body["from"]["email"],
        "sg_message_id": f"{mail.id}.recvd-sandbox-1.0",
        "subject": mail.subject,
        "to_email": mail.to,
        "status": "processed",
        "sg_message_id_created_at": mail.at,
    }


STAND_IN = StandIn(
    vendor="sendgrid",
    router=router,
    error=error,
    admitted=mailers.admitted,
    unauthorized="The provided authorization grant is invalid, expired, or revoked",
    shown=lambda store: mailers.shown(store.of("sendgrid", Mailer)),
)
