"""Carrying out retention (``domain.retention``): in steps of bounded size, each a transaction of its own.

Of a behaviour that is purged the row stays, slim, with its message id: what a sender sends again counts no second time,
for ever, and a decision whose evidence it was can say that it is kept no longer. Name, properties and names of people
go. What a journey in flight has not read yet is left for another day.

A rule reads behaviour in the order in which it came, each row once: how far it has read is kept (``retention_pass``),
so a day's round costs what has become too old since the day before, and no index. Whatever dies in between, the next
round goes on from there.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.ports import Purged
from domain.retention import DEFAULTS, Rule, in_order, rule
from storage.database import Connection, Database
from storage.statement import Statement

#: Rows that one step reads.
_STEP = 2000
#: What a purged behaviour is called.
PURGED = "purged"
#: The round through all rules, in ``retention_pass``.
_ROUND = "*"
_EVERY = timedelta(days=1)

#: ``w`` is under the rule. ``kinds`` and ``likes`` of the more particular rules are at the same place in their lists.
_UNDER = """
w.purged_at is null
and (cardinality(:kinds) = 0 or w.kind = any(:kinds)) and w.name like :like
and (:only <> 'unknown' or w.lead_id is null) and (:only <> 'uncounted' or not w.trusted)
and not exists (
    select from unnest(:other_kinds, :other_likes) as other (kind, name)
    where other.kind = w.kind and w.name like other.name
)
"""
_UNREAD = """
exists (select from journey j where j.lead_id = w.lead_id and j.ended_at is null and w.position > j.cursor)
"""
#: Tables whose rows go whole → when they came.
_RECEIVED = {"dead_letter": "received_at", "webhook_request": "received_real_at"}
_TYPES = {
    "kinds": "text[]",
    "other_kinds": "text[]",
    "other_likes": "text[]",
    "cutoff": "timestamptz",
    "now": "timestamptz",
    "after": "bigint",
    "step": "int",
}
#: Rows that others hold are left, like those that are unread: so nobody waits for anybody.
_PURGE = Statement(
    f"""
with ahead as (select * from behaviour where id > :after order by id limit :step),
old as (
    select * from ahead
    where id < coalesce((select min(id) from ahead where received_at >= :cutoff), 9223372036854775807)
),
due as (select w.id, w.lead_id, {_UNREAD} as unread from old w where {_UNDER}),
held as (
    select b.id from behaviour b join due on due.id = b.id and due.lead_id is not distinct from b.lead_id
    where not due.unread order by b.id for update of b skip locked
),
purged as (
    update behaviour b set name = '{PURGED}', properties = '{{}}', user_id = null, anonymous_id = null, trusted = false,
        purged_at = :now
    from held where b.id = held.id and b.purged_at is null
    returning b.id
)
select (select max(id) from old) as last, (select count(*) from purged) as purged,
    (select count(*) from old) = :step as more, (select min(id) from due where id not in (select id from held)) as left
""",  # noqa: S608 - words of our own
    **_TYPES,
)
#: What two rules would purge is the first one's: that for its type, then that for unknown visitors.
_COUNT = Statement(
    f"""
select count(*) from behaviour w where id > :after and received_at < :cutoff and {_UNDER} and not {_UNREAD}
and (:only = '' or not coalesce(w.received_at < (
    select own.cutoff from unnest(:own_kinds, :own_likes, :own_cutoffs) with ordinality
        as own (kind, name, cutoff, ord)
    where own.kind = w.kind and w.name like own.name order by own.ord limit 1
), false))
and not coalesce(:only = 'uncounted' and w.lead_id is null and w.received_at < :strangers, false)
""",  # noqa: S608 - words of our own
    **_TYPES,
    own_kinds="text[]",
    own_likes="text[]",
    own_cutoffs="timestamptz[]",
    strangers="timestamptz",
)
_DUE = "select not exists (select from retention_pass where name = $1 and finished_real_at > now() - $2::interval)"
_BEGIN = "insert into retention_pass (name) values ($1) on conflict do nothing"
#: Only from where this pass began its step: a rule that was changed meanwhile begins anew.
_ADVANCE = """
update retention_pass set done = $3, finished_real_at = now() where name = $1 and done = $2 returning done
"""


@dataclass(frozen=True, slots=True)
class _Pass:
    """A rule at work: what its statements are given."""

    rule: Rule
    others: Sequence[Rule]
    cutoff: datetime
    now: datetime

    @property
    def since(self) -> datetime:
        """What a table's rows are too old by, on the clock that the table goes by."""
        on_wall = _RECEIVED[self.rule.table].endswith("_real_at")
        return datetime.now(UTC) - (self.now - self.cutoff) if on_wall else self.cutoff

    def values(self, after: int) -> dict[str, Any]:
        others = [(kind, other.like) for other in self.others for kind in other.kinds]
        return {
            "kinds": list(self.rule.kinds),
            "like": self.rule.like,
            "only": self.rule.only,
            "other_kinds": [kind for kind, _ in others],
            "other_likes": [like for _, like in others],
            "cutoff": self.cutoff,
            "now": self.now,
            "after": after,
            "step": _STEP,
        }


