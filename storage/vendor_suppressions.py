"""A mail vendor's list of people it won't write to, taken over into ours: at most once an entry, however often read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from domain.errors import Refused
from domain.suppressions import Beginning, Pulled, Suppressed
from storage import suppression, tombstones, turns
from storage.database import Connection, Database
from storage.permission import ABOUT_ADDRESS, ANYONE
from storage.suppression import Entry, Reason
from storage.tombstones import Name

#: An entry may be shown some time after the time it says: what was added just before the last pull is read again.
_OVERLAP = timedelta(days=1)
_DUE = "select not exists (select from suppression_pull where vendor = $1 and tried_real_at > now() - $2::interval)"
_BEGIN = """
insert into suppression_pull (vendor, tried_real_at) values ($1, clock_timestamp())
on conflict (vendor) do update set tried_real_at = excluded.tried_real_at
returning since_real_at, tried_real_at
"""
_ENDED = "update suppression_pull set since_real_at = greatest(since_real_at, $2) where vendor = $1"
_NEWS = """
select new.email from unnest($1::text[], $2::text[]) as new (email, reason) where not exists (
    select from suppression s where s.email = new.email and (s.reason <> 'hard_bounced' or new.reason = 'hard_bounced')
)
"""


class PgVendorSuppressions:
    """``domain.suppressions.VendorSuppressions``. ``every``: how long a try, whatever came of it, is enough.
    ``line``: of the operators' log, when somebody asked for it.
    """

    def __init__(self, db: Database, vendor: str, every: timedelta, line: int | None = None) -> None:
        self._db = db
        self._vendor = vendor
        self._every = every
        self._line = line

    async def due(self) -> bool:
        due: bool = await self._db.pool.fetchval(_DUE, self._vendor, self._every)
        return due

    async def begin(self, *, full: bool = False) -> Beginning:
        row = await self._db.pool.fetchrow(_BEGIN, self._vendor)
        return Beginning(None if full else row["since_real_at"], row["tried_real_at"])

    async def ended(self, begun: Beginning) -> None:
        await self._db.pool.execute(_ENDED, self._vendor, begun.at - _OVERLAP)

    async def take(self, found: Sequence[Suppressed], now: datetime) -> Pulled:
        """Who was erased is not held again. Whoever is on our list already keeps their reason, and wakes nobody: unless
        it is about the address, and theirs the person's.
        """
        addresses = [entry for one in found if (entry := _entry(one, self._vendor, now))]
        by_weight = sorted(addresses, key=lambda entry: entry.reason == ABOUT_ADDRESS)
        entries = {entry.email: entry for entry in reversed(by_weight)}
        async with self._db.pool.acquire() as connection, connection.transaction():
            await turns.wait_for_names(connection, entries)  # an erasure under way comes first
            erased = await tombstones.raised(connection, {Name("email", email) for email in entries})
            for name in erased:
                del entries[name.value]
            new = [entries[email] for email in await _news(connection, entries)]
            reach = await suppression.add_on(connection, new) if new else suppression.Reach()
            await suppression.tell(connection, self._line, reach)
        left = len(found) - len(addresses) + len(erased)
        return Pulled(len(found), reach.added, left, reach.leads, reach.journeys)


def _entry(one: Suppressed, vendor: str, now: datetime) -> Entry | None:
    """None for what is no one's address. Vendors list what others typed: “@example.com” is not everybody there."""
    try:
        email = suppression.key(one.email)
    except Refused:
        return None
    if email.startswith(ANYONE):
        return None
    return Entry(email=email, reason=Reason(one.reason), source=vendor, at=min(one.at, now))


async def _news(connection: Connection, entries: Mapping[str, Entry]) -> list[str]:
    reasons = [entry.reason for entry in entries.values()]
    return [row["email"] for row in await connection.fetch(_NEWS, list(entries), reasons)]
