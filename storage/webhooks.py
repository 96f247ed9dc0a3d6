"""What vendors tell, into the inbox: one transaction for the raw request and all that it says.

Each thing told is taken once, by the vendor's own id of it, for ever; a request that comes again with the same body
(and under the same name, where the vendor names requests in a header) is a repetition and changes nothing. Things about
nobody we know are counted and left: vendors are often shared with other senders.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.ports import Clock, SalesFeedback
from domain.told import Answer, Changed, Delivery, Happened, Told, Unreadable
from domain.trust import Doubt, Scanners
from domain.words import DeliveryKind
from storage import crm, dead_letters, inbox, told_visits
from storage.addresses import normalised
from storage.database import Connection, Database
from storage.inbox import SUPPRESSING, NewBehaviour, sales_event
from storage.mail import FATES
from storage.permission import one_reason, suppress_on
from storage.retractions import NOT_COUNTED
from storage.told_about import whose_are
from storage.told_visits import ToldVisit, Verdicts

#: Of a dead letter that is a vendor's request: this and the vendor's name.
SOURCE = "webhook "
#: Headers that say what a request is, beside those that name it (“webhook-id”).
_KEPT = frozenset({"content-type"})
_KEEP = """
insert into webhook_request (vendor, digest, body, received_real_at, told) values ($1, $2, $3, $4, $5)
on conflict (vendor, digest) do nothing returning id
"""
_COUNTED = 'update webhook_request set taken = $2, "foreign" = $3 where id = $1'
#: Told again, it locks nobody: the rows of leads are held only by what is new (``inbox``).
_AWAY = """
update lead set away_until = told.until
from unnest($1::text[], $2::timestamptz[]) as told (lead, until) join lead own on own.id = told.lead
where lead.id = coalesce(own.merged_into, own.id) and (lead.away_until is null or lead.away_until < told.until)
"""
_ATTEMPTS = 10
_VISITS = (DeliveryKind.OPENED, DeliveryKind.CLICKED)
#: Where the operator knows of no machines beside ours.
NOT_KNOWN = Scanners()


@dataclass(frozen=True, slots=True)
class Took:
    """What became of a request: ``new`` things taken, ``foreign`` ones left, ``dead`` ones that can't be understood."""

    repeated: bool = False
    new: int = 0
    foreign: int = 0
    dead: int = 0


class Request(Protocol):
    """A verified request: ``at`` is when it came, on the wall clock."""

    @property
    def body(self) -> bytes: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def at(self) -> datetime: ...


async def take(
    db: Database,
    vendor: str,
    request: Request,
    told: Sequence[Told],
    clock: Clock,
    known: Scanners = NOT_KNOWN,
    name: str = "",
) -> Took:
    """Keep a verified request and take what it tells; a dead letter for what can't be understood of it.

    ``known`` are machines that the operator knows beside ours. ``name`` is what a header names the request, "" where
    only its body can say that it was told before.
    """

    async def taken(connection: Connection) -> Took:
        digest = hashlib.sha256(f"{name}\n".encode() + request.body if name else request.body).digest()
        number = await connection.fetchval(_KEEP, vendor, digest, request.body, request.at, len(told))
        if number is None:
            return Took(repeated=True)
        took = await _take(connection, vendor, told, _Coming(clock, request.at, known))
        await _bury(connection, vendor, request, told, clock)
        await connection.execute(_COUNTED, number, took.new, took.foreign)
        return took

    return await _persistently(db, taken)


async def take_again(
    db: Database, vendor: str, told: Sequence[Told], clock: Clock, at: datetime, known: Scanners = NOT_KNOWN
) -> Took:
    """Take what a dead letter's request tells: what was taken of it before is known by its id."""
    return await _persistently(db, lambda connection: _take(connection, vendor, told, _Coming(clock, at, known)))


