"""The suppression list: addresses, and whole domains (``*@example.com``), that nobody may write to."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from storage import operators_log
from storage.addresses import domain_of, normalised
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.permission import ABOUT_ADDRESS, ANYONE, FORBID, ON_KNOWN

_LONGEST = 320
_PAGE = 1000


class Reason(StrEnum):
    """Why an address is on the list. These words reach decisions and Temporal, so they are never free text."""

    OPTED_OUT = "opted_out"
    COMPLAINED = "complained"
    HARD_BOUNCED = "hard_bounced"
    MANUAL = "manual"


#: What other systems' exports call these, in small letters with blanks.
_CALLED = {
    **dict.fromkeys(("unsubscribe", "unsubscribed", "opt out", "opt-out", "optout"), Reason.OPTED_OUT),
    **dict.fromkeys(("complaint", "spam", "spam complaint", "spam report", "spamreport", "abuse"), Reason.COMPLAINED),
    **dict.fromkeys(("bounce", "bounced", "hard bounce", "hardbounce", "invalid"), Reason.HARD_BOUNCED),
    **{word.replace("_", " "): word for word in Reason},
}


class Entry(BaseModel):
    """``email`` is a normalised address or ``*@domain``; ``source`` says where the entry came from, in free text."""

    model_config = ConfigDict(frozen=True)

    email: str
    reason: str
    source: str = ""
    at: datetime


class Reach(BaseModel):
    """What some entries do, or would do: ``known`` were on the list before; ``leads`` they forbid, with how many
    ``journeys`` in flight, which end.
    """

    added: int = 0
    known: int = 0
    leads: int = 0
    journeys: int = 0

    def __add__(self, other: "Reach") -> "Reach":
        return Reach(**{name: getattr(self, name) + getattr(other, name) for name in Reach.model_fields})


def key(text: str) -> str:
    """The address, or the domain as ``*@domain``, as the list has it. Raises ``Refused``."""
    email = normalised(text)
    local, at, domain = email.rpartition("@")
    if len(email) > _LONGEST or not (at and domain.strip(".")) or any(mark.isspace() for mark in email):
        raise Refused(f"{text.strip()!r} is no address.", "Write one, or *@example.com for everybody there.")
    if local not in {"", "*"} and "*" in email:
        raise Refused(f"{text.strip()!r} is no address.", "A star stands for the whole local part: *@example.com.")
    if "*" in domain:
        raise Refused(f"{text.strip()!r} names no one domain.", "Add an entry for each domain: *@mail.example.com.")
    return email if local else ANYONE + domain


def reason(text: str) -> Reason | None:
    """The reason that another system's word means, None when it means none of ours."""
    return _CALLED.get(" ".join(text.replace("_", " ").casefold().split()))


#: What is said of a merged lead's address concerns its survivor, whose journey it is. $3: addresses of which a person's
#: word is said, which holds for whom the entry is, whatever their address is now.
_HIT = """
select coalesce(l.merged_into, l.id) as id from lead l where l.email = any($1)
union
select coalesce(l.merged_into, l.id) from lead l
where cardinality($2::text[]) > 0 and substring(l.email from '[^@]*$') = any($2)
union
select coalesce(l.merged_into, l.id) from suppression s join lead l on l.id = s.lead_id where s.email = any($3)
"""
_ADD = f"""
insert into suppression (email, reason, source, lead_id, at)
select distinct on (new.email) new.email, new.reason, new.source, lead.id, new.at
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) with ordinality
    as new (email, reason, source, at, ord)
left join lead on lead.email = new.email
order by new.email, new.reason = 'hard_bounced', new.ord
{ON_KNOWN} returning xmax = 0 as added
"""  # noqa: S608 - a row that was there has been locked, which xmax tells
_KNOWN = "select count(*) from suppression where email = any($1)"
_IN_FLIGHT = "select count(*) from journey where lead_id = any($1) and ended_at is null"
_MATCHING = "from suppression where ($1 = '' or strpos(email, lower($1)) > 0)"


