"""Taking in a vendor's webhook: verified as it came, read, stored; only then answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from pydantic_core import to_jsonable_python

from adapters.email.links import TrackedLinks
from adapters.inbound import Forged, Inbound, InboundRequest, Reply, Unreadable
from api.schemas.text import storable
from domain.clock import ScaledClock
from domain.errors import Refused
from domain.told import Delivery, Told
from domain.trust import Scanners
from runtime.telemetry import REGISTRY
from storage import webhooks
from storage.database import Database
from storage.told_visits import bare
from storage.webhooks import Took

WEBHOOKS = Counter(
    "tendril_webhooks", "Requests of vendors, by what became of them.", ["vendor", "outcome"], registry=REGISTRY
)


async def take(
    database: Database,
    clock: ScaledClock,
    inbound: Inbound,
    request: InboundRequest,
    known: Scanners = webhooks.NOT_KNOWN,
    links: TrackedLinks | None = None,
) -> Reply:
    """Raises ``Forged`` when it is not the vendor's, having stored nothing.

    ``known``: machines the operator knows. ``links`` reads the links of our own mail.
    """
    try:
        # In a thread: some fetch their vendor's certificate for it, the first time.
        await asyncio.to_thread(inbound.verify, request)
    except Forged:
        WEBHOOKS.labels(inbound.vendor, "forged").inc()
        raise
    told = [_of_ours(one, links) for one in understood(inbound, request)]
    took = await _kept_or_not(database, clock, inbound, request, told, known)
    WEBHOOKS.labels(inbound.vendor, _outcome(took)).inc()
    return await inbound.reply(request, told)


async def _kept_or_not(
    database: Database,
    clock: ScaledClock,
    inbound: Inbound,
    request: InboundRequest,
    told: list[Told],
    known: Scanners,
) -> Took:
    """The words of people who wrote to us are not kept, unless nobody could read what they are."""
    if getattr(inbound, "private", False) and not any(isinstance(one, Unreadable) for one in told):
        return await webhooks.take_again(database, inbound.vendor, told, clock, request.at, known)
    name = request.headers.get(getattr(inbound, "named_by", ""), "")
    return await webhooks.take(database, inbound.vendor, request, told, clock, known, name)


def understood(inbound: Inbound, request: InboundRequest) -> list[Told]:
    """What it tells. It is the vendor's, so what can't be read at all is kept for a person, and not sent again."""
    try:
        return [_storable(one) for one in inbound.read(request)]
    except ValueError as problem:
        return [Unreadable({}, str(problem) or "the body is not what this vendor sends")]


def _storable(told: Told) -> Told:
    """The same, or why it can't be kept. What could not be read again would stop every decision about its lead."""
    if isinstance(told, Unreadable):
        return told
    try:
        storable(to_jsonable_python(told))
    except ValueError as why:
        return Unreadable({}, f"{type(told).__name__.lower()}: {why}")
    return told


def _of_ours(told: Told, links: TrackedLinks | None) -> Told:
    """A click on one of our own tracked links, which the vendor tracked too: which it is, and where it leads."""
    if links is None or not isinstance(told, Delivery) or not told.url.startswith(f"{links.base}/c/"):
        return told
    try:
        link = links.verify(bare(told.url).removeprefix(f"{links.base}/c/"))
    except Refused:
        return told
    return replace(told, url=link.url, link=link.link, links=link.of)


def kept(body: Mapping[str, Any], at: datetime) -> InboundRequest:
    """A request as a dead letter keeps it."""
    return InboundRequest(body["request"].encode(), body["headers"], at)


def _outcome(took: Took) -> str:
    if took.repeated:
        return "repeated"
    return "dead" if took.dead else "taken"
