"""History: behaviour from before Tendril, known to the next decision and news to none.

It is given positions below zero, behind every journey's cursor: decisions count it as they count what they read
long ago (scores, conditions, "the first time"), and nothing that looks for unread behaviour finds it, so it wakes no
journey, brings nobody back and fires no trigger. The position is made from the time it happened, so what is imported
later and happened earlier stands where it belongs.

History of names that nobody knows yet waits with the position at which its second begins: so whoever turns out to be
its owner gets it as history as well (``storage.attach``).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage import tombstones, turns
from storage.attach import PER_SECOND
from storage.database import Connection, Database, json_text
from storage.inbox import NewBehaviour, without_nul
from storage.lead_merge import LeadInput

#: Where positions begin: they are below zero until the year 2242, and exact in a double for ever.
BEGIN = -(1 << 53)
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Past:
    """One event. ``user_id`` and ``email`` (normalised) are who else says whose it is, where its own ids don't."""

    event: NewBehaviour
    user_id: str | None = None
    email: str | None = None

    @property
    def names(self) -> list[str]:
        given = (self.event.user_id, self.event.anonymous_id, self.user_id, self.email)
        return [name for name in given if name]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of some events: ``stored`` are new; of those, ``waiting`` are of nobody known yet.

    ``erased`` are of people who were erased and stay away: nothing of them is stored.
    """

    stored: int
    waiting: int
    erased: int = 0


_OWNERS = """
select coalesce(
    own.merged_into, own.id, named.merged_into, named.id, by_user.lead_id, by_visitor.lead_id,
    also.merged_into, also.id, also_user.lead_id, addressed.merged_into, addressed.id
) as lead
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
    as e (lead_id, user_id, anonymous_id, also_id, email, ord)
