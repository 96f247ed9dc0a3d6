"""Two names, one person: ``alias``.

Where a lead has one of the names it has both from then on, with all that was done under either. Names that nobody
knows are remembered together until one of them becomes a lead's (``storage.attach``). Two leads stay two: uniting them
is more than giving one a name.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import structlog

from storage import turns
from storage.attach import Link, attach
from storage.database import Connection, Database

#: Pairs to one transaction: it keeps everybody out who makes names known, so it has to be short.
_AT_ONCE = 50
_OWNERS = """
select name, coalesce(own.merged_into, own.id, named.merged_into, named.id, by_user.lead_id, by_visitor.lead_id) as lead_id
from unnest($1::text[]) as name
left join lead own on own.id = name
left join lead named on named.external_id = name
left join identity by_user on by_user.kind = 'user_id' and by_user.value = name
left join identity by_visitor on by_visitor.kind = 'anonymous_id' and by_visitor.value = name
"""
_REMEMBERED = """
select previous_id, user_id from alias
join unnest($1::text[], $2::text[]) as pair (previous, current) on previous_id = previous and user_id = current
"""
_REMEMBER = "insert into alias (previous_id, user_id, created_at) values ($1, $2, $3) on conflict do nothing"
_log = structlog.get_logger("tendril.aliases")


class Pair(NamedTuple):
    """``previous`` is a visitor's id or a former user id, ``current`` the user id from now on."""

    previous: str
    current: str


async def unite(db: Database, pairs: Iterable[Pair], now: datetime) -> None:
    """Make each pair's names one person's. What is so already costs one look."""
    new = iter(await _unsettled(db.pool, list({pair for pair in pairs if pair.previous != pair.current})))
    while some := list(islice(new, _AT_ONCE)):
        async with db.pool.acquire() as connection, connection.transaction():
            await turns.keep_names_still(connection)
            for pair in some:
                await _unite(connection, pair, now)


async def _unsettled(connection: Connection, pairs: Sequence[Pair]) -> list[Pair]:
    if not pairs:
        return []
    owners = await _owners(connection, [name for pair in pairs for name in pair])
    rows = await connection.fetch(_REMEMBERED, [pair.previous for pair in pairs], [pair.current for pair in pairs])
    remembered = {tuple(row) for row in rows}
    return [pair for pair in pairs if pair not in remembered and not (owners[pair.previous] and owners[pair.current])]


async def _unite(connection: Connection, pair: Pair, now: datetime) -> None:
    owners = await _owners(connection, pair)
    previous, current = owners[pair.previous], owners[pair.current]
    if previous and current:
        if previous != current:
            _log.info("alias_of_two_leads", leads=[previous, current])
    elif lead := previous or current:
        name = pair.current if previous else pair.previous
        await attach(connection, [Link(lead, kind, name) for kind in ("user_id", "anonymous_id")], now)
    else:
        await connection.execute(_REMEMBER, *pair, now)


async def _owners(connection: Connection, names: Sequence[str]) -> dict[str, str | None]:
    return {row["name"]: row["lead_id"] for row in await connection.fetch(_OWNERS, list(names))}
