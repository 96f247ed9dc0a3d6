"""The inbox: behaviour is committed here before anyone hears of it (DESIGN decision 3).

Accepting events is one transaction: the leads' rows are locked in the order of their ids, each event gets the next
position of its lead, the journeys' wakes are written, and the relays are told on commit. A message id of one
sender is taken once, for ever; the senders' ids are nobody else's (``Behaviour.sender``).
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import accumulate, chain
from typing import Any, NamedTuple

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import NotFound
from domain.ports import SalesFeedback
from domain.trace import TRACE
from domain.words import DeliveryKind
from storage import mail, tombstones, turns
from storage.attach import move_and_wake
from storage.database import Connection, Database, Text, json_text
from storage.permission import suppress_leads
from storage.tombstones import Name

#: Delivery events after which nobody may write again, and the reason recorded.
SUPPRESSING: dict[str, str] = {
    DeliveryKind.COMPLAINED: "complained",
    DeliveryKind.BOUNCED_HARD: "hard_bounced",
    DeliveryKind.UNSUBSCRIBED: "opted_out",
}
#: The sender of imported behaviour that is news. What any sender has sent already is known then.
IMPORT = "import"
_ATTEMPTS = 10


class NewBehaviour(BaseModel):
    """An event as it arrives. Whose it is: ``lead_id``, else ``user_id``, else ``anonymous_id``; unknown ones wait."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: Text
    kind: Text
    name: Text
    properties: dict[str, Any] = Field(default_factory=dict)
    occurred_at: datetime
    lead_id: Text | None = None
    user_id: Text | None = None
    anonymous_id: Text | None = None
    trusted: bool = True


class Accepted(BaseModel):
    """What became of a batch: ``accepted`` are stored now, ``duplicates`` were before (or came twice in the batch).

    ``erased`` came under a user id of somebody who was erased: nothing of them is stored.
    """

    accepted: int
    duplicates: int
    erased: int = 0


#: What is meant for a merged lead reaches its survivor; identities are the survivor's already (``storage.merges``).
#: Lookups instead of joins: a plan made while a table was small must not read all of it when it has grown.
_RESOLVE = """
select lead_id, lead_id is null and exists (
    select from alias where previous_id in (user_id, anonymous_id)
    union all select from alias a where a.user_id in (named.user_id, named.anonymous_id)
) as aliased
from (
    select ord, user_id, anonymous_id, coalesce(
        (select coalesce(merged_into, id) from lead where id = e.lead_id),
        (select coalesce(merged_into, id) from lead where external_id = e.user_id),
        (select lead_id from identity where kind = 'user_id' and value = e.user_id),
        (select lead_id from identity where kind = 'anonymous_id' and value = e.anonymous_id)
    ) as lead_id
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality as e (lead_id, user_id, anonymous_id, ord)
    offset 0
) as named
order by ord
"""

#: ``e`` has no message id twice. ``for no key update`` reads ``inbox_position`` anew where it had to wait for the row.
#: Events of a lead that was merged meanwhile are ``astray``.
_PLACE_AND_WAKE = """
with e as (
    select *, row_number() over (partition by lead_id order by ord) as nth from unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[],
        $9::timestamptz[]/* traces */
    ) with ordinality as e
        (message_id, lead_id, user_id, anonymous_id, kind, name, properties, trusted, occurred_at/* trace */, ord)
    where (
        select b.id from behaviour b where b.message_id = e.message_id and (b.sender = $11 or $11 = 'import') limit 1
    ) is null
),
known as materialized (
    select message_id, lead.id as lead_id, user_id, anonymous_id, kind, name, properties, trusted, occurred_at, ord,
        inbox_position + nth as position/* trace */
    from e join lead on lead.id = e.lead_id and lead.merged_into is null order by lead.id for no key update of lead
),
placed as materialized (
    select * from known
    union all
    select message_id, null, user_id, anonymous_id, kind, name, properties, trusted, occurred_at, ord, null/* trace */
    from e where lead_id is null
),
inserted as (
    insert into behaviour (
        message_id, sender, lead_id, position, user_id, anonymous_id, kind, name, properties, trusted, occurred_at,
        received_at
    )
    select
        message_id, $11, lead_id, position, user_id, anonymous_id, kind, name, properties::jsonb, trusted, occurred_at,
        $10
    from placed order by ord
    on conflict (message_id, sender) do nothing
    returning 1
),
/* move and wake */
select (select array_agg(ord) from placed) as wanted, (select count(*) from inserted) as stored,
    (select count(lead_id) from e) - (select count(*) from known) as astray, (select count(*) from told)
"""
_INSERT = _PLACE_AND_WAKE.replace("/* move and wake */", move_and_wake("$11"))
#: The same, with a trace for each event: while nobody traces, none of its cost is paid.
_INSERT_TRACED = (
    _PLACE_AND_WAKE.replace("/* move and wake */", move_and_wake("$11", traced=True))
    .replace("/* traces */", ", $12::text[]")
    .replace("/* trace */", ", trace")
)


