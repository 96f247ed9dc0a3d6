"""Events of Amazon SES as messages of SNS, about invented mail."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.email.carrier import reference
from adapters.email.ses_webhook import SesInbound
from adapters.inbound import InboundRequest
from domain.words import DeliveryKind
from sandbox import ses_events
from sandbox.mailers import Event, SentMail
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW
from tests.adapters.mails import KEY


def inbound(**given) -> SesInbound:
    return SesInbound(ses_events.TOPIC, **({"fetch": lambda _url: ses_events.signer().certificate} | given))


def event(kind: DeliveryKind, *, number: int = 1, at: datetime = HAPPENED, key: str = KEY) -> Any:
    """About mail of ours; without ``key`` about somebody else's of the same account."""
    ours = reference(key) if key else "summer-sale"
    body = {"EmailTags": [{"Name": "tendril_touch", "Value": ours}]}
    sent = SentMail(id=f"0100-{number}", to=ADDRESS, subject="A guide", reference=ours, at=at.isoformat(), body=body)
    return json.loads(json.dumps(ses_events.event(Event(sent, kind, at, number))))


def request(event: Any) -> InboundRequest:
    return InboundRequest(ses_events.signed(ses_events.notification(event, NOW)), {}, NOW)


def changed(request: InboundRequest, change) -> InboundRequest:
    """The request with its message changed after it was signed."""
    message = json.loads(request.body)
    change(message)
    return replace(request, body=json.dumps(message).encode())
