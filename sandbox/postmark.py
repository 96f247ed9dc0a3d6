"""Postmark's stand-in: single mails, message search, suppressions, server and stream, and its webhooks."""

import base64
import json
import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from adapters.email.postmark_webhook import joined
from domain.words import DeliveryKind
from sandbox import mailers
from sandbox.answers import VendorError
from sandbox.mailers import Event, Mailer, SentMail, Teller, Unwilling
from sandbox.stand_in import StandIn
from sandbox.state import Store

#: Public, like the sandbox.
USERNAME, PASSWORD = "tendril", "sandbox"
#: Postmark's own, for tests: what is sent with it is checked and goes nowhere.
TEST_TOKEN = "POSTMARK_API_TEST"  # noqa: S105 - documented for everybody
STREAM = "broadcast"
_SERVER = 1
#: "What does Error Code 300 mean?": the mailbox, then the domain, of Postmark's own check.
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'`*+\-/=^_{}|~]+@(\.?[a-zA-Z0-9\-])+", re.IGNORECASE)
_REASONS = {"hard_bounced": "HardBounce", "complained": "SpamComplaint", "opted_out": "ManualSuppression"}
_STATUS = {401: "10", 404: "701", 500: "100", 429: "429"}
_MOST_METADATA, _LONGEST_NAME, _LONGEST_VALUE = 10, 20, 80
_BOUNCES: dict[DeliveryKind, tuple[str, int, str]] = {
    DeliveryKind.BOUNCED_HARD: ("HardBounce", 1, "Hard bounce"),
    DeliveryKind.BOUNCED_SOFT: ("SoftBounce", 4096, "Soft bounce"),
    DeliveryKind.DEFERRED: ("Transient", 2, "Message delayed"),
}


def error(failure: VendorError) -> JSONResponse:
    """Postmark's shape. What it refuses for its content is 422, with a code of its own."""
    code = failure.code or _STATUS.get(failure.status, "300")
    status = 422 if failure.status == 400 else failure.status  # noqa: PLR2004 - HTTP's number
    return JSONResponse({"ErrorCode": int(code), "Message": failure.message}, status)


def admitted(request: Request, token: str) -> bool:
    return "/_" in request.url.path or request.headers.get("x-postmark-server-token") in (token, TEST_TOKEN)


