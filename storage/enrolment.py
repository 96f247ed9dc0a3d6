"""Beginning a journey is only a transaction: its row and a wake. The relay starts the workflow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.playbook.models import ReEntry
from domain.trace import TRACE
from domain.words import Ending
from storage.database import Connection, Database
from storage.permission import forbidden
from storage.playbooks import active_on
from storage.wakes_sql import AGAIN, URGENT

#: More leads than that, woken for one reason, are a list, and come in a turn of their own.
_FEW = 100
_LATEST = """
select l.id as lead_id, j.cycle, j.cursor, j.ended_at, j.ending, /* forbidden */ is not null as suppressed
from unnest($1::text[]) as l (id)
left join lateral (select * from journey where lead_id = l.id order by cycle desc limit 1) j on true
left join lead on lead.id = l.id
""".replace("/* forbidden */", forbidden("lead"))
_WELCOME = """
select lead.id from lead where id = any($1) and email is not null and /* forbidden */ is null
and exists (select from playbook_active where is_default)
and not exists (select from consent where lead_id = lead.id and channel = 'email' and not granted)
order by lead.id
""".replace("/* forbidden */", forbidden("lead"))
_LOCK = "select from lead where id = any($1) order by id for no key update"
_RE_ENTRY = "select document::jsonb -> 're_entry' from playbook_version where hash = $1"
_BEGIN = """
with begun as (
    insert into journey (lead_id, cycle, cursor, playbook_name, playbook_hash, started_at)
    select lead_id, cycle, cursor, $4, $5, $6
    from unnest($1::text[], $2::int[], $3::bigint[]) as new (lead_id, cycle, cursor) order by lead_id
    on conflict do nothing returning lead_id, cycle
),
woken as (
    insert into pending_wake as w (lead_id, types, source, trace)
    select lead_id, '{enrolled}', 'enrolled', $7::text from begun order by lead_id
    /* again */
    returning lead_id
),
told as materialized (select pg_notify('tendril_wake', '') from woken limit 1)
select begun.lead_id, begun.cycle, (select count(*) from told) from begun
""".replace("/* again */", AGAIN)
_WAKE_RUNNING = """
with woken as (
    insert into pending_wake as w (lead_id, types, urgent, source, trace)
    select distinct lead_id, array[$2], $3::bool, $4::text, $5::text
    from journey where lead_id = any($1) and ended_at is null order by lead_id
    /* again */
    returning lead_id
),
told as materialized (select pg_notify('tendril_wake', '') from woken limit 1)
select count(*) from told
""".replace("/* again */", AGAIN)


async def enrol(
    connection: Connection, leads: Sequence[str], playbook: str | None, now: datetime, *, anyway: bool = False
) -> dict[str, int]:
    """Begin a journey for those who have none, or whose last one has ended and may be followed by another: by the
    playbook's rule, or ``anyway`` when an operator wants it now. Nobody suppressed comes back.

    Returns lead id → cycle of the journeys begun. A later cycle takes up the inbox where the one before left it.
    In a transaction of the caller's. Raises ``NotFound`` when there is no such playbook.
    """
    name, content_hash = await active_on(connection, playbook)
    latest = await connection.fetch(_LATEST, list(dict.fromkeys(leads)))
    if returning := [row["lead_id"] for row in latest if row["ended_at"]]:
        # A reset may be opening what has ended again (``storage.resets``): whoever was later sees what the other did.
        await connection.execute(_LOCK, returning)
        latest = await connection.fetch(_LATEST, [row["lead_id"] for row in latest])
    policy = await _re_entry(connection, content_hash) if returning else None
    policy = ReEntry(policy="always") if anyway else policy
    begin = [row for row in latest if row["cycle"] is None or (policy and may_return(row, policy, now))]
    if not begin:
        return {}
    cycles = [(row["cycle"] or 0) + 1 for row in begin]
    cursors = [row["cursor"] or 0 for row in begin]
    ids, trace = [row["lead_id"] for row in begin], TRACE.get() or None
    begun = await connection.fetch(_BEGIN, ids, cycles, cursors, name, content_hash, now, trace)
    return {row["lead_id"]: row["cycle"] for row in begun}


async def welcome(db: Database, leads: Sequence[str], now: datetime) -> dict[str, int]:
    """Enrol, in the default playbook, those who came by themselves, by a form or an identify: lead id → cycle.

    The re-entry rule holds as for everybody. Whoever has no address, may not be written to, or declined e-mail, begins
    nothing; without a default playbook nobody does.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        welcome = [row["id"] for row in await connection.fetch(_WELCOME, list(leads))]
        return await enrol(connection, welcome, None, now) if welcome else {}


async def wake_running(connection: Connection, leads: Sequence[str], why: str) -> None:
    """Let the journeys in flight among these leads decide again: first of all on an interrupt, but for a whole list."""
    if leads:
        many = len(leads) > _FEW
        urgent = why in URGENT and not many
        source, trace = why if many else "", TRACE.get() or None
        await connection.execute(_WAKE_RUNNING, list(leads), why, urgent, source, trace)


def may_return(row: Any, policy: ReEntry, now: datetime) -> bool:
    """Whether a lead may begin again: its last journey has ended, long enough ago, and we may write to it."""
    if row["ended_at"] is None or row["suppressed"]:
        return False
    if row["ending"] == Ending.MERGED:  # whoever is a lead of its own again was never finished with
        return True
    if policy.policy == "once":
        return False
    return policy.policy == "always" or policy.after is None or now - row["ended_at"] >= policy.after


async def _re_entry(connection: Connection, content_hash: str) -> ReEntry:
    return ReEntry.model_validate(await connection.fetchval(_RE_ENTRY, content_hash))
