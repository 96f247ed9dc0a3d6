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
from domain.told import About, Answer, Changed, Delivery, Happened, Told, Unreadable
from domain.trust import Scanners, doubt_click, doubt_open
from domain.words import DeliveryKind
from storage import crm, dead_letters, inbox
from storage.addresses import normalised
from storage.database import Connection, Database
from storage.inbox import SUPPRESSING, NewBehaviour, sales_event
from storage.permission import suppress_on
from storage.retractions import NOT_COUNTED

#: Of a dead letter that is a vendor's request: this and the vendor's name.
SOURCE = "webhook "
#: Headers that say what a request is, beside those that name it (“webhook-id”).
_KEPT = frozenset({"content-type"})
_KEEP = """
insert into webhook_request (vendor, digest, body, received_real_at, told) values ($1, $2, $3, $4, $5)
on conflict (vendor, digest) do nothing returning id
"""
_COUNTED = 'update webhook_request set taken = $2, "foreign" = $3 where id = $1'
#: By the first thing that is known. Somebody erased is nobody.
_WHOSE = """
select found.lead_id, found.touch, found.handoff, found.sent_at,
    (select email from lead where id = found.lead_id) as email
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) with ordinality
    as about (touch, vendor_id, task, lead, crm_id, email, mail, ord)
left join lateral (
    select lead_id, touch, handoff, sent_at from (
        select 1 as rank, t.lead_id, t.key as touch, h.id as handoff, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key where t.key = about.touch
        union all select 2, t.lead_id, t.key, h.id, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key
        where t.vendor_id = about.vendor_id and t.vendor_id <> '' and t.vendor = $1
        union all select 3, t.lead_id, t.key, h.id, t.sent_at
        from touch t join handoff h on h.touch_key = t.key where t.vendor_id = about.task and t.vendor_id <> ''
        union all select 3, t.lead_id, t.key, h.id, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key where t.mail_name = about.mail and t.mail_name <> ''
        union all select 4, l.id, null, null, null from lead l where l.id = about.lead
        union all select 5, l.id, null, null, null from lead l where about.crm_id <> '' and l.crm_id = about.crm_id
        union all select 6, l.id, null, null, null from lead l where about.email <> '' and l.email = about.email
    ) as ways
    where not exists (select from erasure e where e.lead_id = ways.lead_id) order by rank limit 1
) as found on true
order by about.ord
"""
#: Told again, it locks nobody: the rows of leads are held only by what is new (``inbox``).
_AWAY = """
update lead set away_until = told.until
from unnest($1::text[], $2::timestamptz[]) as told (lead, until) join lead own on own.id = told.lead
where lead.id = coalesce(own.merged_into, own.id) and (lead.away_until is null or lead.away_until < told.until)
"""
_ATTEMPTS = 10
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
    whose = await _whose(connection, vendor, [one.about for one in concerning])
    events = [_behaviour(vendor, one, owner, coming) for one, owner in zip(concerning, whose, strict=True) if owner]
    lost = [one for one, owner in zip(concerning, whose, strict=True) if not owner]
    new = await inbox.accept_on(connection, events, now) if events else 0
    await _note_absences(connection, events, coming.clock)
    former = [one for one, owner in zip(concerning, whose, strict=True) if owner and _of_a_former_address(one, owner)]
    await _suppress_addresses(connection, vendor, [*lost, *former], now)
    return Took(new=new, foreign=len(lost), dead=len(dead))


async def _whose(connection: Connection, vendor: str, abouts: Sequence[About]) -> list[Any | None]:
    """Of each the row ``lead_id``, ``touch``, ``handoff``, ``sent_at``; None where nobody is known."""
    if not abouts:
        return []
    rows = await connection.fetch(
        _WHOSE,
        vendor,
        [about.touch for about in abouts],
        [about.vendor_id for about in abouts],
        [about.task for about in abouts],
        [about.lead for about in abouts],
        [about.crm_id for about in abouts],
        [normalised(about.email) if about.email else "" for about in abouts],
        [about.mail for about in abouts],
    )
    return [row if row["lead_id"] else None for row in rows]


def _behaviour(vendor: str, told: Delivery | Answer | Happened, owner: Any, coming: _Coming) -> NewBehaviour:
    """The event as the inbox takes it."""
    if isinstance(told, Answer):
        answer = SalesFeedback(handoff=owner["handoff"] or "", outcome=told.outcome, reason=told.reason)
        return sales_event(owner["lead_id"], answer, _when(told, coming))
    kind, name, properties = _worded(told, owner)
    doubt = _doubt(told, owner, coming)
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
        url = told.url.partition("#")[0].partition("?")[0]
        given = {"touch": owner["touch"], "detail": told.detail, "url": url}
        return "delivery", told.kind, {name: value for name, value in given.items() if value}
    touch = {"touch": owner["touch"]} if told.kind == "delivery" and owner["touch"] else {}
    return told.kind, told.name, dict(told.properties) | touch


def _message_id(vendor: str, told: Delivery | Happened, owner: Any) -> str:
    """The same for the same thing, also where it is learned in two ways, as a bounce is."""
    if isinstance(told, Delivery) and owner["touch"] and told.kind not in (DeliveryKind.OPENED, DeliveryKind.CLICKED):
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


def _doubt(told: Delivery | Happened, owner: Any, coming: _Coming) -> dict[str, str] | None:
    """Why it does not count: a machine did it, as far as the vendor tells, or it is about an address of before."""
    if _of_a_former_address(told, owner):
        return {"reason": "the mail went to an address that the lead no longer has", "rule": "former_address"}
    if not isinstance(told, Delivery) or told.visit is None:
        return None
    sent_at = coming.clock.to_real(owner["sent_at"]) if owner["sent_at"] else None
    if told.kind is DeliveryKind.OPENED:
        doubt = doubt_open(told.visit, sent_at, coming.known)
    elif told.kind is DeliveryKind.CLICKED:
        doubt = doubt_click(told.visit, 1, 1, sent_at, (), coming.known)
    else:
        return None
    return {"reason": doubt.why, "rule": doubt.rule} if doubt else None


def _of_a_former_address(told: Told, owner: Any) -> bool:
    """A bounce is about an address alone; a complaint or an opt-out is a person's, whichever address it comes from."""
    if not isinstance(told, Delivery) or told.kind is not DeliveryKind.BOUNCED_HARD or not told.about.email:
        return False
    return owner["email"] is not None and normalised(told.about.email) != owner["email"]


async def _suppress_addresses(connection: Connection, vendor: str, lost: Sequence[Any], now: datetime) -> None:
    """An address that complained or bounced is written to no more, whoever it belongs to and whoever wrote."""
    reasons = {
        normalised(one.about.email): SUPPRESSING[one.kind]
        for one in lost
        if isinstance(one, Delivery) and one.about.email and one.kind in SUPPRESSING
    }
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