async def add(db: Database, entries: Sequence[Entry], line: int | None = None) -> Reach:
    """Put some hundreds of entries on the list, in one transaction; the first entry of an address stays, unless it
    was about the address alone and another is a person's word (``permission.ON_KNOWN``).

    The journeys in flight of the people concerned are woken, and end. How many are new is counted in the ``line`` of
    the operators' log.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        reach = await add_on(connection, entries)
        await tell(connection, line, reach)
    return reach


async def tell(connection: Connection, line: int | None, reach: Reach) -> None:
    """Count what was added in the line of the operators' log, where somebody asked for it."""
    if line is not None:
        await operators_log.count(connection, line, {"added": reach.added, "journeys": reach.journeys})


async def add_on(connection: Connection, entries: Sequence[Entry]) -> Reach:
    """As ``add``, in the caller's transaction, of which everything else comes before."""
    reach = await _reach(connection, entries)
    await wake_running(connection, await _hit(connection, entries), "suppressed")
    await connection.execute(FORBID)
    added = sum(row["added"] for row in await connection.fetch(_ADD, *_columns(entries)))
    return reach.model_copy(update={"added": added, "known": len(_emails(entries)) - added})


async def foresee(db: Database, entries: Sequence[Entry]) -> Reach:
    """What ``add`` would do. Writes nothing."""
    async with db.pool.acquire() as connection:
        return await _reach(connection, entries)


async def remove(db: Database, email: str, by: str, now: datetime) -> Entry:
    """Take an entry off the list; returns it, and the operators' log says who did it.

    Raises ``NotFound``: a domain's entry goes only by its own name.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow("delete from suppression where email = $1 returning *", email)
        if row is None:
            raise NotFound(
                f"{email} is not on the suppression list.", "`tendril suppressions list --search TEXT` searches it."
            )
        await operators_log.note(connection, by, "suppression_removed", "", now, {"why": row["reason"]})
    return _entry(row)


async def list_entries(db: Database, *, search: str = "", limit: int = 100) -> tuple[list[Entry], int]:
    """The newest entries, and how many there are in all. ``search`` is a part of the address."""
    total: int = await db.pool.fetchval(f"select count(*) {_MATCHING}", search)
    rows = await db.pool.fetch(f"select * {_MATCHING} order by at desc, email limit $2", search, limit)
    return [_entry(row) for row in rows], total


async def every_entry(db: Database) -> AsyncIterator[Entry]:
    """The whole list by address, as it is at one moment, in constant memory."""
    async with db.pool.acquire() as connection, connection.transaction():
        async for row in connection.cursor("select * from suppression order by email", prefetch=_PAGE):
            yield _entry(row)


async def _reach(connection: Connection, entries: Sequence[Entry]) -> Reach:
    emails = _emails(entries)
    hit = await _hit(connection, entries)
    known = await connection.fetchval(_KNOWN, emails)
    journeys = await connection.fetchval(_IN_FLIGHT, hit)
    return Reach(added=len(emails) - known, known=known, leads=len(hit), journeys=journeys)


async def _hit(connection: Connection, entries: Sequence[Entry]) -> list[str]:
    emails = _emails(entries)
    domains = [domain_of(email) for email in emails if email.startswith(ANYONE)]
    said = [entry.email for entry in entries if entry.reason != ABOUT_ADDRESS]
    return [row["id"] for row in await connection.fetch(_HIT, emails, domains, said)]


def _emails(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.email for entry in entries))


def _columns(entries: Sequence[Entry]) -> tuple[list[Any], ...]:
    return tuple([getattr(entry, name) for entry in entries] for name in ("email", "reason", "source", "at"))


def _entry(row: Any) -> Entry:
    return Entry(email=row["email"], reason=row["reason"], source=row["source"], at=row["at"])
