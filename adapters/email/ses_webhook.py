"""What Amazon SES tells: event publishing by a configuration set, through an SNS topic, to us over HTTPS.

==============================================  ==================
event                                           told as
==============================================  ==================
Delivery, DeliveryDelay                         delivered, deferred
Bounce, Permanent                               bounced_hard
Bounce, Permanent, UnsubscribedRecipient        unsubscribed
Bounce, Transient or Undetermined               bounced_soft
Reject                                          bounced_soft: SES found a virus and did not send it
Complaint, Open, Click                          complained, opened, clicked
Subscription                                    unsubscribed, from everything
Send, Rendering Failure                         nothing
==============================================  ==================

Shapes: docs.aws.amazon.com/ses, Contents of event data that Amazon SES publishes to Amazon SNS. The notifications of an
identity (``notificationType``) are read too; they have no tags, and are known by SES's id of the mail. Who SNS is:
``adapters.email.sns``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.email.about import about
from adapters.email.sns import Sns, SnsMessage
from adapters.inbound import Delivery, InboundRequest, Reply, Told, Unreadable
from adapters.inbound_json import instant, parsed_object, part, text, text_or
from domain.trust import Visit
from domain.words import DeliveryKind

#: The message tag that holds the touch's reference.
TOUCH = "tendril_touch"
#: What an event is called, and the object that says more of it.
_PARTS = {
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Reject": "reject",
    "Open": "open",
    "Click": "click",
    "Subscription": "subscription",
}
_KINDS = {
    "Delivery": DeliveryKind.DELIVERED,
    "DeliveryDelay": DeliveryKind.DEFERRED,
    "Complaint": DeliveryKind.COMPLAINED,
    "Reject": DeliveryKind.BOUNCED_SOFT,
    "Open": DeliveryKind.OPENED,
    "Click": DeliveryKind.CLICKED,
    "Subscription": DeliveryKind.UNSUBSCRIBED,
}
_DETAILS = ("bounceSubType", "delayType", "complaintFeedbackType", "complaintSubType")
_WORD = re.compile(r"[\w.:-]{1,40}", re.ASCII)


class SesInbound:
    """``adapters.inbound.Inbound`` for SES. ``sns_url`` and ``fetch`` are those of ``Sns``."""

    vendor = "ses"

    def __init__(self, topic_arn: str, sns_url: str = "", fetch: Callable[[str], bytes] | None = None) -> None:
        self._sns = Sns(topic_arn, sns_url, fetch)

    def verify(self, request: InboundRequest) -> None:
        """Raises ``Forged``; a ``TransientFault`` when SNS's certificate can't be fetched, and SNS comes again."""
        self._sns.verify(request.body, request.at)

    def read(self, request: InboundRequest) -> list[Told]:
        """What the event tells, if anything. Raises ``ValueError`` when the body is no message of SNS."""
        message = SnsMessage.read(request.body)
        # SES greets a new topic in plain words.
        if message.type != "Notification" or not message.message.startswith("{"):
            return []
        event = parsed_object(message.message.encode())
        try:
            return list(_told(event))
        except ValueError as problem:
            return [Unreadable(event, f"an event of SES: {problem}")]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        """Confirms a new subscription to the topic; when that fails SNS asks again."""
        message = SnsMessage.read(request.body)
        if message.type != "SubscriptionConfirmation":
            return Reply()
        return Reply() if await self._sns.confirm(message) else Reply(status=503)


def _told(event: Mapping[str, Any]) -> Iterator[Delivery]:
    what = text_or(event, "eventType") or text(event, "notificationType")
    if what not in _PARTS:
        return
    more, mail = part(event, _PARTS[what]), part(event, "mail")
    if what == "Subscription" and part(more, "newTopicPreferences").get("unsubscribeAll") is not True:
        return
    kind = _bounce(more) if what == "Bounce" else _KINDS[what]
    at = instant(mail if what == "Reject" else more, "timestamp")
    vendor_id = text(mail, "messageId")
    tags = part(mail, "tags").get(TOUCH)
    reference = tags[0] if isinstance(tags, list) and tags else None
    seen = kind in (DeliveryKind.OPENED, DeliveryKind.CLICKED)
    for number, email in enumerate(_emails(what, more, mail)):
        yield Delivery(
            id=f"{vendor_id}:{what}:{at.isoformat()}" + (f":{number}" if number else ""),
            about=about(kind, reference, vendor_id, email),
            kind=kind,
            at=at,
            detail=_detail(what, more),
            visit=_visit(more, at) if seen else None,
            url=text_or(more, "link") if kind is DeliveryKind.CLICKED else "",
        )


def _bounce(bounce: Mapping[str, Any]) -> DeliveryKind:
    """Automatic answers count as Transient too, and say nothing of the address."""
    if text(bounce, "bounceType") != "Permanent":
        return DeliveryKind.BOUNCED_SOFT
    left = text_or(bounce, "bounceSubType") == "UnsubscribedRecipient"
    return DeliveryKind.UNSUBSCRIBED if left else DeliveryKind.BOUNCED_HARD


def _emails(what: str, more: Mapping[str, Any], mail: Mapping[str, Any]) -> list[str]:
    """Whom it is about: at least one, "" where that can't be said. Our mails have one recipient, others' may have more.

    Of a complaint SES names all who may have complained: of several, nobody is taken for the one.
    """
    named = _addresses(more.get("bouncedRecipients" if what == "Bounce" else "complainedRecipients"))
    found = named or [one for one in _list(mail.get("destination")) if isinstance(one, str)]
    return found if found and (what == "Bounce" or len(found) == 1) else [""]


def _addresses(recipients: Any) -> list[str]:
    return [text_or(one, "emailAddress") for one in _list(recipients) if isinstance(one, dict)]


def _detail(what: str, more: Mapping[str, Any]) -> str:
    """SES's own words for it, and the receiver's enhanced code."""
    recipients = _list(more.get("bouncedRecipients")) or _list(more.get("delayedRecipients"))
    code = text_or(recipients[0], "status") if recipients and isinstance(recipients[0], dict) else ""
    words = [text_or(more, name) for name in _DETAILS] + [code, "Reject" if what == "Reject" else ""]
    return " ".join(word for word in words if _WORD.fullmatch(word))[:60]


def _visit(more: Mapping[str, Any], at: datetime) -> Visit:
    return Visit(at=at, agent=text_or(more, "userAgent"), address=text_or(more, "ipAddress"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
