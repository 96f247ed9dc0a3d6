"""Signed webhooks in, from whoever has no adapter of its own: a letter shop, a product. By Standard Webhooks.

The body is ``{"type": ..., "timestamp": ISO-8601, "data": {...}}`` and ``webhook-id`` names it for ever:

``delivery.KIND``
    what became of a touch; KIND is a word of ``DeliveryKind``. ``data.touch`` is the touch that was sent, or
    ``data.id`` the ``webhook-id`` it was sent under; ``data.detail`` a code.
``behaviour.NAME``
    what somebody did; ``data`` says who (``lead``, ``email`` or ``crm_id``) and everything else is its properties.
``handoff.OUTCOME``
    a seller's answer to ``data.touch``: accepted, rejected (with ``data.reason``), opportunity_opened, won or lost.

Source of the signature: standardwebhooks.com, specification of 2023: HMAC-SHA256 over id, timestamp and body, five
minutes of tolerance.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.inbound import (
    About,
    Answer,
    Delivery,
    Forged,
    Happened,
    InboundRequest,
    Reply,
    Told,
    Unreadable,
)
from adapters.inbound_json import parsed_object
from adapters.vendor import Finding, OnlyHeard, Vendor, VendorSettings
from domain.words import DeliveryKind

_WHO = ("lead", "email", "crm_id")
_OUTCOMES = frozenset({"accepted", "rejected", "opportunity_opened", "won", "lost"})


class SignedInSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SIGNED_")

    secret: SecretStr = Field(
        SecretStr(""), description="Standard Webhooks secret (`whsec_…`) of those who tell us; empty: nobody does."
    )


class SignedInbound:
    """``adapters.inbound.Inbound`` for Standard Webhooks."""

    vendor = "signed"
    named_by = "webhook-id"

    def __init__(self, secret: str) -> None:
        self._verifier = Webhook(secret)

    def verify(self, request: InboundRequest) -> None:
        try:
            self._verifier.verify(request.body, dict(request.headers), json_parse=False)
        except WebhookVerificationError as error:
            raise Forged(str(error)) from None
        except ValueError:
            # What the library meets in a signature without a version, or a body that is no text.
            raise Forged("the signature is none") from None

    def read(self, request: InboundRequest) -> list[Told]:
        body = parsed_object(request.body)
        if not isinstance(body.get("data"), dict):
            raise ValueError("the body is no object with “type” and “data”")  # noqa: TRY004 - the protocol's
        try:
            return [_told(request, body)]
        except (KeyError, ValueError) as problem:
            return [Unreadable(body, f"{body.get('type', 'no type')}: {problem}")]

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:  # noqa: ARG002 - the protocol's
        return Reply()


def inbound(settings: SignedInSettings) -> SignedInbound | None:
    secret = settings.secret.get_secret_value()
    return SignedInbound(secret) if secret else None


def _told(request: InboundRequest, body: Mapping[str, Any]) -> Told:
    kind, _, what = str(body.get("type", "")).partition(".")
    identity, data, at = _identity(request), body["data"], _time(body, request)
    if kind == "delivery":
        about = About(touch=str(data.get("touch", "")), vendor_id=str(data.get("id", "")))
        return Delivery(identity, about, DeliveryKind(what), at, detail=str(data.get("detail", ""))[:100])
    if kind == "handoff" and what in _OUTCOMES:
        about = About(touch=str(data["touch"]))
        return Answer(identity, about, what, at, reason=str(data.get("reason", "")))
    if kind == "behaviour" and what:
        about = About(**{name: str(data[name]) for name in _WHO if data.get(name)})
        properties = {name: value for name, value in data.items() if name not in _WHO}
        return Happened(identity, about, "track", what, at, properties)
    raise ValueError("is no delivery.KIND, handoff.OUTCOME or behaviour.NAME")


def _identity(request: InboundRequest) -> str:
    """The sender's id of it."""
    found = request.headers.get(SignedInbound.named_by)
    if not found:
        raise ValueError("webhook-id is missing")
    return str(found)


def _time(body: Mapping[str, Any], request: InboundRequest) -> datetime:
    given = body.get("timestamp")
    at = datetime.fromisoformat(str(given)) if given else request.at
    return at if at.tzinfo else request.at


async def _check(_heard: OnlyHeard) -> list[Finding]:
    """There is nobody to ask: who signs with the secret is heard."""
    return []


VENDOR = Vendor(
    name=SignedInbound.vendor,
    title="Signed webhooks (Standard Webhooks)",
    settings=SignedInSettings,
    adapter=lambda _settings: OnlyHeard(),
    check=_check,
    inbound=inbound,
)
