"""Inbound webhooks: what a vendor's request is, and what reads it.

An ``Inbound`` verifies the raw request as its vendor signs it, then reads it into the words of ``domain.told``. It
stores nothing and knows no table: ``storage.webhooks`` keeps the raw request, takes each thing told once by its ``id``,
and finds whose it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.told import About, Answer, Changed, Delivery, Happened, Told, Unreadable

__all__ = [
    "About",
    "Answer",
    "Changed",
    "Delivery",
    "Forged",
    "Happened",
    "Inbound",
    "InboundRequest",
    "Reply",
    "Told",
    "Unreadable",
]


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
class Reply:
    """What the vendor is answered: 200 and nothing, unless it wants more (a handshake, a message in its chat)."""

    body: bytes = b""
    media_type: str = "application/json"
    status: int = 200


class Inbound(Protocol):
    """One vendor's webhook.

    Beside what is below it may have ``named_by``, the header that names a request where nothing in the body does (and
    that is signed with it): two requests of one body are two things told then. And ``private``, where no request may be
    kept.
    """

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
