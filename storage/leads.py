"""Leads: made or found from profiles, read by id or name, listed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound
from domain.merging import Said
from storage import lead_rows, merges, tombstones, turns
from storage.addresses import normalised
from storage.attach import attach
from storage.database import Connection, Database
from storage.enrolment import enrol as begin_journeys
from storage.enrolment import wake_running
from storage.lead_merge import ConsentInput, LeadInput, Person, Same, batch_names
from storage.tables import Lead

__all__ = ["ConsentInput", "LeadInput", "Upserted", "find", "get", "list_leads", "upsert", "upsert_many"]


class Upserted(BaseModel):
    """What became of one profile. ``cycle`` is the journey begun by it (0 when none was: ``enrolled`` is false).

    ``erased``: of a person who was erased, so nothing was taken and ``lead_id`` is "". ``note`` says in words what was
    left out, if anything.
    """

    model_config = ConfigDict(frozen=True)

    lead_id: str
    created: bool
    enrolled: bool = False
    cycle: int = 0
    note: str = ""
    erased: bool = False


_ATTEMPTS = 10
_ERASED = Upserted(lead_id="", created=False, erased=True, note="this person was erased and is not taken in again")


async def upsert(
    db: Database, given: LeadInput, now: datetime, playbook: str | None = None, *, enrol: bool = True
) -> Upserted:
    """Make or change one lead; with ``enrol`` begin its journey if it may. Raises ``NotFound`` for the playbook."""
    return (await upsert_many(db, [given], now, playbook, enrol=enrol))[0]


async def upsert_many(
    db: Database,
    inputs: Sequence[LeadInput],
    now: datetime,
    playbook: str | None = None,
    *,
    enrol: bool = True,
    also: Callable[[Connection], Awaitable[None]] | None = None,
) -> list[Upserted]:
    """Take some hundreds of profiles in one transaction; outcomes in their order. The same profile twice is once.

    Two leads that a profile says are one are united first, or suggested (``domain.merging``). ``also`` runs in the same
    transaction: an import records its progress there. A transaction that lost a deadlock is made again, with ``also``.
    """
    settled: set[frozenset[str]] = set()
    deadlocks = 0
    while True:
        try:
            async with db.pool.acquire() as connection, connection.transaction():
                outcomes = await _upsert(connection, inputs, now, playbook, settled, enrol=enrol)
                if also:
                    await also(connection)
        except _TwoLeads as found:
            for pair, same in found.same.items():
                await merges.unite(db, *same, now)
                settled.add(pair)
        except asyncpg.DeadlockDetectedError:
            deadlocks += 1
            if deadlocks == _ATTEMPTS:
                raise
        else:
            return outcomes


class _TwoLeads(Exception):
    """Profiles name stored leads that may be one. A merge takes locks that come before ours, so it goes first."""

    def __init__(self, same: Mapping[frozenset[str], Same]) -> None:
        super().__init__()
        self.same = same


async def _upsert(
    connection: Connection,
    inputs: Sequence[LeadInput],
    now: datetime,
    playbook: str | None,
    settled: set[frozenset[str]],
    *,
    enrol: bool,
) -> list[Upserted]:
    await turns.name_them(connection, batch_names(inputs))
    barred = await tombstones.barred(connection, inputs)
    welcome = [given for given, no in zip(inputs, barred, strict=True) if not no]
    taken = iter(await _take(connection, welcome, now, playbook, settled, enrol=enrol))
    return [_ERASED if no else next(taken) for no in barred]


async def _take(
    connection: Connection,
    inputs: Sequence[LeadInput],
    now: datetime,
    playbook: str | None,
    settled: set[frozenset[str]],
    *,
    enrol: bool,
) -> list[Upserted]:
    people = await lead_rows.people(connection, inputs)
    notes = [people.take(given) for given in inputs]
    if two := {pair: same for pair, same in people.same.items() if pair not in settled}:
        raise _TwoLeads(two)
    taken = [(people.final(person), note) for person, note in notes]
    persons = [person for person, _ in taken]
    await lead_rows.write(connection, people.all.values(), now)
    await _suggest_mailboxes(connection, people.all.values(), now)
    await attach(connection, people.links, now)
    await wake_running(connection, [p.id for p in people.all.values() if p.changed and not p.created], "lead_updated")
    begun = await begin_journeys(connection, [person.id for person in persons], playbook, now) if enrol else {}
    await lead_rows.write_consent(connection, persons, inputs, now)
    await lead_rows.hold_to_suppressions(connection, people.all.values())
    outcomes, seen = [], set[str]()
    for person, note in taken:
        first = person.id not in seen
        seen.add(person.id)
        cycle = begun.get(person.id, 0) if first else 0
        created = person.created and first
        outcomes.append(Upserted(lead_id=person.id, created=created, enrolled=cycle > 0, cycle=cycle, note=note))
    return outcomes


async def _suggest_mailboxes(connection: Connection, persons: Iterable[Person], now: datetime) -> None:
    """Whose new address reaches a mailbox that another lead has may be that one: of several, the oldest is named."""
    asked = [person.id for person in persons if person.readdressed and person.mailbox]
    if asked:
        for row in await connection.fetch(_SHARED_MAILBOX, asked):
            await merges.suggest(connection, row["id"], row["other"], Said.MAILBOX, now)


async def get(db: Database, lead_id: str) -> Lead:
    """The lead of that id, or the one that it is part of. Raises ``NotFound``."""
    row = await db.pool.fetchrow(_GET, lead_id)
    if row is None:
        raise NotFound(f"There is no lead {lead_id}.", "`tendril leads list` shows the leads there are.")
    return Lead(**dict(row))


async def find(db: Database, *, external_id: str | None = None, email: str | None = None) -> Lead | None:
    """The lead of that external id (or another name it is known by), else of that address."""
    row = await db.pool.fetchrow(
        _FIND,
        external_id,
        normalised(email) if email else None,
    )
    return Lead(**dict(row)) if row else None


_GET = "select * from lead where id = (select coalesce(merged_into, id) from lead where id = $1)"
_FIND = """
select * from lead where id = (
    select coalesce(named.merged_into, named.id)
    from lead named left join identity i on i.lead_id = named.id and i.kind = 'user_id' and i.value = $1
    where external_id = $1 or i.value = $1 or email = $2 order by external_id = $1 desc nulls last limit 1
)
"""
_SHARED_MAILBOX = """
select distinct on (new.id) new.id, known.id as other from lead new
join lead known on known.mailbox = new.mailbox and known.id <> new.id and known.merged_into is null
where new.id = any($1::text[]) order by new.id, known.created_at, known.id
"""
_MATCHING = (
    "select {} from lead where ($1 = '' or strpos(lower(concat_ws(' ', id, external_id, email)), lower($1)) > 0)"
    " and merged_into is null"
)
_COUNT = _MATCHING.format("count(*)")
_PAGE = _MATCHING.format("*") + " and ($2::text is null or id > $2) order by id limit $3"


async def list_leads(
    db: Database, *, search: str = "", cursor: str | None = None, limit: int = 50
) -> tuple[list[Lead], str | None, int]:
    """A page of leads by id, the next page's cursor (None at the end), and how many there are in all.

    ``search`` is a part of the address, external id or id.
    """
    total: int = await db.pool.fetchval(_COUNT, search)
    rows: list[Any] = await db.pool.fetch(_PAGE, search, cursor, limit + 1)
    leads = [Lead(**dict(row)) for row in rows[:limit]]
    return leads, leads[-1].id if len(rows) > limit else None, total
