"""Two names, one person: ``alias``.

Where a lead has one of the names it has both from then on, with all that was done under either. Names that nobody
knows are remembered together until one of them becomes a lead's (``storage.attach``). Two leads are united where
nothing says that they are two, else suggested to a person (``domain.merging``). A visitor's id that was another lead's
is, from then on, whose the alias says: people share computers.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from domain.merging import Said
from storage import merges, tombstones, turns
from storage.attach import Link, attach
from storage.database import Connection, Database
from storage.lead_merge import Same
from storage.tombstones import Name

#: Pairs to one transaction: it keeps everybody out who makes names known, so it has to be short.
_AT_ONCE = 50
_OWNERS = """
select name,
    coalesce(own.merged_into, own.id, named.merged_into, named.id, by_user.lead_id, by_visitor.lead_id) as lead_id,
    coalesce(own.id, named.id, by_user.lead_id) is null as visitor
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


class _Owner(NamedTuple):
    """``visitor``: the name is nothing but a visitor's id, if it is anybody's."""

    lead: str | None
    visitor: bool


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
            two = [found for pair in some if (found := await _unite(connection, pair, now))]
        for one, other, said in two:
            await merges.unite(db, one, other, said, now)


async def _unsettled(connection: Connection, pairs: Sequence[Pair]) -> list[Pair]:
    if not pairs:
        return []
    owners = await _owners(connection, [name for pair in pairs for name in pair])
    rows = await connection.fetch(_REMEMBERED, [pair.previous for pair in pairs], [pair.current for pair in pairs])
    remembered = {tuple(row) for row in rows}
    return [
        pair
        for pair in pairs
        if pair not in remembered
        and (owners[pair.previous].lead != owners[pair.current].lead or owners[pair.previous].lead is None)
    ]


async def _unite(connection: Connection, pair: Pair, now: datetime) -> Same | None:
    """The two leads that have one name each, if there are two."""
    owners = await _owners(connection, pair)
    previous, current = owners[pair.previous], owners[pair.current]
    if previous.lead and current.lead:
        if previous.lead == current.lead:
            return None
        if previous.visitor:
            await attach(connection, [Link(current.lead, "anonymous_id", pair.previous, latest=True)], now)
        return Same(previous.lead, current.lead, Said.VISITOR if previous.visitor else Said.ALIAS)
    if lead := previous.lead or current.lead:
        name = pair.current if previous.lead else pair.previous
        await attach(connection, [Link(lead, kind, name) for kind in ("user_id", "anonymous_id")], now)
    elif not await tombstones.raised(connection, {Name("user_id", name) for name in pair}):
        await connection.execute(_REMEMBER, *pair, now)
    return None


async def _owners(connection: Connection, names: Sequence[str]) -> dict[str, _Owner]:
    rows = await connection.fetch(_OWNERS, list(names))
    return {row["name"]: _Owner(row["lead_id"], row["visitor"]) for row in rows}
