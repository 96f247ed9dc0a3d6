"""How far mailboxes have been read. Nothing of what was in them is kept here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.database import Database

_READ = """
insert into mailbox (name, validity, next_uid, looked_real_at) values ($1, $2, $3, $4)
on conflict (name) do update set validity = $2, next_uid = $3, looked_real_at = $4
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The first number that was not read, in the numbering that ``validity`` names."""

    validity: int
    next_uid: int


async def place(db: Database, mailbox: str) -> Place | None:
    """None when it was never looked into."""
    row = await db.pool.fetchrow("select validity, next_uid from mailbox where name = $1", mailbox)
    return Place(row["validity"], row["next_uid"]) if row else None


async def read_upto(db: Database, mailbox: str, upto: Place, at: datetime) -> None:
    """Say how far it was read, and when (wall clock)."""
    await db.pool.execute(_READ, mailbox, upto.validity, upto.next_uid, at)


async def due(db: Database, mailbox: str, now: datetime, interval: timedelta) -> bool:
    """Whether nobody has looked into it for so long (wall clock)."""
    looked: datetime | None = await db.pool.fetchval("select looked_real_at from mailbox where name = $1", mailbox)
    return looked is None or looked + interval <= now
