"""A webhook receiver's stand-in: verifies signatures, and takes each id once, as Standard Webhooks asks."""

import json
from typing import Any

from fastapi import APIRouter, Request
from standardwebhooks import Webhook, WebhookVerificationError

from sandbox.answers import VendorError
from sandbox.stand_in import StandIn
from sandbox.state import Delivery, Store, timestamp

#: Public, like the sandbox: it is the settings' default and protects nothing.
SECRET = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3g="  # noqa: S105 - says "sandbox" three times


class Webhooks:
    def __init__(self, store: Store, secret: str = SECRET) -> None:
        self._store = store
        self._verifier = Webhook(secret)

    def take(self, receiver: str, content: bytes, headers: dict[str, str]) -> Delivery:
        """Keep a delivery, or count it again. Raises ``VendorError`` when the signature is wrong or old."""
        try:
            self._verifier.verify(content, headers, json_parse=False)
            payload = json.loads(content)
        except (WebhookVerificationError, ValueError):
            raise VendorError(401, "The signature does not match", code="bad_signature") from None
        known = self._store.state.deliveries.get(headers["webhook-id"])
        self._store.changed()
        if known is not None:
            known.times += 1
            return known
        delivery = Delivery(id=headers["webhook-id"], receiver=receiver, payload=payload, received_at=timestamp())
        self._store.state.deliveries[delivery.id] = delivery
        return delivery

    def count(self, identity: str) -> int:
        return int(identity in self._store.state.deliveries)


def router(receiver: Webhooks) -> APIRouter:
    """``POST /{name}`` takes a delivery; ``GET ?id=`` says how many were taken under that id."""
    routes = APIRouter()

    @routes.get("")
    async def lookup(id: str) -> dict[str, int]:  # noqa: A002 - the query parameter's name
        return {"total": receiver.count(id)}

    @routes.post("/{name}")
    async def take(name: str, request: Request) -> dict[str, Any]:
        delivery = receiver.take(name, await request.body(), dict(request.headers))
        return {"id": delivery.id, "new": delivery.times == 1}

    return routes


def stand_in(secret: str = SECRET) -> StandIn:
    """The receiver. Webhooks are signed, not authenticated, and nobody counts them."""
    return StandIn(vendor="webhooks", router=lambda store: router(Webhooks(store, secret)), admitted=None)
