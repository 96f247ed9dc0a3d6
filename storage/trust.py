"""Followed links and opened mails, into the inbox: judged by ``domain.trust``, and again when later ones tell more.

A link counts once a day for each mail: whoever reloads a page, or comes by again with the same address, adds nothing.
Those that are not counted are kept beside it, once a day as well. Which were followed again, and when last, stays with
the event (``times``, ``last``): a burst is known by the time of every visit, not only of those that made an event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.clock import ScaledClock
from domain.trust import SCAN, Doubt, Followed, Scanners, Visit, doubt_click, doubt_open
from domain.words import DeliveryKind
from storage import inbox
from storage.database import Connection, Database
from storage.inbox import NewBehaviour
from storage.retractions import NOT_COUNTED, retract_on

#: Most events of one link of one mail in a day: one that counts, one that does not, and some that were retracted.
_MOST_A_DAY = 6
_NONE = Scanners()

#: Whose mail it is: a merged lead's behaviour is its survivor's, and so is what comes after. Locked until the end: the
#: visits of a burst come at once, and each must see the others. The survivor alone: who merges and parts leads locks
#: both in the order of their ids.
_HOLD = """
select id from lead where id = (
    select coalesce(l.merged_into, l.id) from touch t join lead l on l.id = t.lead_id where t.key = $1
) for no key update
"""
#: Asked once the lead is held. Of somebody who was erased nothing new is kept.
_TOUCH = """
select coalesce(l.merged_into, l.id) as lead_id, greatest(coalesce(t.sent_at, t.claimed_at), (
    select occurred_at from behaviour where message_id = 'delivery:' || t.key || ':delivered' and sender = ''
)) as arrived_at
from touch t join lead l on l.id = t.lead_id
where t.key = $1 and not exists (select from erasure e where e.lead_id in (l.id, l.merged_into))
"""
_ATTEMPTS = 10
_SEEN = """
select message_id, properties, trusted, occurred_at from behaviour
where lead_id = $1 and kind = 'delivery' and name = $2 and occurred_at >= $3 and properties->>'touch' = $4
order by id
"""
_AGAIN = """
update behaviour set properties = properties || jsonb_build_object(
    'times', coalesce((properties->>'times')::int, 1) + 1, 'last', $2::timestamptz
)
where message_id = $1 and sender = ''
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """A link of a mail that was followed, or its picture that was fetched (``link`` is None)."""

    touch: str
    link: int | None = None
    links: int = 0
    url: str = ""

    @property
    def kind(self) -> DeliveryKind:
        return DeliveryKind.OPENED if self.link is None else DeliveryKind.CLICKED


class _Seen:
    """An event of the same mail that was stored before. Times are on the wall clock."""

    def __init__(self, row: Any, clock: ScaledClock) -> None:
        properties = row["properties"]
        last = properties.get("last")
        self.message_id: str = row["message_id"]
        self.trusted: bool = row["trusted"]
        self.link: int | None = properties.get("link")
        self.day = row["occurred_at"].astimezone(UTC).date()
        self.first = clock.to_real(row["occurred_at"])
        self.last = clock.to_real(datetime.fromisoformat(last)) if last else self.first


class _Elsewhere(Exception):
    """The lead was merged, or parted, while its row was waited for: the behaviour is another's now."""


async def record(db: Database, sight: Sight, visit: Visit, clock: ScaledClock, known: Scanners = _NONE) -> Doubt | None:
    """Store a visit and what it says of the visits before; returns why it is not counted, None when it is.

    ``known`` are machines that the operator knows.
    A touch that nobody knows (any more), or of somebody erased, leaves nothing behind.
    """
    for left in reversed(range(_ATTEMPTS)):
        try:
            async with db.pool.acquire() as connection, connection.transaction():
                return await _record(connection, sight, visit, clock, known)
        except (_Elsewhere, *inbox.OVERTAKEN):
            if not left:
                raise
    raise AssertionError


async def _record(
    connection: Connection, sight: Sight, visit: Visit, clock: ScaledClock, known: Scanners
) -> Doubt | None:
    now = clock.from_real(visit.at)
    lead = await connection.fetchval(_HOLD, sight.touch)
    touch = await connection.fetchrow(_TOUCH, sight.touch)
    if touch is None:
        return None
    if touch["lead_id"] != lead:
        raise _Elsewhere
    arrived_at = clock.to_real(touch["arrived_at"]) if touch["arrived_at"] else None
    seen = await _seen(connection, lead, sight, visit, clock)
    doubt = _judged(sight, visit, arrived_at, seen, known)
    await _store(connection, lead, sight, doubt, seen, now)
    if doubt is not None and doubt.back:
        burst = [one.message_id for one in seen if one.trusted and visit.at - one.first <= doubt.back]
        await retract_on(connection, burst, doubt.why, now)
    return doubt


async def _seen(connection: Connection, lead: str, sight: Sight, visit: Visit, clock: ScaledClock) -> list[_Seen]:
    """The day's events of this mail, and those of the last minutes."""
    midnight = clock.from_real(visit.at).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = min(midnight, clock.from_real(visit.at - SCAN))
    rows = await connection.fetch(_SEEN, lead, sight.kind, since, sight.touch)
    return [_Seen(row, clock) for row in rows]


def _judged(
    sight: Sight, visit: Visit, arrived_at: datetime | None, seen: Sequence[_Seen], known: Scanners
) -> Doubt | None:
    if sight.link is None:
        return doubt_open(visit, arrived_at, known)
    others = [Followed(one.link, one.last) for one in seen if one.link is not None]
    return doubt_click(visit, sight.link, sight.links, arrived_at, others, known)


async def _store(
    connection: Connection, lead: str, sight: Sight, doubt: Doubt | None, seen: Sequence[_Seen], now: datetime
) -> None:
    day = now.astimezone(UTC).date()
    today = [one for one in seen if one.link == sight.link and one.day == day]
    same = next((one for one in today if one.trusted == (doubt is None)), None)
    if same is None and len(today) >= _MOST_A_DAY:
        same = today[-1]
    if same is not None:
        await connection.execute(_AGAIN, same.message_id, now)
        return
    what = sight.kind if sight.link is None else f"{sight.kind}:{sight.link}"
    event = NewBehaviour(
        message_id=f"delivery:{sight.touch}:{what}:{day}" + (f":{len(today) + 1}" if today else ""),
        kind="delivery",
        name=sight.kind,
        properties=_properties(sight, doubt),
        occurred_at=now,
        lead_id=lead,
        trusted=doubt is None,
    )
    await inbox.accept_on(connection, [event], now)


def _properties(sight: Sight, doubt: Doubt | None) -> dict[str, Any]:
    """``url`` is without query and fragment: those may be about the lead, and playbooks match whole values."""
    properties: dict[str, Any] = {"touch": sight.touch}
    if sight.link is not None:
        properties |= {"link": sight.link, "url": sight.url.partition("#")[0].partition("?")[0]}
    return properties if doubt is None else properties | {NOT_COUNTED: {"reason": doubt.why, "rule": doubt.rule}}