def authorization(_body: bytes, _at: datetime, username: str = USERNAME, password: str = PASSWORD) -> dict[str, str]:
    """The headers of a webhook: nothing is signed."""
    return {"authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def event(told: Event) -> dict[str, Any]:
    """An event of its webhooks."""
    mail, at = told.mail, f"{told.at:%Y-%m-%dT%H:%M:%S.%f}0Z"
    common = {
        "MessageID": mail.id,
        "ServerID": _SERVER,
        "MessageStream": mail.body.get("MessageStream", STREAM),
        "Metadata": mail.body.get("Metadata", {}),
        "Tag": "",
    }
    return common | _particulars(told, at)


def _particulars(told: Event, at: str) -> dict[str, Any]:
    mail, kind = told.mail, told.kind
    if kind in _BOUNCES or kind is DeliveryKind.COMPLAINED:
        return _bounce(told, at)
    if kind is DeliveryKind.DELIVERED:
        return {"RecordType": "Delivery", "Recipient": mail.to, "DeliveredAt": at, "Details": "250 OK"}
    if kind is DeliveryKind.UNSUBSCRIBED:
        stopped = {"Origin": "Recipient", "SuppressSending": True, "SuppressionReason": "ManualSuppression"}
        return {"RecordType": "SubscriptionChange", "Recipient": mail.to, "ChangedAt": at, **stopped}
    who = {"UserAgent": "Mozilla/5.0", "Platform": "Desktop", "Geo": {"IP": "192.0.2.1"}, "Client": {}, "OS": {}}
    visit = {"Recipient": mail.to, "ReceivedAt": at, **who}
    if kind is DeliveryKind.CLICKED:
        return {"RecordType": "Click", "OriginalLink": "https://www.example.com/", "ClickLocation": "HTML", **visit}
    return {"RecordType": "Open", "FirstOpen": True, **visit}


def _bounce(told: Event, at: str) -> dict[str, Any]:
    complaint = ("SpamComplaint", 512, "Spam complaint")
    type_, number, name = _BOUNCES.get(told.kind, complaint)
    return {
        "RecordType": "SpamComplaint" if type_ == "SpamComplaint" else "Bounce",
        "ID": int(uuid.uuid5(uuid.NAMESPACE_URL, f"{told.mail.id}/{told.number}").hex[:12], 16),
        "Type": type_,
        "TypeCode": number,
        "Name": name,
        "Email": told.mail.to,
        "From": "hello@example.com",
        "BouncedAt": at,
        "Description": f"The mail to {told.mail.to} came back.",
        "Details": f"smtp;550 5.1.1 <{told.mail.to}> unknown",
        "DumpAvailable": False,
        "Inactive": told.kind is not DeliveryKind.DEFERRED,
        "CanActivate": True,
        "Subject": told.mail.subject,
    }


class Postmark:
    """The server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("postmark", Mailer)

    def send(self, body: dict[str, Any], *, test: bool = False) -> dict[str, Any]:
        """Take a mail, or in a test only look at it. Raises ``VendorError``."""
        _check(body)
        unwilling: Unwilling | None = self.held.unwilling.get(body["To"])
        if unwilling is not None:
            message = (
                "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: "
                f"{body['To']}. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a "
                "manual suppression."
            )
            raise VendorError(400, message, code="406")
        mail = SentMail(
            id=str(uuid.uuid4()),
            to=body["To"],
            subject=body.get("Subject", ""),
            reference=joined(body.get("Metadata")),
            at=mailers.now(),
            body=body,
        )
        if not test:
            mailers.taken(self._store, self.held, mail)
        return {"To": mail.to, "SubmittedAt": mail.at, "MessageID": mail.id, "ErrorCode": 0, "Message": "OK"}

    def search(self, params: Mapping[str, str]) -> dict[str, Any]:
        if "count" not in params or "offset" not in params:
            raise VendorError(400, "The parameters 'count' and 'offset' are required.")
        metadata = {name.removeprefix("metadata_"): value for name, value in params.items() if name[:9] == "metadata_"}
        found = [
            mail
            for mail in reversed(self.held.mails)
            if params.get("recipient", mail.to) == mail.to
            and mail.body.get("MessageStream", "outbound") == params.get("messagestream", "outbound")
            and metadata.items() <= mail.body.get("Metadata", {}).items()
        ]
        start = int(params["offset"])
        page = [_summary(mail) for mail in found[start : start + int(params["count"])]]
        return {"TotalCount": len(found), "Messages": page}

    def suppressions(self, fromdate: date | None) -> list[dict[str, Any]]:
        return [
            {
                "EmailAddress": one.email,
                "SuppressionReason": _REASONS[one.reason],
                "Origin": "Recipient",
                "CreatedAt": one.at,
            }
            for one in self.held.unwilling.values()
            if fromdate is None or datetime.fromisoformat(one.at).date() >= fromdate
        ]


def router(store: Store) -> APIRouter:
    account = Postmark(store)
    routes = APIRouter()

    @routes.post("/email")
    async def send(body: dict[str, Any], request: Request) -> dict[str, Any]:
        return account.send(body, test=request.headers.get("x-postmark-server-token") == TEST_TOKEN)

    @routes.get("/messages/outbound")
    async def search(request: Request) -> dict[str, Any]:
        return account.search(request.query_params)

    @routes.get("/message-streams/{stream}/suppressions/dump")
    async def suppressions(stream: str, fromdate: date | None = None) -> dict[str, Any]:
        _known(stream)
        return {"Suppressions": account.suppressions(fromdate)}

    @routes.get("/message-streams/{stream}")
    async def one_stream(stream: str) -> dict[str, Any]:
        _known(stream)
        return _STREAM

    @routes.get("/server")
    async def server() -> dict[str, Any]:
        return {"ID": _SERVER, "Name": "Sandbox", "DeliveryType": "Live", "TrackOpens": False, "TrackLinks": "None"}

    routes.include_router(mailers.telling(store, account.held, Teller(_bodies, authorization)))
    return routes


_STREAM = {
    "ID": STREAM,
    "ServerID": _SERVER,
    "Name": "Broadcasts",
    "Description": None,
    "MessageStreamType": "Broadcasts",
    "CreatedAt": "2026-01-01T00:00:00-05:00",
    "UpdatedAt": None,
    "ArchivedAt": None,
    "ExpectedPurgeDate": None,
    "SubscriptionManagementConfiguration": {"UnsubscribeHandlingType": "Custom"},
}


def _bodies(events: list[Event]) -> list[bytes]:
    """One request an event."""
    return [json.dumps(event(told)).encode() for told in events]


def _known(stream: str) -> None:
    if stream != STREAM:
        raise VendorError(404, "The message stream could not be found.", code="1226")


def _check(body: dict[str, Any]) -> None:
    """Raises ``VendorError`` for what Postmark would refuse."""
    if not _ADDRESS.fullmatch(body["To"]) or "." not in body["To"].rpartition("@")[2]:
        raise VendorError(400, f"Error parsing 'To': Illegal email address '{body['To']}'.", code="300")
    if not mailers.verified(body["From"].rstrip(">")):
        raise VendorError(400, "The 'From' address you supplied is not a Sender Signature on your account.", code="400")
    if not (body.get("TextBody") or body.get("HtmlBody")):
        raise VendorError(400, "Provide either email TextBody or HtmlBody or both.", code="300")
    metadata: dict[str, str] = body.get("Metadata", {})
    too_long = [name for name, value in metadata.items() if len(name) > _LONGEST_NAME or len(value) > _LONGEST_VALUE]
    if too_long or len(metadata) > _MOST_METADATA:
        raise VendorError(400, "The metadata is too long.", code="300")
    if body.get("MessageStream", "outbound") not in (STREAM, "outbound"):
        raise VendorError(400, "The 'MessageStream' provided does not exist on this server.", code="1235")


def _summary(mail: SentMail) -> dict[str, Any]:
    return {
        "Tag": "",
        "MessageID": mail.id,
        "MessageStream": mail.body.get("MessageStream", "outbound"),
        "To": [{"Email": mail.to, "Name": None}],
        "Cc": [],
        "Bcc": [],
        "Recipients": [mail.to],
        "ReceivedAt": mail.at,
        "From": mail.body["From"],
        "Subject": mail.subject,
        "Attachments": [],
        "Status": "Sent",
        "TrackOpens": mail.body.get("TrackOpens", False),
        "TrackLinks": mail.body.get("TrackLinks", "None"),
        "Metadata": mail.body.get("Metadata", {}),
        "Sandboxed": False,
    }


STAND_IN = StandIn(
    vendor="postmark",
    router=router,
    error=error,
    admitted=admitted,
    unauthorized="Request does not contain a valid Server token.",
    shown=lambda store: mailers.shown(store.of("postmark", Mailer)),
)