left join lead own on own.id = e.lead_id
left join lead named on named.external_id = e.user_id
left join identity by_user on by_user.kind = 'user_id' and by_user.value = e.user_id
left join identity by_visitor on by_visitor.kind = 'anonymous_id' and by_visitor.value = e.anonymous_id
left join lead also on also.external_id = e.also_id
left join identity also_user on also_user.kind = 'user_id' and also_user.value = e.also_id
left join lead addressed on addressed.email = e.email
order by e.ord
"""
_LOCK = "select merged_into is not null as merged from lead where id = any($1) order by id for no key update"
_INSERT = f"""
with e as (
    select distinct on (message_id) *,
        {BEGIN} + floor(extract(epoch from occurred_at))::bigint * {PER_SECOND} as floor
    from unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]
    ) with ordinality as e (message_id, lead_id, user_id, anonymous_id, kind, name, properties, occurred_at, ord)
    where not exists (select from behaviour known where known.message_id = e.message_id)
    order by message_id, ord
),
placed as (
    select e.*, case when e.lead_id is null then e.floor else coalesce(newest.position, e.floor - 1)
        + row_number() over (partition by e.lead_id, e.floor order by occurred_at, ord) end as position
    from e left join lateral (
        select max(b.position) as position from behaviour b
        where b.lead_id = e.lead_id and b.position >= e.floor and b.position < e.floor + {PER_SECOND}
    ) as newest on true
),
inserted as (
    insert into behaviour (
        message_id, lead_id, position, user_id, anonymous_id, kind, name, properties, trusted, occurred_at, received_at
    )
    select message_id, lead_id, position, user_id, anonymous_id, kind, name, properties::jsonb, true, occurred_at, $9
    from placed order by ord on conflict (message_id, sender) do nothing
    returning lead_id
)
select count(*) as stored, count(*) filter (where lead_id is null) as waiting from inserted
"""  # noqa: S608 - numbers of our own


class _Overtaken(Exception):
    """``names`` turned out to be one person's, so all of them must be held from the beginning; or a lead was merged."""

    def __init__(self, names: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.names = names


async def keep(
    db: Database, events: Sequence[Past], now: datetime, also: Callable[[Connection], Awaitable[None]]
) -> Kept:
    """Store what is new of some hundreds of events, and with ``also`` how far that brings an import: one transaction.

    An event of a message id that is known is left out.
    """
    names = frozenset[str]()
    plain = without_nul([past.event for past in events])
    events = [replace(past, event=event) for past, event in zip(events, plain, strict=True)]
    for _ in range(_ATTEMPTS):
        try:
            async with db.pool.acquire() as connection, connection.transaction():
                kept = await _keep(connection, events, now, names) if events else Kept(0, 0)
                await also(connection)
        except _Overtaken as overtaken:
            names |= overtaken.names
        else:
            return kept
    raise RuntimeError(f"whose these events are changed {_ATTEMPTS} times meanwhile")


async def _keep(connection: Connection, events: Sequence[Past], now: datetime, names: frozenset[str]) -> Kept:
    found = await _held_owners(connection, events, names)
    away = await barred(connection, events)
    welcome = [(past, lead) for past, lead, no in zip(events, found, away, strict=True) if not no]
    stored = await _store(connection, [past for past, _ in welcome], [lead for _, lead in welcome], now)
    return replace(stored, erased=sum(away))


async def barred(connection: Connection, events: Sequence[Past]) -> list[bool]:
    """Which of the events are of people who were erased and stay away."""
    return await tombstones.barred(connection, [_profile(past) for past in events])


def _profile(past: Past) -> LeadInput:
    return LeadInput(external_id=past.event.user_id or past.user_id, email=past.email)


async def _store(connection: Connection, events: Sequence[Past], found: Sequence[str | None], now: datetime) -> Kept:
    if any(row["merged"] for row in await connection.fetch(_LOCK, sorted({lead for lead in found if lead}))):
        raise _Overtaken
    row = await connection.fetchrow(
        _INSERT,
        [past.event.message_id for past in events],
        found,
        [past.event.user_id for past in events],
        [past.event.anonymous_id for past in events],
        [past.event.kind for past in events],
        [past.event.name for past in events],
        [json_text(past.event.properties) for past in events],
        [past.event.occurred_at for past in events],
        now,
    )
    return Kept(row["stored"], row["waiting"])


async def _held_owners(connection: Connection, events: Sequence[Past], held: frozenset[str]) -> list[str | None]:
    """As ``owners``; names that nobody knows are held, so that whoever makes them known does not pass unseen: with each
    all that it was said to be one person with.
    """
    found = await owners(connection, events)
    waiting = held | _waiting(events, found)
    if not waiting:
        return found
    await turns.wait_for_names(connection, waiting)
    found = await owners(connection, events)
    together = await turns.together(connection, _waiting(events, found))
    if not together <= waiting:  # all must be held from the beginning
        raise _Overtaken(together)
    return found


def _waiting(events: Sequence[Past], found: Sequence[str | None]) -> frozenset[str]:
    return frozenset(name for past, lead in zip(events, found, strict=True) if lead is None for name in past.names)


async def owners(connection: Connection, events: Sequence[Past]) -> list[str | None]:
    """The lead of each event, None where nobody knows it."""
    rows = await connection.fetch(
        _OWNERS,
        [past.event.lead_id for past in events],
        [past.event.user_id for past in events],
        [past.event.anonymous_id for past in events],
        [past.user_id for past in events],
        [past.email for past in events],
    )
    return [row["lead"] for row in rows]


async def known_ids(connection: Connection, message_ids: Sequence[str]) -> set[str]:
    """Those of the message ids that are taken already."""
    rows = await connection.fetch("select message_id from behaviour where message_id = any($1)", list(message_ids))
    return {row["message_id"] for row in rows}


async def addressed(connection: Connection, emails: Sequence[str]) -> dict[str, str]:
    """Address → id of the lead who has it; those that nobody has are left out."""
    rows = await connection.fetch(
        "select email, coalesce(merged_into, id) as id from lead where email = any($1)", list(emails)
    )
    return {row["email"]: row["id"] for row in rows}
