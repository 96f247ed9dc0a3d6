"""Mailgun's stand-in: messages as MIME, the log, lists of the unwilling, and what became of a mail as webhooks.

Unlike Mailgun it shows a mail in its log at once.
"""

import base64
import re
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from email.utils import format_datetime, parseaddr, parsedate_to_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import FormData, UploadFile

from sandbox import mailers, mailgun_events
from sandbox.answers import VendorError
from sandbox.mailers import Mailer, SentMail, Teller, Unwilling
from sandbox.stand_in import StandIn
from sandbox.state import Store

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_OPTIONS = ("o:", "v:", "h:", "t:")
_MOST_OPTIONS = 16 * 1024
#: Mailgun's lists, and why somebody is on them.
_LISTS = {"bounces": "hard_bounced", "complaints": "complained", "unsubscribes": "opted_out"}
_DOMAIN = {
    "created_at": "Thu, 13 Oct 2011 18:02:00 GMT",
    "state": "active",
    "type": "custom",
    "spam_action": "disabled",
    "web_prefix": "email",
    "web_scheme": "https",
    "message_ttl": 259200,
    "use_automatic_sender_security": True,
    "is_disabled": False,
    "require_tls": False,
    "skip_verification": False,
    "wildcard": False,
    "encrypt_incoming_message": False,
}


