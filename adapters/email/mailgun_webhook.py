"""Mailgun's webhooks: one event a request, signed beside what it tells.

=====================================  ==================
event                                  told as
=====================================  ==================
delivered                              delivered
failed, temporary                      deferred: Mailgun tries again
failed for good, a hard bounce         bounced_hard
failed for good, anything else         bounced_soft: policy, a full mailbox, given up
failed, suppress-complaint             complained
failed, suppress-unsubscribe           unsubscribed
rejected                               bounced_soft: Mailgun itself would not send it
complained, unsubscribed               the same
opened, clicked                        the same, with who it was
=====================================  ==================

The signature (documentation.mailgun.com, Securing Webhooks) is HMAC-SHA256 of timestamp and token. It does not cover
the event: whoever saw one request could send others under its signature. So each token is taken with one body only,
for as long as its timestamp is good; that is known to one process. Mailgun comes again for up to eight hours after the
first attempt (help.mailgun.com, Webhooks), which is how old a timestamp may be. Event ids are unique within a day (user
manual, Event Structure).
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, ValidationError

from adapters.email.about import about
from adapters.inbound import About, Delivery, Forged, InboundRequest, Reply, Told, Unreadable
from domain.trust import Visit
from domain.words import DeliveryKind

#: The user variable that holds the touch's reference.
TOUCH = "tendril_touch"
#: The last of Mailgun's attempts comes 8 h 5 min after the first.
_OLDEST = timedelta(hours=9)
_AHEAD = timedelta(minutes=5)
#: Tokens remembered at most: 9 hours of six events a second.
_TOKENS = 200_000
_KINDS = {
    "delivered": DeliveryKind.DELIVERED,
    "rejected": DeliveryKind.BOUNCED_SOFT,
    "complained": DeliveryKind.COMPLAINED,
    "unsubscribed": DeliveryKind.UNSUBSCRIBED,
    "opened": DeliveryKind.OPENED,
    "clicked": DeliveryKind.CLICKED,
}
#: Why Mailgun did not even try, although it was asked to.
_KEPT_BACK = {
    "suppress-bounce": DeliveryKind.BOUNCED_HARD,
    "suppress-complaint": DeliveryKind.COMPLAINED,
    "suppress-unsubscribe": DeliveryKind.UNSUBSCRIBED,
}
_WORD = re.compile(r"[\w.:-]{1,60}", re.ASCII)


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=lambda name: name.replace("_", "-")))


class _Signature(_Part):
    token: str = Field(min_length=1)
    timestamp: str | int
    signature: str
    parent_signature: str = ""


class _Signed(_Part):
    signature: dict[str, Any]


class _Status(_Part):
    code: int | str | None = None
    enhanced_code: str | None = None
    bounce_type: str | None = None


class _Client(_Part):
    user_agent: str | None = None
    ip: str | None = None


class _Headers(_Part):
    message_id: str = ""


class _Message(_Part):
    headers: _Headers | None = None


class _Event(_Part):
    id: str = Field(min_length=1)
    event: str
    timestamp: float = Field(gt=0, lt=1e11, allow_inf_nan=False)
    recipient: str = ""
    severity: str = ""
    reason: str = ""
    url: str = ""
    ip: str = ""
    user_variables: Any = None
    delivery_status: _Status | None = None
    client_info: _Client | None = None
    message: _Message | None = None


class _Body(_Part):
    event_data: dict[str, Any]


class MailgunSignature:
    """Signatures by one key, each token with one body only."""

    def __init__(self, signing_key: str) -> None:
        self._key = signing_key.encode()
        self._taken: OrderedDict[str, bytes] = OrderedDict()

    def verify(self, given: Mapping[str, Any], request: InboundRequest) -> None:
        """``given`` are the fields of the signature. Raises ``Forged``."""
        try:
            self._verify(_Signature.model_validate(given), request)
        except ValidationError:
            raise Forged("the signature is missing") from None

    def _verify(self, given: _Signature, request: InboundRequest) -> None:
        _recent(given.timestamp, request.at)
        right = hmac.digest(self._key, f"{given.timestamp}{given.token}".encode(), "sha256").hex().encode()
        offered = (given.signature.encode(), given.parent_signature.encode())
        if not any(hmac.compare_digest(right, one) for one in offered):
            raise Forged("the signature is not made with this signing key")
        self._take(given.token, hashlib.sha256(request.body).digest())

    def _take(self, token: str, digest: bytes) -> None:
        if self._taken.setdefault(token, digest) != digest:
            raise Forged("the token was used before, with another event")
        if len(self._taken) > _TOKENS:
            self._taken.popitem(last=False)


class MailgunInbound:
    """``adapters.inbound.Inbound`` for Mailgun."""

    vendor = "mailgun"

    def __init__(self, signing_key: str) -> None:
        self._signature = MailgunSignature(signing_key)

    def verify(self, request: InboundRequest) -> None:
        """Raises ``Forged``. A subaccount's event is taken by the signature of the account above it too."""
        try:
            given = _Signed.model_validate_json(request.body).signature
        except ValidationError:
            raise Forged("the signature is missing") from None
        self._signature.verify(given, request)

    def read(self, request: InboundRequest) -> list[Told]:
        """What the event tells, if anything. Raises ``ValueError`` when the body is not Mailgun's."""
        try:
            data = _Body.model_validate_json(request.body).event_data
        except ValidationError:
            raise ValueError("the body has no event-data") from None
        if str(data.get("event")) not in {*_KINDS, "failed"}:
            return []
        try:
            return [_told(_Event.model_validate(data))]
        except ValidationError as problem:
            lacking = {str(error["loc"][0]) for error in problem.errors()}
            return [Unreadable(data, f"an event without what it should have: {', '.join(sorted(lacking))}")]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def _recent(timestamp: str | int, now: datetime) -> None:
    try:
        age = int(now.timestamp()) - int(timestamp)
    except ValueError:
        raise Forged("the timestamp is none") from None
    if not -_AHEAD.total_seconds() <= age <= _OLDEST.total_seconds():
        raise Forged("the timestamp is too far from now")


