"""What SendGrid tells by its Event Webhook: several events a request, signed with ECDSA.

Sources (twilio.com/docs/sendgrid, read in November 2026): "Getting Started with the Event Webhook Security Features"
for the signature, P-256 and SHA-256 over the timestamp header and the raw body; "Event Webhook Reference" for events.

==========================  ==================================================================
event                       becomes
==========================  ==================================================================
delivered, deferred         the same
bounce                      hard; soft when ``type`` is blocked, the status is 4.x.x, or the mailbox full (x.2.2)
dropped                     by its reason: what SendGrid's list says of the address, else soft
spamreport                  complained
unsubscribe, group_…        unsubscribed
open, click                 opened, clicked, with who did it; ``sg_machine_open`` is said to be a fetch ahead
processed and all others    nothing
==========================  ==================================================================
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from adapters.email.about import about
from adapters.inbound import Delivery, Forged, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import parsed_list, seconds, text, text_or
from domain.errors import Refused
from domain.trust import Visit
from domain.words import DeliveryKind

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
#: The custom argument that holds the touch's reference, in requests, events and logs.
TOUCH = "tendril_touch"
#: SendGrid names no tolerance; this is that of Standard Webhooks, both ways.
TOLERANCE = timedelta(minutes=5)

_KINDS = {
    "delivered": DeliveryKind.DELIVERED,
    "deferred": DeliveryKind.DEFERRED,
    "bounce": DeliveryKind.BOUNCED_HARD,
    "dropped": DeliveryKind.BOUNCED_SOFT,
    "spamreport": DeliveryKind.COMPLAINED,
    "unsubscribe": DeliveryKind.UNSUBSCRIBED,
    "group_unsubscribe": DeliveryKind.UNSUBSCRIBED,
    "open": DeliveryKind.OPENED,
    "click": DeliveryKind.CLICKED,
}
#: Why SendGrid drops a mail, in lower case: each is what an earlier mail taught it of the address.
_DROPPED = {
    "bounced address": DeliveryKind.BOUNCED_HARD,
    "invalid": DeliveryKind.BOUNCED_HARD,
    "spam reporting address": DeliveryKind.COMPLAINED,
    "unsubscribed address": DeliveryKind.UNSUBSCRIBED,
}
_VISITS = (DeliveryKind.OPENED, DeliveryKind.CLICKED)


class SendGridInbound:
    """``adapters.inbound.Inbound``. ``public_key`` is base64 of its DER, as SendGrid's settings show it.

    Raises ``Refused`` when it is no such key.
    """

    vendor = "sendgrid"

    def __init__(self, public_key: str) -> None:
        self._key = _public_key(public_key)

    def verify(self, request: InboundRequest) -> None:
        timestamp, signature = (request.headers.get(name, "") for name in (TIMESTAMP, SIGNATURE))
        if not (timestamp and signature):
            raise Forged("the signature or its time is missing")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - until 33658
            raise Forged("the time of the signature is none")
        try:
            signed = base64.b64decode(signature, validate=True)
            self._key.verify(signed, timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            raise Forged("the signature does not match") from None
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise Forged("the request was signed at another time")

    def read(self, request: InboundRequest) -> list[Told]:
        return [told for event in parsed_list(request.body) if (told := _told(event)) is not None]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def _public_key(written: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(written, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused(
            "TENDRIL_SENDGRID_WEBHOOK_PUBLIC_KEY is no public key of SendGrid's.",
            "Copy the verification key from Settings, Mail Settings, Event Webhooks, Security features.",
        )
    return key


def _told(event: Any) -> Told | None:
    if not isinstance(event, dict):
        return Unreadable({}, "an event is no JSON object")
    try:
        return _delivery(event) if text(event, "event") in _KINDS else None
    except ValueError as why:
        return Unreadable(event, str(why))


def _delivery(event: Mapping[str, Any]) -> Delivery:
    kind = _kind(event)
    return Delivery(
        id=text(event, "sg_event_id"),
        about=about(kind, event.get(TOUCH), text_or(event, "sg_message_id").partition(".")[0], text_or(event, "email")),
        kind=kind,
        at=seconds(event, "timestamp"),
        detail=_detail(event),
        visit=_visit(event) if kind in _VISITS else None,
        url=text_or(event, "url") if kind is DeliveryKind.CLICKED else "",
    )


def _kind(event: Mapping[str, Any]) -> DeliveryKind:
    kind = _KINDS[event["event"]]
    if kind is DeliveryKind.BOUNCED_HARD:
        status = text_or(event, "status")
        passing = event.get("type") == "blocked" or status.startswith("4.") or status.endswith(".2.2")
        return DeliveryKind.BOUNCED_SOFT if passing else kind
    if event["event"] == "dropped":
        return _DROPPED.get(text_or(event, "reason").lower(), kind)
    return kind


def _detail(event: Mapping[str, Any]) -> str:
    """A status code or SendGrid's own class; what servers say in words quotes addresses."""
    if event["event"] == "dropped":
        return "dropped"
    status = text_or(event, "status")
    if status.replace(".", "").isdigit() and len(status) <= 11:  # noqa: PLR2004 - "5.123.456"
        return status
    classes = (text_or(event, "type"), text_or(event, "bounce_classification"))
    return next((word.lower() for word in classes if word.replace(" ", "").isalpha() and len(word) <= 40), "")  # noqa: PLR2004


def _visit(event: Mapping[str, Any]) -> Visit:
    return Visit(
        at=seconds(event, "timestamp"),
        agent=text_or(event, "useragent"),
        address=text_or(event, "ip"),
        purpose="prefetch" if event.get("sg_machine_open") is True else "",
    )