class PgRetention:
    """``ports.Retention``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def due(self) -> bool:
        """Whether the last round ended more than a day ago, on the wall clock."""
        found: bool = await self._db.pool.fetchval(_DUE, _ROUND, _EVERY)
        return found

    async def purge(self, now: datetime) -> AsyncIterator[Purged]:
        """Step by step until nothing is due; the round counts as done only then."""
        for work in _passes(await in_force(self._db), now):
            async for step in _table(self._db, work) if work.rule.table else _behaviour(self._db, work):
                yield step
            if work.rule.only == "unknown":
                await self._db.pool.execute("delete from alias where created_at < $1", work.cutoff)
        await self._db.pool.execute(_BEGIN, _ROUND)
        await self._db.pool.execute("update retention_pass set finished_real_at = now() where name = $1", _ROUND)


async def in_force(db: Database) -> list[Rule]:
    """Every rule with the time that holds, in the order in which they are asked."""
    rows = await db.pool.fetch("select name, days from retention_rule")
    chosen = {row["name"]: None if row["days"] is None else timedelta(days=row["days"]) for row in rows}
    rules = [rule(name, keep) for name, keep in chosen.items()]
    return in_order([*rules, *(one for one in DEFAULTS if one.name not in chosen)])


async def put(db: Database, changed: Rule) -> None:
    """Let the rule hold from the next round on. All begin anew: what each is for may be another's now."""
    async with db.pool.acquire() as connection, connection.transaction():
        await put_on(connection, changed)


async def put_on(connection: Connection, changed: Rule) -> None:
    """As ``put``, in a transaction of the caller's."""
    await _change(
        connection,
        "insert into retention_rule (name, days) values ($1, $2) on conflict (name) do update set days = excluded.days",
        changed.name,
        None if changed.keep is None else changed.keep.days,
    )


async def drop(db: Database, name: str) -> None:
    """Let the default hold again; a rule without one is gone."""
    async with db.pool.acquire() as connection, connection.transaction():
        await drop_on(connection, name)


async def drop_on(connection: Connection, name: str) -> None:
    """As ``drop``, in a transaction of the caller's."""
    await _change(connection, "delete from retention_rule where name = $1", name)


async def preview(db: Database, now: datetime) -> dict[str, int]:
    """Name of each rule that ends → how much it would purge now."""
    found, rules = {}, await in_force(db)
    first = _first(rules, now)
    for work in _passes(rules, now):
        if work.rule.table:
            found[work.rule.name] = await db.pool.fetchval(f"select count(*) {_too_old(work)}", work.since)
        else:
            values = work.values(await _done(db, work.rule.name)) | first
            found[work.rule.name] = await db.pool.fetchval(_COUNT.sql, *_COUNT.arguments(values))
    return found


def _first(rules: Sequence[Rule], now: datetime) -> dict[str, Any]:
    """What goes by the rule for its type, and before when what is an unknown visitor's goes."""
    ends = {one.name: None if one.keep is None else now - one.keep for one in rules}
    own = [(kind, one.like, ends[one.name]) for one in rules for kind in one.kinds]
    return {
        "own_kinds": [kind for kind, _, _ in own],
        "own_likes": [like for _, like, _ in own],
        "own_cutoffs": [end for _, _, end in own],
        "strangers": ends.get("unknown"),
    }


def _passes(rules: Sequence[Rule], now: datetime) -> list[_Pass]:
    """Those rules that end, each with the more particular ones for the same kinds."""
    found = []
    for number, one in enumerate(rules):
        if one.keep is not None:
            before = [other for other in rules[:number] if other.kinds and set(other.kinds) & set(one.kinds)]
            found.append(_Pass(one, before, now - one.keep, now))
    return found


async def _behaviour(db: Database, work: _Pass) -> AsyncIterator[Purged]:
    name = work.rule.name
    await db.pool.execute(_BEGIN, name)
    after = done = await _done(db, name)
    more, stays = True, False
    while more:
        row = await db.pool.fetchrow(_PURGE.sql, *_PURGE.arguments(work.values(after)))
        if row["last"] is None:
            return
        after, more = row["last"], row["more"]
        if not stays:  # what was left is looked at again in the next round
            before, stays = done, row["left"] is not None
            done = row["left"] - 1 if stays else after
            await db.pool.fetchval(_ADVANCE, name, before, done)
        yield Purged(rule=name, upto=after, rows=row["purged"])


async def _table(db: Database, work: _Pass) -> AsyncIterator[Purged]:
    statement = (
        f"with gone as (delete from {work.rule.table} where id in (select id {_too_old(work)} order by id limit $2)"  # noqa: S608
        " returning id) select max(id) as upto, count(*) as rows from gone"
    )
    while (row := await db.pool.fetchrow(statement, work.since, _STEP))["rows"]:
        yield Purged(rule=work.rule.name, upto=row["upto"], rows=row["rows"])


def _too_old(work: _Pass) -> str:
    return f"from {work.rule.table} where {_RECEIVED[work.rule.table]} < $1"


async def _done(db: Database, name: str) -> int:
    found: int | None = await db.pool.fetchval("select done from retention_pass where name = $1", name)
    return found or 0


async def _change(connection: Connection, statement: str, *values: Any) -> None:
    await connection.execute(statement, *values)
    await connection.execute("update retention_pass set done = 0 where name <> $1", _ROUND)
