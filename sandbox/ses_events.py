"""What SES publishes of a mail, as messages of an SNS topic, signed as SNS signs; and SNS's own few paths.

Shapes: docs.aws.amazon.com/ses, Examples of event data that Amazon SES publishes to Amazon SNS.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from domain.words import DeliveryKind
from sandbox.answers import VendorError
from sandbox.mailers import Event

TOPIC = "arn:aws:sns:eu-west-1:123456789012:tendril-mail"
#: The message tag that Tendril puts a touch's reference in.
TAG = "tendril_touch"
CERTIFICATE_URL = f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem"
DESTINATION = {
    "Name": "tendril",
    "Enabled": True,
    "MatchingEventTypes": ["DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT"],
    "SnsDestination": {"TopicArn": TOPIC},
}
_SEEN = {
    "ipAddress": "192.0.2.7",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
_LEFT = {"unsubscribeAll": True, "topicSubscriptionStatus": []}
#: Kind → event, the object's name and what is in it beside the time and the recipients.
_SHAPES: Mapping[DeliveryKind, tuple[str, str, dict[str, Any]]] = {
    DeliveryKind.DELIVERED: ("Delivery", "delivery", {"smtpResponse": "250 2.6.0 OK", "processingTimeMillis": 500}),
    DeliveryKind.DEFERRED: ("DeliveryDelay", "deliveryDelay", {"delayType": "TransientCommunicationFailure"}),
    DeliveryKind.BOUNCED_HARD: ("Bounce", "bounce", {"bounceType": "Permanent", "bounceSubType": "General"}),
    DeliveryKind.BOUNCED_SOFT: ("Bounce", "bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}),
    DeliveryKind.COMPLAINED: ("Complaint", "complaint", {"complaintFeedbackType": "abuse", "feedbackId": "0100"}),
    DeliveryKind.OPENED: ("Open", "open", _SEEN),
    DeliveryKind.CLICKED: ("Click", "click", {**_SEEN, "link": "https://www.example.com/pricing", "linkTags": None}),
    DeliveryKind.UNSUBSCRIBED: ("Subscription", "subscription", {"source": "List", "newTopicPreferences": _LEFT}),
}
_RECIPIENTS = {
    DeliveryKind.DELIVERED: "recipients",
    DeliveryKind.DEFERRED: "delayedRecipients",
    DeliveryKind.BOUNCED_HARD: "bouncedRecipients",
    DeliveryKind.BOUNCED_SOFT: "bouncedRecipients",
    DeliveryKind.COMPLAINED: "complainedRecipients",
}
_STATUS = {DeliveryKind.DEFERRED: "4.4.1", DeliveryKind.BOUNCED_HARD: "5.1.1", DeliveryKind.BOUNCED_SOFT: "4.2.2"}


class _Signer(NamedTuple):
    key: rsa.RSAPrivateKey
    certificate: bytes


@cache
def signer() -> _Signer:
    """SNS's key and the certificate of it, for as long as the process runs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return _Signer(key, certificate.public_bytes(serialization.Encoding.PEM))


def event(happened: Event) -> dict[str, Any]:
    """What SES publishes of it. Raises ``VendorError`` for a kind that it never does."""
    if happened.kind not in _SHAPES:
        raise VendorError(400, f"SES never tells that a mail was {happened.kind}")
    mail, at = happened.mail, _time(happened.at)
    name, part, more = _SHAPES[happened.kind]
    status = {"status": _STATUS[happened.kind], "action": "failed"} if happened.kind in _STATUS else {}
    recipient = mail.to if happened.kind is DeliveryKind.DELIVERED else {"emailAddress": mail.to, **status}
    named = {_RECIPIENTS[happened.kind]: [recipient]} if happened.kind in _RECIPIENTS else {}
    tags = {tag["Name"]: [tag["Value"]] for tag in mail.body.get("EmailTags", [])}
    about = {
        "timestamp": _time(datetime.fromisoformat(mail.at)),
        "messageId": mail.id,
        "destination": [mail.to],
        "headersTruncated": False,
        "tags": {"ses:configuration-set": ["tendril"], **tags},
    }
    return {"eventType": name, "mail": about, part: {"timestamp": at, **more, **named}}


def notification(data: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """A message of the topic, not signed yet: the same data has the same id. SES ends it with a line break."""
    message = json.dumps(data) + "\n"
    return {
        "Type": "Notification",
        "MessageId": hashlib.sha256(message.encode()).hexdigest()[:32],
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": _time(at),
    }


def confirmation(at: datetime) -> dict[str, Any]:
    """SNS asks whether the topic's messages are wanted here; its text is of two lines, as SNS's own is."""
    token = "2336412f37fb687f5d51e6e2425e"  # noqa: S105 - what SNS calls its word for it
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": token,
        "TopicArn": TOPIC,
        "Message": f"Messages of {TOPIC} are to be told here.\nCall the SubscribeURL to say that they are wanted.",
        "SubscribeURL": url,
        "Timestamp": _time(at),
    }


def signed(message: Mapping[str, Any], version: str = "2", key: rsa.RSAPrivateKey | None = None) -> bytes:
    """The message with SNS's signature: a request's body."""
    named = sorted(message)
    text = "".join(f"{name}\n{message[name]}\n" for name in named)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    signature = (key or signer().key).sign(text.encode(), padding.PKCS1v15(), algorithm)
    given = {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}
    return json.dumps({**message, **given, "SigningCertURL": CERTIFICATE_URL}).encode()


def bodies(events: list[Event]) -> list[bytes]:
    return [signed(notification(event(happened), datetime.now(UTC))) for happened in events]


def headers(body: bytes, _at: datetime) -> Mapping[str, str]:
    message = json.loads(body)
    given = {"x-amz-sns-message-type": message["Type"], "x-amz-sns-topic-arn": message["TopicArn"]}
    return {**given, "content-type": "text/plain; charset=UTF-8"}


def router() -> APIRouter:
    """SNS as far as a subscriber sees it, below ``/sns``."""
    routes = APIRouter(prefix="/sns")

    @routes.get("/", response_class=PlainTextResponse)
    async def confirm(
        action: Annotated[str, Query(alias="Action")],
        topic: Annotated[str, Query(alias="TopicArn")],
        token: Annotated[str, Query(alias="Token")],
    ) -> str:
        if (action, topic) != ("ConfirmSubscription", TOPIC) or not token:
            raise VendorError(400, "Invalid token", code="InvalidParameter")
        return "<ConfirmSubscriptionResponse/>"

    @routes.get("/{name}.pem", response_class=PlainTextResponse)
    async def certificate(name: str) -> str:
        if not CERTIFICATE_URL.endswith(f"/{name}.pem"):
            raise VendorError(403, "Forbidden")
        return signer().certificate.decode()

    return routes


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
