"""The inbox: behaviour is committed here before anyone hears of it (DESIGN decision 3).

Accepting events is one transaction: the leads' rows are locked in the order of their ids, each event gets the next
position of its lead, the journeys' wakes are written, and the relays are told on commit. A message id of one
sender is taken once, for ever; the senders' ids are nobody else's (``Behaviour.sender``). What was imported came from
one of them once, so no sender's is taken that was imported, and the other way about.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import accumulate, chain
from typing import Any, NamedTuple

import asyncpg
from pydantic import BaseModel

from domain.errors import NotFound
from domain.ports import SalesFeedback
from domain.trace import TRACE
from domain.words import DeliveryKind
from storage import inbox_sql, mail, tombstones, turns
from storage.database import Connection, Database, json_text
from storage.permission import one_reason, suppress_leads
from storage.tombstones import Name

#: Delivery events after which nobody may write again, and the reason recorded.
SUPPRESSING: dict[str, str] = {
    DeliveryKind.COMPLAINED: "complained",
    DeliveryKind.BOUNCED_HARD: "hard_bounced",
    DeliveryKind.UNSUBSCRIBED: "opted_out",
}
#: The sender of imported behaviour that is news. What any sender has sent is known then, and this to every sender.
IMPORT = "import"
_ATTEMPTS = 10


class NewBehaviour(NamedTuple):
    """An event as it arrives. Whose it is: ``lead_id``, else ``user_id``, else ``anonymous_id``; unknown ones wait.

    A tuple: a model costs as much to make as all that is done with it afterwards.
    """

    message_id: str
    kind: str
    name: str
    occurred_at: datetime
    properties: Mapping[str, Any] = {}
    lead_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    trusted: bool = True


class Accepted(BaseModel):
    """What became of a batch: ``accepted`` are stored now, ``duplicates`` were before (or came twice in the batch).

    ``erased`` came under a user id of somebody who was erased: nothing of them is stored.
    """

    accepted: int
    duplicates: int
    erased: int = 0


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
    events = without_nul(events)
    far = await mail.judge(connection, mail.fates(events), now)
    owners, known = await _owners(connection, events, names, sender)
    erased = await _erased(connection, events, owners)
    first = {event.message_id: number for number, event in reversed(list(enumerate(events)))}
    numbers = sorted(set(first.values()).difference(erased, known))
    if numbers:
        await _insert(
            connection,
            [(events[n], owners[n]) for n in numbers],
            now,
            sender,
            [traces[n] for n in numbers] if traces else [],
        )
    await _suppress(connection, events, owners, now)
    await mail.pause_on(connection, far, now)
    return _Stored(numbers, erased)


def without_nul(events: Sequence[NewBehaviour]) -> Sequence[NewBehaviour]:
    """As PostgreSQL takes them: its text holds anything but U+0000, which becomes U+FFFD."""
    texts = (f"{e.message_id}{e.kind}{e.name}{e.lead_id}{e.user_id}{e.anonymous_id}" for e in events)
    return list(map(_plain, events)) if any("\x00" in text for text in texts) else events


def _plain(event: NewBehaviour) -> NewBehaviour:
    given = event._asdict()
    plain = {name: text.replace("\x00", "\ufffd") for name, text in given.items() if isinstance(text, str)}
    return NewBehaviour(**given | plain)


async def _insert(
    connection: Connection,
    new: Sequence[tuple[NewBehaviour, str | None]],
    now: datetime,
    sender: str,
    traces: Sequence[str | None],
) -> None:
    """Store events with their owners. Raises ``_Overtaken`` when not all could be."""
    places = _places([owner for _, owner in new])
    stored = await connection.fetchval(
        inbox_sql.INSERT_TRACED if traces else inbox_sql.INSERT,
        [event.message_id for event, _ in new],
        [owner for _, owner in new],
        [event.user_id for event, _ in new],
        [event.anonymous_id for event, _ in new],
        [event.kind for event, _ in new],
        [event.name for event, _ in new],
        [json_text(event.properties) for event, _ in new],
        [event.trusted for event, _ in new],
        [event.occurred_at for event, _ in new],
        now,
        sender,
        *places,
        *([traces] if traces else []),
    )
    if stored != len(new):
        raise _Overtaken


class _Places(NamedTuple):
    """Which leads get events and how many; of each event which of these it is (from 1), and its lead's how many-th."""

    leads: Sequence[str]
    counts: Sequence[int]
    nrs: Sequence[int | None]
    nths: Sequence[int | None]


def _places(owners: Sequence[str | None]) -> _Places:
    nths: list[int | None] = []
    counts: dict[str, int] = {}
    for owner in owners:
        if owner is not None:
            counts[owner] = counts.get(owner, 0) + 1
        nths.append(None if owner is None else counts[owner])
    nr = {lead: number for number, lead in enumerate(counts, 1)}
    return _Places(list(counts), list(counts.values()), [nr[owner] if owner else None for owner in owners], nths)


async def _owners(
    connection: Connection, events: Sequence[NewBehaviour], held: frozenset[str], sender: str
) -> tuple[list[str | None], list[int]]:
    """Lead id of each event, None where nobody knows it, and the numbers of those that were stored before. Unknown
    names are held, so that no upsert passes unseen: with each all that it was said to be one person with, since any of
    them may become known.
    """
    rows = await _resolve(connection, events, sender)
    names = held | _waiting(events, [row["lead_id"] is None for row in rows])
    if not names:
        return _owned(rows)
    await turns.wait_for_names(connection, names)
    rows = await _resolve(connection, events, sender)
    if aliased := _waiting(events, [row["lead_id"] is None and row["aliased"] for row in rows]):
        together = await turns.together(connection, aliased)
        if not together <= held:  # what was read before all were held may be over by now
            raise _Overtaken(together)
    return _owned(rows)


def _owned(rows: Sequence[Any]) -> tuple[list[str | None], list[int]]:
    return [row["lead_id"] for row in rows], [number for number, row in enumerate(rows) if row["known"]]


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


async def _resolve(connection: Connection, events: Sequence[NewBehaviour], sender: str) -> list[Any]:
    """Of each event the ``lead_id``, whether it goes by a name that was said to be somebody's other one (``aliased``),
    and whether it was stored before (``known``).
    """
    rows: list[Any] = await connection.fetch(
        inbox_sql.RESOLVE,
        [event.message_id for event in events],
        [event.lead_id for event in events],
        [event.user_id for event in events],
        [event.anonymous_id for event in events],
        sender,
    )
    return rows


async def _suppress(
    connection: Connection, events: Sequence[NewBehaviour], owners: Sequence[str | None], now: datetime
) -> None:
    """Write suppression in the transaction that learns of it."""
    reasons = one_reason(
        # a bounce is about the address that was written to, which a merged lead keeps
        (event.lead_id if event.lead_id and event.name == DeliveryKind.BOUNCED_HARD else owner, SUPPRESSING[event.name])
        for event, owner in zip(events, owners, strict=True)
        if owner and event.kind == "delivery" and event.trusted and event.name in SUPPRESSING
    )
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