async def _persistently(db: Database, take: Callable[[Connection], Awaitable[Took]]) -> Took:
    """Vendors tell the same thing in several requests at once: who comes second begins anew."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            async with db.pool.acquire() as connection, connection.transaction():
                return await take(connection)
        except inbox.OVERTAKEN:
            if not left:
                raise
    raise AssertionError


@dataclass(frozen=True, slots=True)
class _Coming:
    """When a request came, on the wall clock, and how its visits are judged."""

    clock: Clock
    at: datetime
    known: Scanners


async def _bury(connection: Connection, vendor: str, request: Request, told: Sequence[Told], clock: Clock) -> None:
    """The whole request, so that all of it can be read again once it is understood."""
    reasons = dict.fromkeys(one.why for one in told if isinstance(one, Unreadable))
    if not reasons:
        return
    text = request.body.decode(errors="replace")
    headers = {name: value for name, value in request.headers.items() if name in _KEPT or name.endswith("-id")}
    body = {"vendor": vendor, "headers": headers, "request": text}
    letter = ("; ".join(reasons), body)
    await dead_letters.add_on(connection, SOURCE + vendor, [letter], clock.from_real(request.at))


async def _take(connection: Connection, vendor: str, told: Sequence[Told], coming: _Coming) -> Took:
    now = coming.clock.from_real(coming.at)
    dead = [one for one in told if isinstance(one, Unreadable)]
    changed = {(one.record, one.crm_id) for one in told if isinstance(one, Changed)}
    for record, crm_id in sorted(changed):  # in one order for everybody
        await crm.changed(connection, vendor, record, crm_id, coming.at)
    concerning = [one for one in told if isinstance(one, Delivery | Answer | Happened)]
    whose = await whose_are(connection, vendor, [one.about for one in concerning])
    verdicts = await _verdicts(connection, vendor, concerning, whose, coming)
    events = [
        _behaviour(vendor, one, owner, coming, verdicts.doubts.get(number))
        for number, (one, owner) in enumerate(zip(concerning, whose, strict=True))
        if owner and number not in verdicts.noted
    ]
    lost = [one for one, owner in zip(concerning, whose, strict=True) if not owner]
    new = await inbox.accept_on(connection, events, now) if events else 0
    await told_visits.take_back(connection, verdicts, now)
    await _note_absences(connection, events, coming.clock)
    former = [one for one, owner in zip(concerning, whose, strict=True) if owner and _of_a_former_address(one, owner)]
    await _suppress_addresses(connection, vendor, [*lost, *former], now)
    return Took(new=new, foreign=len(lost), dead=len(dead))


async def _verdicts(
    connection: Connection, vendor: str, concerning: Sequence[Any], whose: Sequence[Any], coming: _Coming
) -> Verdicts:
    visits = []
    for number, (one, owner) in enumerate(zip(concerning, whose, strict=True)):
        if owner and isinstance(one, Delivery) and one.visit and one.kind in _VISITS:
            sent_at = coming.clock.to_real(owner["sent_at"]) if owner["sent_at"] else None
            given = _message_id(vendor, one, owner), one, one.visit, owner["touch"] or "", sent_at
            visits.append(ToldVisit(number, *given))
    if not visits or coming.clock.from_real(coming.at) != coming.at:
        return told_visits.judge_alone(visits, coming.known)
    told = [(one, owner) for one, owner in zip(concerning, whose, strict=True) if owner]
    fates = [owner["touch"] for one, owner in told if isinstance(one, Delivery) and one.kind in FATES]
    await told_visits.hold(connection, [owner["lead_id"] for _, owner in told], fates)
    arrived = {
        owner["touch"]: one.at
        for one, owner in told
        if isinstance(one, Delivery) and one.kind is DeliveryKind.DELIVERED and owner["touch"]
    }
    return await told_visits.judge(connection, visits, arrived, coming.known)


def _behaviour(
    vendor: str, told: Delivery | Answer | Happened, owner: Any, coming: _Coming, visit: Doubt | None
) -> NewBehaviour:
    """The event as the inbox takes it; ``visit``: why a visit does not count."""
    if isinstance(told, Answer):
        answer = SalesFeedback(handoff=owner["handoff"] or "", outcome=told.outcome, reason=told.reason)
        return sales_event(owner["lead_id"], answer, _when(told, coming))
    kind, name, properties = _worded(told, owner)
    doubt = _doubt(told, owner, visit)
    if doubt:
        properties[NOT_COUNTED] = doubt
    return NewBehaviour(
        message_id=_message_id(vendor, told, owner),
        kind=kind,
        name=name,
        properties=properties,
        occurred_at=_when(told, coming),
        lead_id=owner["lead_id"],
        trusted=doubt is None,
    )


def _worded(told: Delivery | Happened, owner: Any) -> tuple[str, str, dict[str, Any]]:
    if isinstance(told, Delivery):
        given = {"touch": owner["touch"], "detail": told.detail, "url": told_visits.bare(told.url)}
        link = {} if told.link is None else {"link": told.link}
        return "delivery", told.kind, {name: value for name, value in given.items() if value} | link
    touch = {"touch": owner["touch"]} if told.kind == "delivery" and owner["touch"] else {}
    return told.kind, told.name, dict(told.properties) | touch


def _message_id(vendor: str, told: Delivery | Happened, owner: Any) -> str:
    """The same for the same thing, also where it is learned in two ways, as a bounce is."""
    if isinstance(told, Delivery) and owner["touch"] and told.kind not in _VISITS:
        return f"delivery:{owner['touch']}:{told.kind}" + (f":{told.id}" if _repeatable(told) else "")
    return f"{vendor}:{told.id}"


def _repeatable(told: Delivery) -> bool:
    """What may truly happen several times to one mail."""
    return told.kind in (DeliveryKind.DEFERRED, DeliveryKind.REPLIED)


def _when(told: Delivery | Answer | Happened, coming: _Coming) -> datetime:
    now = coming.clock.from_real(coming.at)
    # Never later than its coming: vendors' clocks are not ours.
    # On a scaled clock a vendor's times mean nothing: what it tells has happened when it comes.
    return now if now != coming.at else min(told.at, now)


def _doubt(told: Delivery | Happened, owner: Any, visit: Doubt | None) -> dict[str, str] | None:
    """Why it does not count: a machine did it, or it is about an address of before."""
    if _of_a_former_address(told, owner):
        return {"reason": "the mail went to an address that the lead no longer has", "rule": "former_address"}
    return {"reason": visit.why, "rule": visit.rule} if visit else None


def _of_a_former_address(told: Told, owner: Any) -> bool:
    """A bounce is about an address alone; a complaint or an opt-out is a person's, whichever address it comes from."""
    if not isinstance(told, Delivery) or told.kind is not DeliveryKind.BOUNCED_HARD or not told.about.email:
        return False
    return owner["email"] is not None and normalised(told.about.email) != owner["email"]


