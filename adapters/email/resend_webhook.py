"""What Resend tells by its webhooks: one event a request, signed by Svix.

Sources (November 2026): Resend's OpenAPI document 1.5.0, "Webhook Events", for the events; docs.svix.com, "Verifying
webhooks manually", for the signature: HMAC-SHA256 over ``svix-id``, ``svix-timestamp`` and the raw body, with dots
between; five minutes of tolerance; several signatures while a secret is being changed. ``svix-id`` is the event's, and
stays the same when it is told again.

=======================  ======================================================================
event                    becomes
=======================  ======================================================================
email.delivered          delivered
email.delivery_delayed   deferred
email.bounced            hard when permanent, unless the mailbox is full; else soft
email.suppressed         what an earlier mail taught of the address: hard bounced or complained
email.failed             bounced, soft: it never left, for a reason of ours or theirs
email.complained         complained
email.opened, .clicked   opened, clicked; of an opening it is not told who it was
all others               nothing
=======================  ======================================================================
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.email.about import about
from adapters.inbound import Delivery, Forged, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import instant, parsed_object, part, text, text_or
from domain.errors import Refused
from domain.trust import Visit
from domain.words import DeliveryKind

#: The tag of the touch's reference.
TOUCH = "tendril_touch"
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_LONGEST_TIME = 12

_KINDS = {
    "email.delivered": DeliveryKind.DELIVERED,
    "email.delivery_delayed": DeliveryKind.DEFERRED,
    "email.bounced": DeliveryKind.BOUNCED_SOFT,
    "email.suppressed": DeliveryKind.BOUNCED_SOFT,
    "email.failed": DeliveryKind.BOUNCED_SOFT,
    "email.complained": DeliveryKind.COMPLAINED,
    "email.opened": DeliveryKind.OPENED,
    "email.clicked": DeliveryKind.CLICKED,
}
_SUPPRESSED = {
    "previous_bounce": DeliveryKind.BOUNCED_HARD,
    "previous_complaint": DeliveryKind.COMPLAINED,
}


class ResendInbound:
    """``adapters.inbound.Inbound``. Raises ``Refused`` when the secret is none of Svix's."""

    vendor = "resend"
    named_by = "svix-id"

    def __init__(self, secret: str) -> None:
        self._secret = _bytes_of(secret)

    def verify(self, request: InboundRequest) -> None:
        named = [request.headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")]
        if not all(named):
            raise Forged("the id, the time or the signature is missing")
        identity, timestamp, signatures = named
        signed = b".".join((identity.encode(), timestamp.encode(), request.body))
        expected = b"v1," + base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256))
        if not any(hmac.compare_digest(given.encode(), expected) for given in signatures.split(" ")):
            raise Forged("the signature does not match")
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _LONGEST_TIME:
            raise Forged("the time of the signature is none")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Forged("the request was signed at another time")

    def read(self, request: InboundRequest) -> list[Told]:
        event = parsed_object(request.body)
        kind = _KINDS.get(text(event, "type"))
        if kind is None:
            return []
        identity = text(request.headers, self.named_by)
        try:
            return [_delivery(identity, kind, event)]
        except ValueError as why:
            return [Unreadable(event, str(why))]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def _bytes_of(secret: str) -> bytes:
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise Refused(
            "TENDRIL_RESEND_WEBHOOK_SECRET is no signing secret of Resend's.",
            "Copy it from the webhook's page: whsec_ and base64.",
        )
    return found


def _delivery(identity: str, kind: DeliveryKind, event: Mapping[str, Any]) -> Delivery:
    data = part(event, "data")
    kind, detail = _closer(kind, data)
    to = data.get("to")
    email = to[0] if isinstance(to, list) and to and isinstance(to[0], str) and to[0].isprintable() else ""
    at = _when(kind, event, data)
    return Delivery(
        id=identity,
        about=about(kind, part(data, "tags").get(TOUCH), text(data, "email_id"), email),
        kind=kind,
        at=at,
        detail=detail,
        visit=_visit(at, data) if kind is DeliveryKind.CLICKED else None,
        url=text_or(part(data, "click"), "link") if kind is DeliveryKind.CLICKED else "",
    )


def _closer(kind: DeliveryKind, data: Mapping[str, Any]) -> tuple[DeliveryKind, str]:
    """What the particulars of a failure make of it, and its class as the detail."""
    bounce, suppressed, failed = (part(data, name) for name in ("bounce", "suppressed", "failed"))
    if kind is not DeliveryKind.BOUNCED_SOFT:
        return kind, ""
    if bounce:
        type_, sub_type = (_word(bounce, name) for name in ("type", "subType"))
        hard = type_ == "Permanent" and sub_type != "MailboxFull"
        return DeliveryKind.BOUNCED_HARD if hard else kind, f"{type_} {sub_type}".strip()
    reason = _word(suppressed, "reason")
    return _SUPPRESSED.get(reason, kind), reason or _word(failed, "reason")


def _word(particulars: Mapping[str, Any], name: str) -> str:
    """A class or a code; "" when it is prose, which could quote an address."""
    word = text_or(particulars, name)
    return word if word.replace("_", "").isalnum() and len(word) <= 29 else ""  # noqa: PLR2004 - two make a detail


def _when(kind: DeliveryKind, event: Mapping[str, Any], data: Mapping[str, Any]) -> datetime:
    """A click says when it was; the event when it was told."""
    click = part(data, "click")
    return instant(click, "timestamp") if kind is DeliveryKind.CLICKED and click else instant(event, "created_at")


def _visit(at: datetime, data: Mapping[str, Any]) -> Visit:
    who = part(data, "click")
    return Visit(at=at, agent=text_or(who, "userAgent"), address=text_or(who, "ipAddress"))
