"""What Brevo tells by its transactional webhooks: one event a request, authenticated by a name and a password.

Sources (developers.brevo.com, read in November 2026): "Transactional webhooks" for events, "Secured webhook calls" for
basic authentication: nothing is signed. An event has no id of its own (``id`` is the webhook's); the same one has the
same mail, time and link.

===========================  ==========================================
event                        becomes
===========================  ==========================================
delivered, deferred          the same
hard_bounce, invalid_email   bounced, hard
soft_bounce, blocked, error  bounced, soft
spam, unsubscribed           complained, unsubscribed
opened, click                opened, clicked
unique_opened and all else   nothing: told by ``opened``, or a machine's
===========================  ==========================================
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from adapters.email.about import about
from adapters.email.postmark_webhook import PostmarkInbound
from adapters.inbound import Delivery, InboundRequest, Told, Unreadable
from adapters.inbound_json import parsed_object, seconds, text, text_or
from domain.trust import Visit
from domain.words import DeliveryKind

_KINDS = {
    "delivered": DeliveryKind.DELIVERED,
    "deferred": DeliveryKind.DEFERRED,
    "hard_bounce": DeliveryKind.BOUNCED_HARD,
    "invalid_email": DeliveryKind.BOUNCED_HARD,
    "soft_bounce": DeliveryKind.BOUNCED_SOFT,
    "blocked": DeliveryKind.BOUNCED_SOFT,
    "error": DeliveryKind.BOUNCED_SOFT,
    "spam": DeliveryKind.COMPLAINED,
    "unsubscribed": DeliveryKind.UNSUBSCRIBED,
    "opened": DeliveryKind.OPENED,
    "click": DeliveryKind.CLICKED,
}


class BrevoInbound(PostmarkInbound):
    """``adapters.inbound.Inbound``: who calls is known as with Postmark."""

    vendor = "brevo"

    def read(self, request: InboundRequest) -> list[Told]:
        event = parsed_object(request.body)
        name = text(event, "event")
        try:
            return [_delivery(name, event)] if name in _KINDS else []
        except ValueError as why:
            return [Unreadable(event, str(why))]


def _delivery(name: str, event: Mapping[str, Any]) -> Delivery:
    kind, at, link = _KINDS[name], seconds(event, "ts_event"), text_or(event, "link")
    message, tags = text(event, "message-id").strip("<>"), event.get("tags")
    same = f"{message}\n{name}\n{at.isoformat()}\n{link}"
    return Delivery(
        id=hashlib.sha256(same.encode(errors="replace")).hexdigest()[:32],
        about=about(kind, tags[0] if isinstance(tags, list) and tags else None, message, text_or(event, "email")),
        kind=kind,
        at=at,
        detail=name if kind in (DeliveryKind.BOUNCED_HARD, DeliveryKind.BOUNCED_SOFT) else "",
        visit=Visit(at=at, agent=text_or(event, "user_agent")) if kind in _SEEN else None,
        url=link if kind is DeliveryKind.CLICKED else "",
    )


_SEEN = (DeliveryKind.OPENED, DeliveryKind.CLICKED)