async def _suppress_addresses(connection: Connection, vendor: str, lost: Sequence[Any], now: datetime) -> None:
    """An address that complained or bounced is written to no more, whoever it belongs to and whoever wrote."""
    reasons = one_reason(
        (normalised(one.about.email), SUPPRESSING[one.kind])
        for one in lost
        if isinstance(one, Delivery) and one.about.email and one.kind in SUPPRESSING
    )
    if reasons:
        await suppress_on(connection, reasons, vendor, now)


async def _note_absences(connection: Connection, events: Sequence[NewBehaviour], clock: Clock) -> None:
    """Nothing is sent to somebody who is away. The leads' rows are held already, by their behaviour."""
    away = {
        event.lead_id: clock.from_real(datetime.fromisoformat(event.properties["until"]))
        for event in events
        if (event.kind, event.name) == ("delivery", "away") and event.lead_id
    }
    if away:
        await connection.execute(_AWAY, list(away), list(away.values()))


async def raw(db: Database, vendor: str, limit: int = 20) -> list[dict[str, Any]]:
    """The newest requests of a vendor, for whoever looks for what it sent."""
    rows = await db.pool.fetch(
        'select id, received_real_at, told, taken, "foreign", body from webhook_request'
        " where vendor = $1 order by id desc limit $2",
        vendor,
        limit,
    )
    return [dict(row) | {"body": row["body"].decode(errors="replace")} for row in rows]