class _Overtaken(Exception):
    """Another transaction took one of the message ids meanwhile, so positions must be given anew; or a lead was merged
    into another, who is to have its events; or ``names`` turned out to be one person's, so all of them must be held
    from the beginning.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__()
        self.names = frozenset(names)


#: What a transaction with ``accept_on`` may meet when another was faster: it is to be begun anew.
OVERTAKEN = (_Overtaken, asyncpg.DeadlockDetectedError)


async def accept(
    db: Database,
    events: Sequence[NewBehaviour],
    now: datetime,
    also: Callable[[Connection], Awaitable[None]] | None = None,
    sender: str = "",
) -> Accepted:
    """Store what is new in one transaction and wake the journeys concerned. Order within the batch is kept.

    ``also`` runs in the same transaction, after. ``sender`` is the name of the key it came with, "" of Tendril's own.
    """
    return (await accept_each(db, [events], now, also, sender))[0]


async def accept_each(
    db: Database,
    batches: Sequence[Sequence[NewBehaviour]],
    now: datetime,
    also: Callable[[Connection], Awaitable[None]] | None = None,
    sender: str = "",
    traces: Sequence[str] | None = None,
) -> list[Accepted]:
    """As ``accept``, several batches in one transaction: all of them or, when this raises, none.

    What came in two of them counts as accepted in the first. ``traces``: which each belongs to, where that is not the
    present one.
    """
    events = list(chain.from_iterable(batches))
    if not events:
        return list(_shares(batches, _Stored([], [])))
    names = frozenset[str]()
    for _ in range(_ATTEMPTS):
        try:
            async with db.pool.acquire() as connection, connection.transaction():
                stored = await _store(connection, events, now, names, sender, _each(batches, traces))
                if also:
                    await also(connection)
            return list(_shares(batches, stored))
        except _Overtaken as overtaken:
            names |= overtaken.names
        except asyncpg.DeadlockDetectedError:
            continue  # another transaction has the same message ids in another order
    raise RuntimeError(f"the same message ids were sent {_ATTEMPTS} times at once")


class _Stored(NamedTuple):
    """The numbers of the events that were new, and of those that were of somebody erased; both rising."""

    new: Sequence[int]
    erased: Sequence[int]


def _shares(batches: Sequence[Sequence[NewBehaviour]], stored: _Stored) -> Iterator[Accepted]:
    """What became of each batch, of the numbers over all of them."""
    for end, batch in zip(accumulate(map(len, batches)), batches, strict=True):
        begin = end - len(batch)
        new, erased = (bisect_left(some, end) - bisect_left(some, begin) for some in stored)
        yield Accepted(accepted=new, duplicates=len(batch) - new - erased, erased=erased)


async def accept_on(
    connection: Connection, events: Sequence[NewBehaviour], now: datetime, names: frozenset[str] = frozenset()
) -> int:
    """As ``accept``, in a transaction of the caller's, who holds the leads' rows; returns how many were new.

    ``names`` are held beside those of the events.
    """
    return len((await _store(connection, events, now, names, traces=_each([events], None))).new)


def _each(batches: Sequence[Sequence[NewBehaviour]], traces: Sequence[str] | None) -> list[str | None]:
    """The trace of each event; nothing while nobody traces."""
    given = traces if traces is not None else [TRACE.get()] * len(batches)
    if not any(given):
        return []
    return [trace or None for trace, batch in zip(given, batches, strict=True) for _ in batch]


async def _store(
    connection: Connection,
    events: Sequence[NewBehaviour],
    now: datetime,
    names: frozenset[str],
    sender: str = "",
    traces: Sequence[str | None] = (),
) -> _Stored:
    far = await mail.judge(connection, mail.fates(events), now)
    owners = await _owners(connection, events, names)
    erased = await _erased(connection, events, owners)
    first = {event.message_id: number for number, event in reversed(list(enumerate(events)))}
    numbers = sorted(set(first.values()).difference(erased))
    once = [events[number] for number in numbers]
    row = await connection.fetchrow(
        _INSERT_TRACED if traces else _INSERT,
        [event.message_id for event in once],
        [owners[number] for number in numbers],
        [event.user_id for event in once],
        [event.anonymous_id for event in once],
        [event.kind for event in once],
        [event.name for event in once],
        [json_text(event.properties) for event in once],
        [event.trusted for event in once],
        [event.occurred_at for event in once],
        now,
        sender,
        *([[traces[number] for number in numbers]] if traces else []),
    )
    wanted = row["wanted"] or []
    if len(wanted) != row["stored"] or row["astray"]:
        raise _Overtaken
    await _suppress(connection, events, owners, now)
    await mail.pause_on(connection, far, now)
    return _Stored(sorted(numbers[ord_ - 1] for ord_ in wanted), erased)


async def _owners(connection: Connection, events: Sequence[NewBehaviour], held: frozenset[str]) -> list[str | None]:
    """Lead id of each event, None where nobody knows it. Unknown names are held, so that no upsert passes unseen:
    with each all that it was said to be one person with, since any of them may become known.
    """
    rows = await _resolve(connection, events)
    names = held | _waiting(events, [row["lead_id"] is None for row in rows])
    if not names:
        return [row["lead_id"] for row in rows]
    await turns.wait_for_names(connection, names)
    rows = await _resolve(connection, events)
    if aliased := _waiting(events, [row["lead_id"] is None and row["aliased"] for row in rows]):
        together = await turns.together(connection, aliased)
        if not together <= held:  # what was read before all were held may be over by now
            raise _Overtaken(together)
    return [row["lead_id"] for row in rows]


def _waiting(events: Sequence[NewBehaviour], unknown: Sequence[bool]) -> frozenset[str]:
    concerned = [event for event, waits in zip(events, unknown, strict=True) if waits]
    return frozenset(name for event in concerned for name in (event.user_id, event.anonymous_id) if name)


async def _erased(connection: Connection, events: Sequence[NewBehaviour], owners: Sequence[str | None]) -> list[int]:
    """The numbers of events that came under a user id of somebody who was erased and stays away (``tombstones``)."""
    names = {
        number: Name("user_id", event.user_id)
        for number, (event, owner) in enumerate(zip(events, owners, strict=True))
        if owner is None and event.user_id
    }
    away = await tombstones.raised(connection, set(names.values()))
    return [number for number, name in names.items() if name in away]


async def _resolve(connection: Connection, events: Sequence[NewBehaviour]) -> list[Any]:
    """Of each event the ``lead_id``, and whether it goes by a name that was said to be somebody's other one."""
    rows: list[Any] = await connection.fetch(
        _RESOLVE,
        [event.lead_id for event in events],
        [event.user_id for event in events],
        [event.anonymous_id for event in events],
    )
    return rows


