"""Giving leads their positions and wakes, for new behaviour and for behaviour whose owner has become known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import groups
from storage.database import Connection
from storage.wakes_sql import AGAIN, IS_URGENT

#: Of what is ``placed``: moves the leads on.
_MOVE = """
moved as (
    update lead set inbox_position = newest.position
    from (select lead_id, max(position) as position from placed where lead_id is not null group by 1) as newest
    where lead.id = newest.lead_id
),
"""
#: Wakes the journeys of the leads that something is ``placed`` for, and tells the relays when the transaction commits.
#: A wake that waits already and says as much stays as it is; the relays are told all the same, for they pass over a row
#: that is being looked at here. Whose turn the wakes come in (``storage.wakes_sql``) stands for ``/* source */``.
_WAKE = f"""
woken as (
    insert into pending_wake as w (lead_id, types, urgent, source, trace)
    select lead_id, (array_agg(distinct name))[:10], bool_or({IS_URGENT}), /* source */, /* trace */
    from placed where lead_id is not null group by 1 order by 1
    {AGAIN}
    where w.leased_until is not null or not w.types @> excluded.types and cardinality(w.types) < 10
        or excluded.urgent and not w.urgent or w.source not in ('', excluded.source) or excluded.trace is not null
    returning lead_id
),
told as materialized (select pg_notify('tendril_wake', '') from placed where lead_id is not null limit 1)
"""  # noqa: S608 - statements of our own
#: Of what is ``placed`` with a ``trace`` each: the newest's.
_NEWEST_TRACE = "(array_agg(trace order by position desc) filter (where trace is not null))[1]"


def wake(source: str, *, traced: bool = False) -> str:
    """Common table expressions for a query that has ``placed (lead_id, position, kind, name)``, and a ``trace`` beside
    these when it is ``traced``. ``source`` is a parameter such as ``$3``, or a literal.
    """
    return _WAKE.replace("/* source */", f"{source}::text").replace("/* trace */", _NEWEST_TRACE if traced else "null")


#: Stands for ``/* move and wake */`` in a query that has ``placed (lead_id, position, kind, name)``.
MOVE_AND_WAKE = _MOVE + wake("''")


#: Positions of one second of one lead's history, below zero.
PER_SECOND = 1 << 20
#: Names that were said to be the same person's as these (``storage.aliases``), over however many steps.
_ALIASED = """
with recursive reach (lead_id, value) as (
    select * from unnest($1::text[], $2::text[])
    union
    select reach.lead_id, alias.value from reach join lateral (
        select user_id as value from alias where previous_id = reach.value
        union all select previous_id from alias where user_id = reach.value
    ) as alias on true
),
settled as (delete from alias using reach where reach.value in (previous_id, alias.user_id))
select lead_id, kind, value from reach, unnest('{user_id,anonymous_id}'::text[]) as kind
where value <> all ($2::text[])
"""
_LINK = """
insert into identity (kind, value, lead_id, created_at)
select distinct on (kind, value) kind, value, lead_id, $4
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as link (lead_id, kind, value, ord)
where not exists (select from lead where id = link.lead_id and external_id = link.value and kind = 'user_id')
order by kind, value, ord desc
on conflict (kind, value) do nothing
"""
#: Of a computer that people share the next event is whose was seen with it last; what was done before stays.
_SEEN = """
update identity i set lead_id = link.lead_id, created_at = $3
from (
    select distinct on (value) lead_id, value
    from unnest($1::text[], $2::text[]) with ordinality as l (lead_id, value, ord) order by value, ord desc
) as link
where i.kind = 'anonymous_id' and i.value = link.value and i.lead_id <> link.lead_id
"""

#: What waits with a position is history (``storage.history``): it goes among the lead's own, and is news to nobody.
_ATTACH = """
with link as (
    select * from unnest($1::text[], $2::text[], $3::text[]) with ordinality as link (lead_id, kind, value, ord)
),
mine as (
    select distinct on (id) id, kind, name, position, occurred_at, lead_id from (
        select b.id, b.kind, b.name, b.position, b.occurred_at, link.lead_id, link.ord from link
        join behaviour b on b.anonymous_id = link.value
        where link.kind = 'anonymous_id' and b.lead_id is null
        union all
        select b.id, b.kind, b.name, b.position, b.occurred_at, link.lead_id, link.ord from link
        join behaviour b on b.user_id = link.value
        where link.kind = 'user_id' and b.lead_id is null
    ) as candidates order by id, ord
),
locked as materialized (
    select id, inbox_position from lead where id in (select lead_id from mine) order by id for no key update
),
placed as materialized (
    select mine.id, mine.kind, mine.name, mine.lead_id,
        locked.inbox_position + row_number() over (partition by mine.lead_id order by mine.id) as position
    from mine join locked on locked.id = mine.lead_id where mine.position is null
),
past as (
    select mine.id, mine.lead_id, coalesce(newest.position, mine.position - 1)
        + row_number() over (partition by mine.lead_id, mine.position order by mine.occurred_at, mine.id) as position
    from mine join locked on locked.id = mine.lead_id left join lateral (
        select max(b.position) as position from behaviour b where b.lead_id = mine.lead_id
        and b.position >= mine.position and b.position < mine.position + /* second */
    ) as newest on true
    where mine.position is not null
),
attached as (
    update behaviour b set lead_id = found.lead_id, position = found.position
    from (select id, lead_id, position from placed union all select id, lead_id, position from past) as found
    where b.id = found.id
    returning b.lead_id, b.kind, b.position
),
/* move and wake */
select (select count(*) from attached) as attached, (select count(*) from told),
    (select array_agg(distinct lead_id) from attached where kind = 'group' and position > 0) as grouped
""".replace("/* move and wake */", MOVE_AND_WAKE).replace("/* second */", str(PER_SECOND))


@dataclass(frozen=True, slots=True)
class Link:
    """A name (``kind``: ``anonymous_id`` or ``user_id``) that turns out to be a lead's.

    ``latest``: the lead was seen with this visitor's id just now, whoever was before.
    """

    lead_id: str
    kind: str
    value: str
    latest: bool = False


async def attach(connection: Connection, links: Sequence[Link], now: datetime) -> int:
    """Remember whose the names are and give the leads the behaviour that waited under them; returns how much.

    Names that were said to be the same person's are theirs too, and what a ``group`` among the behaviour says of their
    company holds. A name that is another lead's already stays there, but for a visitor's id of a ``latest`` link. The
    caller is in a transaction and holds the names (``turns.name_them``).
    """
    if not links:
        return 0
    seen = [link for link in links if link.latest]
    if seen:
        await connection.execute(_SEEN, [link.lead_id for link in seen], [link.value for link in seen], now)
    links = [*links, *await _aliased(connection, links)]
    columns = [link.lead_id for link in links], [link.kind for link in links], [link.value for link in links]
    await connection.execute(_LINK, *columns, now)
    row = await connection.fetchrow(_ATTACH, *columns)
    if row["grouped"]:
        await groups.join(connection, row["grouped"], now)
    attached: int = row["attached"]
    return attached


async def _aliased(connection: Connection, links: Sequence[Link]) -> list[Link]:
    rows = await connection.fetch(_ALIASED, [link.lead_id for link in links], [link.value for link in links])
    return [Link(**dict(row)) for row in rows]
