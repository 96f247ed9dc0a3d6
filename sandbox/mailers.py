"""What the stand-ins of mail vendors have in common: mails taken, a list of the unwilling, and a webhook.

Beside a vendor's own paths each has ``POST /{vendor}/_webhook`` (where its events go) and ``POST /{vendor}/_tell``
(what became of a mail, told there as the vendor tells it, signed as it signs).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from adapters.email.carrier import key_of
from domain.words import DeliveryKind
from sandbox.answers import VendorError
from sandbox.stand_in import Section, bearer
from sandbox.state import Store, timestamp

#: Nobody has shown that this domain is theirs: mail in its name is refused.
UNVERIFIED = "unverified.example"
_ON_PAGE = 200
#: What becomes of a mail that puts its reader on the vendor's list, and the word for it there.
_UNWILLING = {
    DeliveryKind.BOUNCED_HARD: "hard_bounced",
    DeliveryKind.COMPLAINED: "complained",
    DeliveryKind.UNSUBSCRIBED: "opted_out",
}


class SentMail(BaseModel):
    """A mail that was taken. ``body`` is the request as it came; ``reference`` the touch's."""

    id: str
    to: str
    subject: str
    reference: str
    at: str
    body: dict[str, Any]
    became: list[str] = []


class Unwilling(BaseModel):
    """``reason``: complained, hard_bounced or opted_out."""

    email: str
    reason: str
    at: str
    id: str = ""


class Mailer(BaseModel):
    """What one mail vendor knows. ``unwilling`` is by address, newest last; ``webhook`` where events go."""

    mails: list[SentMail] = []
    unwilling: dict[str, Unwilling] = {}
    webhook: str = ""
    #: Idempotency keys → the id of the mail and the request, for a vendor that has them.
    once: dict[str, tuple[str, dict[str, Any]]] = {}


class Event(NamedTuple):
    """Something that became of a mail: the ``number``-th event of all that were told."""

    mail: SentMail
    kind: DeliveryKind
    at: datetime
    number: int


class Webhook(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str


class Wish(BaseModel):
    """What is told. ``touch`` is a mail's reference or key, "" for the latest; the first of ``kinds`` happened first.

    ``times`` tells each request so often; ``backwards`` tells the last first.
    """

    model_config = ConfigDict(extra="forbid")
    kinds: list[DeliveryKind] = Field(min_length=1)
    touch: str = ""
    times: int = Field(1, ge=1, le=10)
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Teller:
    """How a vendor tells: ``bodies`` of its requests for events, and the ``headers`` of a body signed at a time."""

    bodies: Callable[[list[Event]], list[bytes]]
    headers: Callable[[bytes, datetime], Mapping[str, str]]


def taken(store: Store, held: Mailer, mail: SentMail) -> None:
    held.mails.append(mail)
    store.changed()


def telling(store: Store, held: Mailer, teller: Teller) -> APIRouter:
    """``_webhook`` and ``_tell``."""
    routes = APIRouter()

    @routes.post("/_webhook", status_code=204)
    async def configure(webhook: Webhook) -> None:
        held.webhook = webhook.url
        store.changed()

    @routes.post("/_tell")
    async def tell(wish: Wish) -> list[int]:
        """The statuses that the requests were answered with."""
        bodies = teller.bodies(_events(held, wish))
        store.changed()
        return [await _told(held.webhook, body, teller) for body in bodies for _ in range(wish.times)]

    return routes


def admitted(request: Request, token: str) -> bool:
    """As ``bearer``, but what only the stand-in has is open to all."""
    return "/_" in request.url.path or bearer(request, token)


def verified(sender: str) -> bool:
    return not sender.lower().endswith(f"@{UNVERIFIED}")


def now() -> str:
    return timestamp()


def shown(held: Mailer) -> list[Section]:
    """Its part of ``/vendors``."""
    mails = [
        (mail.at[:19], mail.to, mail.subject, key_of(mail.reference), ", ".join(mail.became))
        for mail in reversed(held.mails[-_ON_PAGE:])
    ]
    unwilling = [(one.email, one.reason, one.at[:19]) for one in reversed(list(held.unwilling.values())[-_ON_PAGE:])]
    return [
        Section("Mails", ("at", "to", "subject", "touch", "became"), mails, len(held.mails)),
        Section("Not written to", ("address", "reason", "since"), unwilling, len(held.unwilling)),
    ]


def _events(held: Mailer, wish: Wish) -> list[Event]:
    mail = next(
        (mail for mail in reversed(held.mails) if wish.touch in ("", mail.reference, key_of(mail.reference))), None
    )
    if mail is None:
        raise VendorError(404, "No such mail was sent.")
    events = list(_happened(held, mail, wish.kinds))
    return events[::-1] if wish.backwards else events


def _happened(held: Mailer, mail: SentMail, kinds: list[DeliveryKind]) -> Iterator[Event]:
    for number, kind in enumerate(kinds):
        mail.became.append(kind)
        at = datetime.now(UTC) + timedelta(seconds=number - len(kinds))
        if kind in _UNWILLING:
            held.unwilling[mail.to] = Unwilling(email=mail.to, reason=_UNWILLING[kind], at=at.isoformat(), id=mail.id)
        yield Event(mail, kind, at, len(mail.became))


async def _told(url: str, body: bytes, teller: Teller) -> int:
    if not url:
        raise VendorError(409, "No webhook is configured: POST its url to _webhook first.")
    headers = {"content-type": "application/json", **teller.headers(body, datetime.now(UTC))}
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (await client.post(url, content=body, headers=headers)).status_code
