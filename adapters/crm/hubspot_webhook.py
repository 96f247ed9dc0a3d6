"""HubSpot's webhooks: which records have changed. What they are now is read again, so that order does not matter.

Signature (https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation,
"v3"): base64 of HMAC-SHA256, keyed with the app's client secret, over method, URI, body and the timestamp header
(milliseconds), which may be at most five minutes old. Of the URI's query, some percent-encoded characters are signed
decoded; its fragment is not signed.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from adapters.crm.hubspot_properties import PREFIX
from adapters.inbound import Changed, Forged, InboundRequest, Reply, Told, Unreadable

_MOST_AGE = 300.0  # seconds
_DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
#: HubSpot's type ids of generic subscriptions (https://developers.hubspot.com/docs/guides/api/crm/understanding-the-crm).
_TYPES = {"0-1": "contact", "0-2": "company", "0-3": "deal", "0-27": "task"}
_RECORDS = frozenset(_TYPES.values())


class HubSpotWebhook:
    """``adapters.inbound.Inbound``. ``secret`` is the app's client secret."""

    vendor = "hubspot"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verify(self, request: InboundRequest) -> None:
        signature = request.headers.get("x-hubspot-signature-v3", "")
        timestamp = request.headers.get("x-hubspot-request-timestamp", "")
        if not signature or not timestamp.isascii() or not timestamp.isdigit():
            raise Forged("it has no signature of version 3 with a timestamp")
        if abs(request.at.timestamp() - int(timestamp) / 1000) > _MOST_AGE:
            raise Forged("its timestamp is more than five minutes from now")
        signed = b"".join((b"POST", signed_uri(request.url).encode(), request.body, timestamp.encode()))
        expected = base64.b64encode(hmac.new(self._secret, signed, hashlib.sha256).digest())
        if not hmac.compare_digest(expected, signature.encode(errors="replace")):
            raise Forged("its signature is not that of this app's client secret, for this address")

    def read(self, request: InboundRequest) -> list[Told]:
        try:
            body = json.loads(request.body)
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None
        if not isinstance(body, list):
            raise ValueError("HubSpot sends a list of events")  # noqa: TRY004 - the port's word for it
        return [told for event in body if (told := _told(event)) is not None]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the port has them
        return Reply()


def signed_uri(url: str) -> str:
    """The address as HubSpot signs it."""
    path, mark, query = url.partition("#")[0].partition("?")
    return path + mark + _DECODED.sub(lambda found: unquote(found.group()), query)


def _told(event: Any) -> Told | None:
    if not isinstance(event, Mapping):
        return Unreadable({"event": event}, "an event of HubSpot's is an object")
    record, _, what = str(event.get("subscriptionType", "")).partition(".")
    if record == "object":
        record = _TYPES.get(str(event.get("objectTypeId", "")), "")
    if record not in _RECORDS or _our_own(event):
        return None
    try:
        at = datetime.fromtimestamp(int(event["occurredAt"]) / 1000, UTC)
        return Changed(
            id=_id(event),
            record=record,
            crm_id=str(int(event.get("objectId") or event.get("primaryObjectId") or event["fromObjectId"])),
            at=at,
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return Unreadable(event, f"a {record}.{what} lacks objectId or occurredAt")


def _our_own(event: Mapping[str, Any]) -> bool:
    """Told back to us what we wrote: nothing new."""
    return event.get("changeSource") == "INTEGRATION" and str(event.get("propertyName", "")).startswith(PREFIX)


def _id(event: Mapping[str, Any]) -> str:
    """HubSpot does not promise that ``eventId`` is unique."""
    parts = ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt")
    return ":".join(str(event.get(part, "")) for part in parts)
