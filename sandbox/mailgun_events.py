"""What Mailgun tells of a message: entries of its log, and webhooks signed as Mailgun signs them.

Shapes as in documentation.mailgun.com, Webhook Payloads and Logs.
"""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from email import message_from_string
from typing import Any

from domain.words import DeliveryKind
from sandbox.answers import VendorError
from sandbox.mailers import Event, SentMail

#: Public, like the sandbox.
SIGNING_KEY = "sandbox-signing-key"
#: The user variable that Tendril puts a touch's reference in.
REFERENCE = "v:tendril_touch"
_CLIENT = {
    "client-info": {
        "client-name": "Firefox",
        "client-os": "Linux",
        "client-type": "browser",
        "device-type": "desktop",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "bot": "",
    },
    "ip": "192.0.2.7",
    "geolocation": {"city": "", "country": "", "region": ""},
}
_NO_MAILBOX = {"attempt-no": 1, "bounce-type": "hard", "code": 550, "enhanced-code": "5.1.1", "message": "No such user"}
_FULL = {"attempt-no": 9, "bounce-type": "soft", "code": 552, "enhanced-code": "5.2.2", "message": "Mailbox full"}
_BUSY = {"attempt-no": 1, "code": 451, "message": "Try again later", "retry-seconds": 600}
_FLAGS = ("is-routed", "is-system-test", "is-test-mode", "is-delayed-bounce", "is-callback", "is-webhook")
_SHAPES: dict[str, dict[str, Any]] = {
    "delivered": {
        "event": "delivered",
        "delivery-status": {"attempt-no": 1, "code": 250, "message": "OK", "tls": True},
    },
    "deferred": {"event": "failed", "severity": "temporary", "reason": "generic", "delivery-status": _BUSY},
    "bounced_hard": {"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": _NO_MAILBOX},
    "bounced_soft": {"event": "failed", "severity": "permanent", "reason": "generic", "delivery-status": _FULL},
    "complained": {"event": "complained"},
    "unsubscribed": {"event": "unsubscribed", **_CLIENT},
    "opened": {"event": "opened", **_CLIENT},
    "clicked": {"event": "clicked", "url": "https://www.example.com/pricing", **_CLIENT},
}


def event(happened: Event) -> dict[str, Any]:
    """What Mailgun tells of it, as ``event-data``."""
    mail = happened.mail
    identity = hashlib.sha256(f"{mail.id}/{happened.kind}/{happened.number}".encode()).hexdigest()[:22]
    return {
        **_SHAPES[happened.kind],
        "id": identity,
        "timestamp": happened.at.timestamp(),
        "log-level": "info",
        "flags": {**dict.fromkeys(_FLAGS, False), "is-authenticated": True, "is-test-mode": _test_mode(mail)},
        "message": {"headers": _headers(mail), "attachments": [], "size": len(mail.body["message"])},
        "recipient": mail.to,
        "recipient-domain": mail.to.rpartition("@")[2],
        "domain": {"name": mail.body["domain"]},
        "tags": [],
        "campaigns": [],
        "user-variables": _variables(mail) or [],  # an empty list where there is none, as in Mailgun's own examples
    }


def logged(mail: SentMail) -> dict[str, Any]:
    """The entry of the log that says that a message was accepted."""
    found = event(Event(mail, DeliveryKind.DELIVERED, datetime.now(UTC), 0))
    found |= {"event": "accepted", "@timestamp": mail.at, "account": {"id": "sandbox"}}
    del found["delivery-status"], found["timestamp"]
    return found | {"user-variables": json.dumps(_variables(mail))}


def signed(data: dict[str, Any], at: datetime, key: str = SIGNING_KEY) -> bytes:
    """A request's body: the event with its signature beside it."""
    token, timestamp = secrets.token_hex(25), str(int(at.timestamp()))
    signature = hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256").hex()
    given = {"token": token, "timestamp": timestamp, "signature": signature}
    return json.dumps({"signature": given, "event-data": data}).encode()


def bodies(events: list[Event]) -> list[bytes]:
    """The requests that tell the events. Raises ``VendorError`` for a kind that Mailgun never tells."""
    if unknown := [happened.kind for happened in events if happened.kind not in _SHAPES]:
        raise VendorError(400, f"Mailgun never tells that a mail was {unknown[0]}")
    return [signed(event(happened), datetime.now(UTC)) for happened in events]


def _headers(mail: SentMail) -> dict[str, str]:
    message = message_from_string(mail.body["message"])
    return {"message-id": mail.id} | {name: str(message[name] or "") for name in ("to", "from", "subject")}


def _test_mode(mail: SentMail) -> bool:
    return mail.body.get("o:testmode") in ("yes", "true")


def _variables(mail: SentMail) -> dict[str, str]:
    return {name.removeprefix("v:"): value for name, value in mail.body.items() if name.startswith("v:")}
