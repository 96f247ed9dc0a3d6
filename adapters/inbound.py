"""What vendors tell us: the shape of an inbound webhook, and the words it is turned into.

An ``Inbound`` verifies the raw request as its vendor signs it, then reads it. It stores nothing and knows no table:
``storage.webhooks`` keeps the raw request, takes each thing told once by its ``id``, and finds whose it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from domain.trust import Visit
from domain.words import DeliveryKind


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """A request as it came: ``body`` raw, ``headers`` with lower-case names, ``at`` on the wall clock (aware).

    ``url`` is the public address that the vendor called, query included: some sign it.
    """

    body: bytes
    headers: Mapping[str, str]
    at: datetime
    url: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


class Forged(Exception):
    """The request is not the vendor's: its signature is wrong, missing, or older than may be (``why``, no secrets)."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose it is, by what the vendor gives: the first that is known decides.

    ``touch`` is the ledger's key; ``vendor_id`` what the receipt of a touch said; ``task`` the vendor's id of a
    handoff's task; ``lead`` our id; ``crm_id`` the CRM's; ``email`` an address.
    """

    touch: str = ""
    vendor_id: str = ""
    task: str = ""
    lead: str = ""
    crm_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a touch. ``detail`` is the vendor's code or class, never prose that may quote an address.

    ``visit`` where the vendor says who opened or clicked, for the rules of trust; ``url`` what was clicked.
    """

    id: str
    about: About
    kind: DeliveryKind
    at: datetime
    detail: str = ""
    visit: Visit | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A seller's answer on a handoff: ``accepted``, ``rejected``, ``opportunity_opened``, ``won`` or ``lost``."""

    id: str
    about: About
    outcome: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """Behaviour told by a vendor, such as a meeting booked: ``name`` as playbooks know it."""

    id: str
    about: About
    kind: str
    name: str
    at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """A record of the CRM has changed there, and is to be read again. ``record``: contact, company, deal or task."""

    id: str
    record: str
    crm_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Part of a request that is the vendor's but can't be understood: becomes a dead letter. ``why`` in words."""

    body: Mapping[str, Any]
    why: str


Told = Delivery | Answer | Happened | Changed | Unreadable


@dataclass(frozen=True, slots=True)
class Reply:
    """What the vendor is answered: 200 and nothing, unless it wants more (a handshake, a message in its chat)."""

    body: bytes = b""
    media_type: str = "application/json"
    status: int = 200


class Inbound(Protocol):
    """One vendor's webhook."""

    vendor: str

    def verify(self, request: InboundRequest) -> None:
        """Raises ``Forged`` unless the vendor signed this body, recently where it signs the time."""
        ...

    def read(self, request: InboundRequest) -> list[Told]:
        """What it tells, in its order. What can't be understood is ``Unreadable``; what is of no use to us is left out.

        Raises ``ValueError`` when the whole body is not what this vendor sends.
        """
        ...

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:
        """Called once what it tells is stored."""
        ...