async def _suppress(
    connection: Connection, events: Sequence[NewBehaviour], owners: Sequence[str | None], now: datetime
) -> None:
    """Write suppression in the transaction that learns of it."""
    reasons = {
        # a bounce is about the address that was written to, which a merged lead keeps
        (event.lead_id if event.lead_id and event.name == DeliveryKind.BOUNCED_HARD else owner): SUPPRESSING[event.name]
        for event, owner in zip(events, owners, strict=True)
        if owner and event.kind == "delivery" and event.trusted and event.name in SUPPRESSING
    }
    if reasons:
        await suppress_leads(connection, reasons, "delivery", now)


def sales_event(lead: str, answer: SalesFeedback, at: datetime) -> NewBehaviour:
    """A seller's answer as behaviour: the same event however it is learned, polled or told."""
    return NewBehaviour(
        message_id=f"sales:{answer.handoff}:{answer.outcome}",
        kind="crm",
        name=f"sales_{answer.outcome}",
        properties={"handoff": answer.handoff, "reason": answer.reason},
        occurred_at=at,
        lead_id=lead,
    )


class PgInbox:
    """``ports.Inbox``: what adapters learn about touches, as behaviour. The same thing said twice is stored once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def deliver(self, touch_key: str, kind: DeliveryKind, now: datetime, detail: str = "") -> None:
        properties = {"touch": touch_key} | ({"detail": detail} if detail else {})
        await self._put(touch_key.partition("/")[0], f"delivery:{touch_key}:{kind}", "delivery", kind, properties, now)

    async def sales_answer(self, answer: SalesFeedback, now: datetime) -> None:
        """Raises ``NotFound`` when there is no such handoff."""
        lead = await self._db.pool.fetchval("select lead_id from handoff where id = $1", answer.handoff)
        if lead is None:
            raise NotFound(f"There is no handoff {answer.handoff}.")
        await accept(self._db, [sales_event(lead, answer, now)], now)

    async def _put(
        self, lead: str, message_id: str, kind: str, name: str, properties: dict[str, str], now: datetime
    ) -> None:
        event = NewBehaviour(
            message_id=message_id, kind=kind, name=name, properties=properties, occurred_at=now, lead_id=lead
        )
        with suppress(_Erased):
            await accept(self._db, [event], now, partial(_none_of_erased, lead=lead))


class _Erased(Exception):
    """The event is of somebody who was erased: nothing of it is kept."""


async def _none_of_erased(connection: Connection, lead: str) -> None:
    """Asked once the lead's row is held: an erasure that comes later removes the event itself."""
    if await connection.fetchval("select exists (select from erasure where lead_id = $1)", lead):
        raise _Erased
