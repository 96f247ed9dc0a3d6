"""Brevo's stand-in: single mails, their list, blocked contacts, the account, and its webhooks."""

import json
import re
import uuid
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from domain.words import DeliveryKind
from sandbox import mailers
from sandbox.answers import VendorError
from sandbox.mailers import Event, Mailer, SentMail, Teller
from sandbox.postmark import authorization
from sandbox.stand_in import StandIn
from sandbox.state import Store

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_CODES = {401: "unauthorized", 404: "document_not_found", 429: "too_many_requests", 500: "internal_error"}
_REASONS = {"hard_bounced": "hardBounce", "complained": "contactFlaggedAsSpam", "opted_out": "unsubscribedViaEmail"}
_EVENTS = {
    DeliveryKind.BOUNCED_HARD: "hard_bounce",
    DeliveryKind.BOUNCED_SOFT: "soft_bounce",
    DeliveryKind.COMPLAINED: "spam",
    DeliveryKind.CLICKED: "click",
}


def error(failure: VendorError) -> JSONResponse:
    code = failure.code or _CODES.get(failure.status, "invalid_parameter")
    return JSONResponse({"code": code, "message": failure.message}, failure.status)


def admitted(request: Request, token: str) -> bool:
    return "/_" in request.url.path or request.headers.get("api-key") == token


def event(told: Event) -> dict[str, Any]:
    """An event of its webhooks."""
    seconds = int(told.at.timestamp())
    more = {"link": "https://www.example.com/"} if told.kind is DeliveryKind.CLICKED else {}
    return {
        "event": _EVENTS.get(told.kind, str(told.kind)),
        "email": told.mail.to,
        "id": 26224,
        "date": f"{told.at:%Y-%m-%d %H:%M:%S}",
        "ts": seconds,
        "message-id": f"<{told.mail.id}>",
        "ts_event": seconds,
        "ts_epoch": seconds * 1000,
        "subject": told.mail.subject,
        "tags": told.mail.body.get("tags", []),
        "reason": f"550 5.1.1 <{told.mail.to}> unknown",
        **more,
    }


def router(store: Store) -> APIRouter:
    routes, held = APIRouter(), store.of("brevo", Mailer)

    @routes.post("/smtp/email", status_code=201)
    async def send(body: dict[str, Any]) -> dict[str, str]:
        _check(body)
        mail = SentMail(
            id=f"{uuid.uuid4().hex}@smtp-relay.mailin.fr",
            to=body["to"][0]["email"],
            subject=body["subject"],
            reference=(body.get("tags") or [""])[0],
            at=mailers.now(),
            body=body,
        )
        if body.get("headers", {}).get("X-Sib-Sandbox") != "drop":  # "Using sandbox mode": neither sent nor logged
            mailers.taken(store, held, mail)
        return {"messageId": f"<{mail.id}>"}

    @routes.get("/smtp/emails")
    async def sent(email: str, limit: int = 500, offset: int = 0) -> dict[str, Any]:
        found = [_summary(one) for one in reversed(held.mails) if one.to == email]
        return {"count": len(found), "transactionalEmails": found[offset : offset + limit]}

    @routes.get("/smtp/blockedContacts")
    async def blocked(startDate: str = "", limit: int = 50, offset: int = 0) -> dict[str, Any]:  # noqa: N803 - Brevo's
        found = [
            {"email": one.email, "senderEmail": "", "blockedAt": one.at, "reason": {"code": _REASONS[one.reason]}}
            for one in held.unwilling.values()
            if one.at[:10] >= startDate
        ]
        return {"count": len(found), "contacts": found[offset : offset + min(limit, 100)]}

    @routes.get("/account")
    async def account() -> dict[str, str]:
        return {"email": "owner@example.com", "companyName": "Sandbox"}

    routes.include_router(mailers.telling(store, held, Teller(_bodies, authorization)))
    return routes


def _bodies(events: list[Event]) -> list[bytes]:
    return [json.dumps(event(told)).encode() for told in events]


def _check(body: dict[str, Any]) -> None:
    """Raises ``VendorError`` for what Brevo would refuse."""
    if not _ADDRESS.fullmatch(body["to"][0]["email"]):
        raise VendorError(400, "email is not valid in to")
    if not mailers.verified(body["sender"]["email"]):
        raise VendorError(400, "Sender is not valid. Validate your sender or authenticate your domain")


def _summary(mail: SentMail) -> dict[str, Any]:
    return {
        "email": mail.to,
        "subject": mail.subject,
        "messageId": f"<{mail.id}>",
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, mail.id)),
        "date": datetime.fromisoformat(mail.at).isoformat(),
        "from": mail.body["sender"]["email"],
        "tags": mail.body.get("tags", []),
    }


STAND_IN = StandIn(
    vendor="brevo",
    router=router,
    error=error,
    admitted=admitted,
    unauthorized="Key not found",
    shown=lambda store: mailers.shown(store.of("brevo", Mailer)),
)
