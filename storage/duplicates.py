"""Leads that may be one person, and what was merged: for a person to look at and decide."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.addresses import normalised
from domain.errors import NotFound, Refused
from domain.merging import Said
from storage import merges
from storage.database import Database
from storage.operators_log import note


class Suggestion(BaseModel):
    """Two leads that may be one, and what says so."""

    model_config = ConfigDict(frozen=True)

    one: str
    other: str
    why: Said
    at: datetime


class MergeRecord(BaseModel):
    """A merge: who became part of whom, by whom (opaque) and why, and by which rule the survivor survived.

    ``undone_at`` is None while it is in force. ``behaviour`` is how many events went over.
    """

    model_config = ConfigDict(frozen=True)

    survivor: str
    merged: str
    by: str
    why: str
    rule: str
    at: datetime
    behaviour: int
    undone_at: datetime | None = None
    undone_by: str = ""


#: A suggestion is about the leads of today: what it named may have been merged since.
_OPEN = """
from (
    select distinct on (least(a, b), greatest(a, b)) least(a, b) as one, greatest(a, b) as other, why, at
    from same_person s
    join lead o on o.id = s.one cross join lateral coalesce(o.merged_into, o.id) as a
    join lead p on p.id = s.other cross join lateral coalesce(p.merged_into, p.id) as b
    where denied_at is null and a <> b
    order by least(a, b), greatest(a, b), at
) as pair
where not exists (
    select from same_person d where d.one = pair.one and d.other = pair.other and d.denied_at is not null
)
"""
_RECORDS = """
select survivor, merged, by, why, rule, at, cardinality(behaviour_ids) as behaviour, undone_at, undone_by
from lead_merge where $1 = '' or survivor = $1 or merged = $1 order by at desc, id desc limit $2
"""
_DENY = """
insert into same_person (one, other, why, at, denied_at, denied_by) values ($1, $2, $3, $4, $4, $5)
on conflict (one, other) do update set denied_at = excluded.denied_at, denied_by = excluded.denied_by
"""
_PART = """
select id from lead where merged_into is not null and (id = $1 or external_id = $1 or email = $2)
order by id = $1 desc limit 1
"""


async def suggestions(db: Database, limit: int) -> tuple[list[Suggestion], int]:
    """The newest suggestions that nobody has decided, and how many there are in all."""
    total: int = await db.pool.fetchval(f"select count(*) {_OPEN}")
    rows = await db.pool.fetch(f"select * {_OPEN} order by at desc, one, other limit $1", limit)
    return [Suggestion(**dict(row)) for row in rows], total


async def deny(db: Database, one: str, other: str, by: str, now: datetime) -> None:
    """These two are two: not suggested again, and united by nobody but a person. ``by`` is an opaque actor,
    kept in the operators' log.

    Raises ``NotFound``, and ``Refused`` where both names are one lead's.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        pair = sorted([await merges.current(connection, one), await merges.current(connection, other)])
        known = {row["id"] for row in await connection.fetch("select id from lead where id = any($1)", pair)}
        for lead in pair:
            if lead not in known:
                raise NotFound(f"There is no lead {lead}.", "`tendril leads list --search TEXT` finds leads.")
        if len(known) == 1:
            raise Refused(f"{one} and {other} are one lead.", "`tendril leads unmerge ID` makes them two.")
        await connection.execute(_DENY, *pair, Said.OPERATOR, now, by)
        await note(connection, by, "leads_distinct", pair[0], now, {"other": pair[1]})


async def records(db: Database, lead: str = "", limit: int = 100) -> list[MergeRecord]:
    """What was merged, newest first: all of it, or what concerns one lead by its id."""
    return [MergeRecord(**dict(row)) for row in await db.pool.fetch(_RECORDS, lead, limit)]


async def part(db: Database, named: str) -> str:
    """The merged lead of that id, external id or address. Raises ``NotFound``."""
    found: str | None = await db.pool.fetchval(_PART, named, normalised(named))
    if found is None:
        raise NotFound(f"{named} is part of no other lead.", "`tendril leads merges` shows what was merged, by id.")
    return found
