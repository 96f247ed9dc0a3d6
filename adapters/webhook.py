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
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from adapters.http import VendorClient, vendor_code
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, LeadFault, OurFault, Refused, VendorFault
from domain.ports import OutboundTouch, Receipt

#: A receiver says so (422 and this code) when the lead can't be reached: the one refusal that is about the lead.
UNDELIVERABLE = "undeliverable_address"
_ID_LENGTH = 26


def webhook_id(key: str) -> str:
    """The delivery's id: the same for every attempt of a touch, and opaque."""
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()
    return f"msg_{digest[:_ID_LENGTH]}"


class WebhookSettings(VendorSettings):
    """The names are those of ``runtime.settings``, which has them too: the sandbox is the default of both."""

    model_config = SettingsConfigDict(env_prefix="TENDRIL_")

    direct_mail_url: str = Field(
        "http://127.0.0.1:8025/webhooks/direct-mail", description="Webhook that posts letters."
    )
    alert_url: str = Field("http://127.0.0.1:8025/webhooks/alerts", description="Webhook that tells sales at once.")
    webhook_secret: SecretStr = Field(
        SecretStr("whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3g="), description="Standard Webhooks secret that signs both."
    )
    webhook_lookup_url: str = Field(
        "http://127.0.0.1:8025/webhooks",
        description="Where a receiver on the same host can be asked after a crash what it took (`?id=` a webhook-id).",
    )


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
        self.vendor = vendor
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
        return Receipt(vendor=self.vendor, vendor_id=identity)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """Ask the receiver. Raises ``CannotTell`` when it can't be asked."""
        if self._lookup is None:
            raise CannotTell(f"the receiver of {self.vendor} webhooks can't be asked what it took")
        identity = webhook_id(touch.key)
        place, query = str(self._lookup.copy_with(query=None)), self._lookup.params.merge({"id": identity})
        try:
            answer = await self._client.request("GET", place, params=query, harmless_to_repeat=True)
            total = int(answer.json()["total"])
        except (OurFault, ValueError, KeyError, TypeError):
            # Whatever this is, it is not a receiver saying that it has nothing.
            raise CannotTell(f"the lookup of {self.vendor} webhooks did not answer as agreed") from None
        return Receipt(vendor=self.vendor, vendor_id=identity) if total else None

    async def check(self) -> Finding:
        """Whether the receiver can be asked what it took: by the id of a delivery that never was."""
        if self._lookup is None:
            return Finding(f"{self.vendor}: the receiver can't be asked; after a crash a person must look", well=True)
        query = self._lookup.params.merge({"id": webhook_id("tendril connect")})
        try:
            place = str(self._lookup.copy_with(query=None))
            answer = await self._client.request("GET", place, params=query, harmless_to_repeat=True)
            total = int(answer.json()["total"])
        except VendorFault as fault:
            return Finding(f"{self.vendor}: {fault}", well=False, remedy="See that the receiver runs at its address.")
        except (ValueError, KeyError, TypeError):
            total = -1
        if total:
            remedy = 'Let it answer `{"total": 0}` for an id it never got, or empty TENDRIL_WEBHOOK_LOOKUP_URL.'
            return Finding(f"{self.vendor}: the lookup does not answer as agreed", well=False, remedy=remedy)
        return Finding(f"{self.vendor}: the receiver can be asked what it took", well=True)

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


class Webhooks:
    """Both receivers. One is asked what it took only on its own host: another's "never seen" would send a touch twice.

    Raises ``Refused`` when the secret is none.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self.direct_mail = _receiver("direct mail", settings.direct_mail_url, settings)
        self.alerts = _receiver("alerts", settings.alert_url, settings)

    async def close(self) -> None:
        await self.direct_mail.close()
        await self.alerts.close()


def _receiver(name: str, url: str, settings: WebhookSettings) -> SignedWebhook:
    lookup = settings.webhook_lookup_url
    own = lookup and urlsplit(lookup).netloc == urlsplit(url).netloc
    try:
        return SignedWebhook(name, url, settings.webhook_secret.get_secret_value(), lookup_url=lookup if own else "")
    except (ValueError, EmptyWebhookSecretError):
        raise Refused(
            "TENDRIL_WEBHOOK_SECRET is no secret of Standard Webhooks.", "Give `whsec_` and base64 after it."
        ) from None


async def _check(webhooks: Webhooks) -> list[Finding]:
    """Nothing is delivered: whether a signature is accepted shows with the first touch."""
    return [await webhooks.direct_mail.check(), await webhooks.alerts.check()]


VENDOR = Vendor(
    name="webhook",
    title="Signed webhooks out (Standard Webhooks)",
    settings=WebhookSettings,
    adapter=Webhooks,
    check=_check,
    carries=("direct mail", "alerts"),
)
