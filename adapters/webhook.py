"""Touches by signed webhook (Standard Webhooks): direct mail through whoever prints it, alerts to wherever sales looks.

The ``webhook-id`` is made from the touch key, so a receiver that keeps ids, as the specification asks, sees a repeated
delivery for what it is. Never-twice does not rest on that: after a crash a touch is sent again only if the receiver can
be asked (``lookup_url``) and says that it does not have it.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from adapters.http import VendorClient, vendor_code
from domain.errors import CannotTell, LeadFault, OurFault, VendorFault
from domain.ports import OutboundTouch, Receipt

#: A receiver says so (422 and this code) when the lead can't be reached: the one refusal that is about the lead.
UNDELIVERABLE = "undeliverable_address"
_ID_LENGTH = 26


def webhook_id(key: str) -> str:
    """The delivery's id: the same for every attempt of a touch, and opaque."""
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()
    return f"msg_{digest[:_ID_LENGTH]}"


class Receiver(VendorClient):
    """A webhook receiver's connection: knows the refusal that is about the lead."""

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        unreachable = response.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        if unreachable and vendor_code(response) == UNDELIVERABLE:
            message = f"{self.vendor} can't deliver to this lead"
            return LeadFault(message, vendor=self.vendor, status=response.status_code, code=UNDELIVERABLE)
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)


class SignedWebhook:
    """``domain.ports.TouchChannel`` for direct mail or alerts; ``vendor`` names the receiver.

    ``secret`` is the receiver's, ``whsec_`` and base64. ``lookup_url``, where given, answers
    ``GET {lookup_url}?id=<webhook-id>`` with ``{"total": n}``: how many deliveries it took under that id.
    """

    def __init__(self, vendor: str, url: str, secret: str, *, lookup_url: str = "", timeout: float = 10.0) -> None:
        self._vendor = vendor
        self._url = httpx.URL(url)
        self._lookup = httpx.URL(lookup_url) if lookup_url else None
        self._signer = Webhook(secret)
        self._client = Receiver(vendor, str(self._url.copy_with(path="/", query=None)), timeout=timeout)

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Deliver the touch as one signed message. Raises a ``VendorFault``."""
        identity, now = webhook_id(touch.key), datetime.now(UTC)
        body = json.dumps(_message(touch, now), ensure_ascii=False)
        headers = {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identity, now, body),
        }
        await self._client.request(
            "POST",
            self._url.path,
            params=self._url.params,
            content=body.encode(),
            headers=headers,
            harmless_to_repeat=False,
        )
        return Receipt(vendor=self._vendor, vendor_id=identity)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """Ask the receiver. Raises ``CannotTell`` when it can't be asked."""
        if self._lookup is None:
            raise CannotTell(f"the receiver of {self._vendor} webhooks can't be asked what it took")
        identity = webhook_id(touch.key)
        place, query = str(self._lookup.copy_with(query=None)), self._lookup.params.merge({"id": identity})
        try:
            answer = await self._client.request("GET", place, params=query, harmless_to_repeat=True)
            total = int(answer.json()["total"])
        except (OurFault, ValueError, KeyError, TypeError):
            # Whatever this is, it is not a receiver saying that it has nothing.
            raise CannotTell(f"the lookup of {self._vendor} webhooks did not answer as agreed") from None
        return Receipt(vendor=self._vendor, vendor_id=identity) if total else None

    async def close(self) -> None:
        await self._client.close()


def _message(touch: OutboundTouch, now: datetime) -> dict[str, Any]:
    """The payload, in the shape Standard Webhooks recommends: type, timestamp, data."""
    return {
        "type": f"tendril.{touch.channel.value}",
        "timestamp": now.isoformat(),
        "data": {
            "touch": touch.key,
            "lead": touch.lead,
            "step": touch.step,
            "asset": touch.asset,
            "note": touch.note,
            "email": touch.email,
            "fields": touch.fields,
            "owner": touch.owner,
        },
    }