class Mailgun:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("mailgun", Mailer)

    def take(self, domain: str, mime: str, fields: dict[str, str]) -> str:
        """Queue a message; returns its Message-ID. Raises ``VendorError`` as Mailgun words it."""
        message = message_from_string(mime, policy=policy.default)
        sender = parseaddr(str(message["From"]))[1]
        if not mailers.verified(sender):
            why = "The domain is unverified and requires DNS configuration."
            raise VendorError(403, f"Domain {mailers.UNVERIFIED} is not allowed to send: {why}")
        if not _ADDRESS.fullmatch(fields["to"]):
            raise VendorError(400, "to parameter is not a valid address. please check documentation")
        options = {name: value for name, value in fields.items() if name.startswith(_OPTIONS)}
        if sum(len(name) + len(value) for name, value in options.items()) > _MOST_OPTIONS:
            raise VendorError(400, "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total")
        identity = str(message["Message-ID"] or f"<{uuid.uuid4().hex}@{domain}>")
        mail = SentMail(
            id=identity.strip("<>"),
            to=fields["to"],
            subject=str(message["Subject"]),
            reference=fields.get(mailgun_events.REFERENCE, ""),
            at=mailers.now(),
            body={"domain": domain, "message": mime, **fields},
        )
        mailers.taken(self._store, self.held, mail)
        return identity

    def listed(self, name: str, after: str, limit: int) -> list[dict[str, Any]]:
        """A page of the list, by address."""
        found = [one for one in self.held.unwilling.values() if one.reason == _LISTS[name] and one.email > after]
        return [_entry(name, one) for one in sorted(found, key=lambda one: one.email)[:limit]]

    def logged(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The log's entries that match the filter (``=`` on domain and message_id)."""
        wanted = {one["attribute"]: one["values"][0]["value"] for one in body.get("filter", {}).get("AND", [])}
        start, end = parsedate_to_datetime(body["start"]), parsedate_to_datetime(body["end"])
        return [
            mailgun_events.logged(mail)
            for mail in self.held.mails
            if start <= datetime.fromisoformat(mail.at) <= end
            and wanted.get("domain", mail.body["domain"]) == mail.body["domain"]
            and wanted.get("message_id", mail.id) == mail.id
        ]


def router(mailgun: Mailgun) -> APIRouter:
    routes = APIRouter()

    @routes.post("/v3/{domain}/messages.mime")
    async def send(domain: str, request: Request) -> dict[str, str]:
        mime, fields = await _form(await request.form())
        return {"id": mailgun.take(domain, mime, fields), "message": "Queued. Thank you."}

    @routes.post("/v1/analytics/logs")
    async def logs(body: dict[str, Any]) -> dict[str, Any]:
        body = _days(body)
        items = mailgun.logged(body)
        paging = {"previous": "", "next": "", "first": "", "last": "", "total": len(items)}
        return {"start": body["start"], "end": body["end"], "items": items, "pagination": paging, "aggregates": {}}

    @routes.get("/v3/{domain}/{name}")
    async def listed(
        domain: str, name: str, request: Request, limit: Annotated[int, Query(le=1000)] = 100, address: str = ""
    ) -> dict[str, Any]:
        if name not in _LISTS:
            raise VendorError(404, "Not Found")
        items = mailgun.listed(name, address, limit)
        here = f"{str(request.base_url).rstrip('/')}/mailgun/v3/{domain}/{name}?limit={limit}"
        return {"items": items, "paging": _paging(here, items[-1]["address"] if items else address)}

    @routes.get("/v4/domains/{name}")
    async def domain(name: str) -> dict[str, Any]:
        return _domain(name)

    return routes


def error(failure: VendorError) -> Response:
    """Mailgun's: a message, or for a wrong key one bare word."""
    if failure.status == 401:  # noqa: PLR2004 - HTTP's number
        return PlainTextResponse("Forbidden", 401)
    return JSONResponse({"message": failure.message}, failure.status)


async def _form(form: FormData) -> tuple[str, dict[str, str]]:
    """The message, and the other fields."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    message = form.get("message")
    mime = (await message.read()).decode() if isinstance(message, UploadFile) else fields.pop("message", "")
    for name, given in (("to", fields.get("to")), ("message", mime)):
        if not given:
            raise VendorError(400, f"{name} parameter is missing")
    return mime, fields


def _days(body: dict[str, Any]) -> dict[str, Any]:
    """The query with its time range: by ``duration`` before ``end``, which goes before ``start``; else the last day."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    end = parsedate_to_datetime(body["end"]) if "end" in body else now
    start = parsedate_to_datetime(body["start"]) if "start" in body else end - timedelta(days=1)
    if "duration" in body:
        number, unit = int(body["duration"][:-1]), {"d": "days", "h": "hours"}[body["duration"][-1]]
        start = end - timedelta(**{unit: number})
    return {**body, "start": format_datetime(start), "end": format_datetime(end)}


def _admitted(request: Request, token: str) -> bool:
    """Basic authentication as ``api`` with the key for a password; what only the stand-in has is open to all."""
    wanted = base64.b64encode(f"api:{token}".encode()).decode()
    return "/_" in request.url.path or request.headers.get("authorization") == f"Basic {wanted}"


def _entry(name: str, one: Unwilling) -> dict[str, Any]:
    created_at = format_datetime(datetime.fromisoformat(one.at).astimezone(UTC)).replace("+0000", "UTC")
    more: dict[str, Any] = {"bounces": {"code": "550", "error": "No such mailbox"}, "unsubscribes": {"tags": ["*"]}}
    return {"address": one.email, "created_at": created_at, **more.get(name, {})}


def _paging(here: str, last: str) -> dict[str, str]:
    pages = {"first": "", "last": "&page=last", "previous": "&page=previous", "next": f"&page=next&address={last}"}
    return {name: here + more for name, more in pages.items()}


def _domain(name: str) -> dict[str, Any]:
    if name == mailers.UNVERIFIED:
        raise VendorError(404, "Domain not found")
    record = {
        "record_type": "TXT",
        "name": name,
        "value": "v=spf1 include:mailgun.org ~all",
        "valid": "valid",
        "is_active": True,
        "cached": [],
    }
    shown = {**_DOMAIN, "id": name, "name": name, "smtp_login": f"postmaster@{name}"}
    return {"domain": shown, "sending_dns_records": [record], "receiving_dns_records": []}


def _router(store: Store) -> APIRouter:
    mailgun = Mailgun(store)
    routes = mailers.telling(store, mailgun.held, Teller(mailgun_events.bodies, lambda _body, _at: {}))
    routes.include_router(router(mailgun))
    return routes


STAND_IN = StandIn(
    vendor="mailgun",
    router=_router,
    error=error,
    admitted=_admitted,
    shown=lambda store: mailers.shown(store.of("mailgun", Mailer)),
)