def _told(event: _Event) -> Delivery:
    kind = _kind(event)
    at = datetime.fromtimestamp(event.timestamp, UTC)
    seen = kind in (DeliveryKind.OPENED, DeliveryKind.CLICKED)
    return Delivery(
        id=f"{event.id}:{event.timestamp:.3f}",
        about=_about(event, kind),
        kind=kind,
        at=at,
        detail=_detail(event),
        visit=_visit(event, at) if seen else None,
        url=event.url if kind is DeliveryKind.CLICKED else "",
    )


def _kind(event: _Event) -> DeliveryKind:
    if event.event != "failed":
        return _KINDS[event.event]
    if event.severity == "temporary":
        return DeliveryKind.DEFERRED
    if event.reason in _KEPT_BACK:
        return _KEPT_BACK[event.reason]
    bounce = event.delivery_status.bounce_type if event.delivery_status else None
    hard = bounce == "hard" if bounce else event.reason == "bounce"
    return DeliveryKind.BOUNCED_HARD if hard else DeliveryKind.BOUNCED_SOFT


def _about(event: _Event, kind: DeliveryKind) -> About:
    variables = event.user_variables if isinstance(event.user_variables, dict) else {}
    headers = event.message.headers if event.message else None
    vendor_id = headers.message_id.strip("<>") if headers else ""
    return about(kind, variables.get(TOUCH), vendor_id, event.recipient)


def _detail(event: _Event) -> str:
    status = event.delivery_status or _Status()
    code = status.enhanced_code or str(status.code or "")
    found = [word for word in (event.reason, code) if _WORD.fullmatch(word)]
    return " ".join(found)[:60] if event.event in ("failed", "rejected") else ""


def _visit(event: _Event, at: datetime) -> Visit:
    client = event.client_info or _Client()
    return Visit(at=at, agent=client.user_agent or "", address=event.ip or client.ip or "")
