"""What Postmark tells by its webhooks: one event a request, authenticated by a name and a password.

Sources (postmarkapp.com/developer/webhooks and "Bounce types" of its Bounce API, read in November 2026). Postmark signs
nothing: the name and the password stand in the webhook's address and come as HTTP basic authentication ("Webhooks
overview"). So a request that somebody overheard can be repeated; what it tells has the same id and is taken once.

==================  =============================================  =======================
RecordType          Type, reason                                   becomes
==================  =============================================  =======================
Delivery                                                           delivered
Bounce              HardBounce, BadEmailAddress                    bounced, hard
Bounce              Transient, DnsError                            deferred
Bounce              SpamComplaint                                  complained
Bounce              Unsubscribe, ManuallyDeactivated               unsubscribed
Bounce              AutoResponder and what is no bounce            nothing
Bounce              any other                                      bounced, soft
SpamComplaint                                                      complained
SubscriptionChange  ManualSuppression, sending stopped             unsubscribed
SubscriptionChange  any other: a bounce or complaint tells itself  nothing
Open, Click                                                        opened, clicked
==================  =============================================  =======================
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from adapters.email.about import about
from adapters.inbound import Delivery, Forged, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import instant, parsed_object, part, text, text_or
from domain.trust import Visit
from domain.words import DeliveryKind

#: The metadata field of the touch's reference; ``touch2`` and so on hold the rest of a long one.
TOUCH = "touch"

_BOUNCES = {
    "HardBounce": DeliveryKind.BOUNCED_HARD,
    "BadEmailAddress": DeliveryKind.BOUNCED_HARD,
    "Transient": DeliveryKind.DEFERRED,
    "DnsError": DeliveryKind.DEFERRED,
    "SpamComplaint": DeliveryKind.COMPLAINED,
    "Unsubscribe": DeliveryKind.UNSUBSCRIBED,
    "ManuallyDeactivated": DeliveryKind.UNSUBSCRIBED,
}
#: Answers and tests that Postmark files under bounces: the mail arrived, or there was none.
_NO_BOUNCES = frozenset({"AutoResponder", "Subscribe", "AddressChange", "OpenRelayTest", "Unconfirmed", "InboundError"})
#: RecordType → what it is, unless the event itself says; the field of its time; the field of the address.
_RECORDS = {
    "Delivery": (DeliveryKind.DELIVERED, "DeliveredAt", "Recipient"),
    "Bounce": (None, "BouncedAt", "Email"),
    "SpamComplaint": (DeliveryKind.COMPLAINED, "BouncedAt", "Email"),
    "SubscriptionChange": (None, "ChangedAt", "Recipient"),
    "Open": (DeliveryKind.OPENED, "ReceivedAt", "Recipient"),
    "Click": (DeliveryKind.CLICKED, "ReceivedAt", "Recipient"),
}


class PostmarkInbound:
    """``adapters.inbound.Inbound``, for the name and the password of the webhook's address."""

    vendor = "postmark"

    def __init__(self, username: str, password: str) -> None:
        self._expected = b"Basic " + base64.b64encode(f"{username}:{password}".encode())

    def verify(self, request: InboundRequest) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            raise Forged("the name or the password is wrong" if given else "there is no name and password")

    def read(self, request: InboundRequest) -> list[Told]:
        event = parsed_object(request.body)
        record = text(event, "RecordType")
        try:
            told = _delivery(record, event) if record in _RECORDS else None
        except ValueError as why:
            return [Unreadable(event, str(why))]
        return [told] if told else []

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def joined(metadata: Any) -> str:
    """The reference out of its fields; "" when there is none."""
    if not isinstance(metadata, dict):
        return ""
    # Postmark keeps the case of names in some places and not in others.
    fields = {str(name).lower(): value for name, value in metadata.items() if isinstance(value, str)}
    pieces, number = [fields.get(TOUCH, "")], 2
    while (name := f"{TOUCH}{number}") in fields:
        pieces.append(fields[name])
        number += 1
    return "".join(pieces)


def _delivery(record: str, event: Mapping[str, Any]) -> Delivery | None:
    certain, when, whom = _RECORDS[record]
    kind = certain or (_bounce(event) if record == "Bounce" else _change(event))
    if kind is None:
        return None
    at, url = instant(event, when), text_or(event, "OriginalLink")
    visit = Visit(at=at, agent=text_or(event, "UserAgent"), address=text_or(part(event, "Geo"), "IP"))
    return Delivery(
        id=_identity(record, event, when, url),
        about=about(kind, joined(event.get("Metadata")), text_or(event, "MessageID"), text_or(event, whom)),
        kind=kind,
        at=at,
        detail=text_or(event, "Type")[:60] if record == "Bounce" else "",
        visit=visit if kind in (DeliveryKind.OPENED, DeliveryKind.CLICKED) else None,
        url=url if kind is DeliveryKind.CLICKED else "",
    )


def _bounce(event: Mapping[str, Any]) -> DeliveryKind | None:
    type_ = text(event, "Type")
    return None if type_ in _NO_BOUNCES else _BOUNCES.get(type_, DeliveryKind.BOUNCED_SOFT)


def _change(event: Mapping[str, Any]) -> DeliveryKind | None:
    stopped = event.get("SuppressSending") is True and event.get("SuppressionReason") == "ManualSuppression"
    return DeliveryKind.UNSUBSCRIBED if stopped else None


def _identity(record: str, event: Mapping[str, Any], when: str, url: str) -> str:
    """Bounces and complaints have an id of their own; all else is the same when mail, time and link are."""
    own = event.get("ID")
    if isinstance(own, int) and own:
        return f"{record}-{own}"
    same = "\n".join((text(event, "MessageID"), text(event, when), url))
    return f"{record}-{hashlib.sha256(same.encode(errors='replace')).hexdigest()[:32]}"
