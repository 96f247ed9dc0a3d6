"""Everything that is held on one person, for whoever asks for it (in the EU: articles 15 and 20 of the GDPR)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from domain.errors import NotFound, Refused
from storage import merges
from storage.database import Connection, Database
from storage.erasure_sql import NAMES
from storage.named import LETTERS, REQUESTS, own, patterns

#: Part of the export → what is read. Decisions that were taken back are parts of the story too.
PARTS = {
    "identities": "select kind, value, created_at from identity where lead_id = $1 order by kind, value",
    "companies": """
        select i.group_id, i.created_at from account_identity i join lead l using (account_id) where l.id = $1
    """,
    "consent": "select channel, granted, basis, source, at from consent where lead_id = $1 order by channel",
    "consent_words": """
        select channel, granted, basis, source, wording, at from consent_word where lead_id = $1 order by id
    """,
    "preferences": "select paused_until, least_days, declined_topics, at from preference where lead_id = $1",
    "answers": """
        select a.field, l.fields -> a.field as answer, a.basis, a.consent, a.touch_key, a.at
        from answer a join lead l on l.id = a.lead_id where a.lead_id = $1 order by a.at, a.field
    """,
    "suppression": """
        select s.email, s.reason, s.source, s.at from suppression s join lead l on l.id = $1
        where s.lead_id = l.id or s.email in (l.email, '*@' || substring(l.email from '[^@]*$')) order by s.at
    """,
    "behaviour": """
        select position, kind, name, properties, trusted, message_id, anonymous_id, user_id, occurred_at, received_at,
            purged_at
        from behaviour where lead_id = $1 order by position
    """,
    "journeys": "select * from journey where lead_id = $1 order by cycle",
    "decisions": "select * from decision where lead_id = $1 order by cycle, number, revision",
    "touches": "select * from touch where lead_id = $1 order by planned_at, key",
    "handoffs": "select * from handoff where lead_id = $1 order by opened_at, id",
    "audiences": "select audience, desired, changed_at from audience_member where lead_id = $1 order by audience",
    "networks": """
        select network, audience, held, known_as, pushed_at from network_member where lead_id = $1
        order by network, audience
    """,
    "merges": """
        select survivor, merged, by, why, rule, at, undone_at, undone_by, kept from lead_merge
        where survivor = $1 or merged = $1
        order by id
    """,
    "may_be_the_same": "select one, other, why, at, denied_at from same_person where one = $1 or other = $1",
    "crm": "select desired, seen, changed_at, pushed_at from crm_record where lead_id = $1",
    "operations": """
        select o.id, o.kind, o.reason, o.created_at, l.status, l.detail, l.done_at from operation_lead l
        join operation o on o.id = l.operation_id where l.lead_id = $1 order by o.created_at, o.id
    """,
    "operator_actions": "select at, by, action, detail from operator_action where subject = $1 order by id",
    "opportunities": "select vendor, id, outcome, at from crm_deal where lead_id = $1 order by vendor, id",
}
#: What is kept raw and names the person, with what finds their names (``storage.named``) as argument.
_RAW = {
    "dead_letters": f"select id, source, reason, body, received_at {LETTERS} order by id",
    "requests": f"select id, vendor, body, received_real_at {REQUESTS} order by id",
}
#: Milliseconds as text, 0 for as long as it takes; until the transaction ends.
_AT_MOST = "select set_config('statement_timeout', $1, true)"


async def held(db: Database, lead: str, now: datetime, *, seconds: float | None = 60) -> dict[str, Any]:
    """All of it: ``lead`` and ``account`` (None where there is none), and lists of everything else, as of one moment.

    ``merged_leads`` are the leads that are part of this one, each with the same parts. What is kept raw and names any
    of them, ``dead_letters`` and ``requests``, is looked for once, a moment before: what is taken in meanwhile may be
    in both, and is missing from neither. Of a merged lead, its survivor's is given. Times are the deployment's.

    That search reads all that is kept raw, each table and list for ``seconds`` at most; one at a time in a process.
    Raises ``NotFound``, and ``Refused`` when that time is over.
    """
    async with db.searching, db.pool.acquire() as connection:
        if not await connection.fetchval("select exists (select from lead where id = $1)", lead):
            raise NotFound(f"There is no lead {lead}.", "`tendril leads list` shows the leads there are.")
        raw = await _raw(connection, await merges.everyone(connection, lead), seconds)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            own, *others = [await _held(connection, each) for each in await merges.everyone(connection, lead)]
    return {"exported_at": now, **own, **raw, "merged_leads": others}


async def _held(connection: Connection, lead: str) -> dict[str, Any]:
    person = await connection.fetchrow("select * from lead where id = $1", lead)
    account = await connection.fetchrow("select * from account where id = $1", person["account_id"])
    parts = {name: [dict(row) for row in await connection.fetch(PARTS[name], lead)] for name in PARTS}
    return {"lead": dict(person), "account": dict(account) if account else None, **parts}


async def _raw(connection: Connection, leads: Sequence[str], seconds: float | None) -> dict[str, list[dict[str, Any]]]:
    """What could not be understood, and what vendors told, as it came: of what they told of many, the person's own."""
    names = [row["value"] for lead in leads for row in await connection.fetch(NAMES, lead)]
    named = patterns([*leads, *names])
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(_AT_MOST, str(int((seconds or 0) * 1000)))
            return {part: await _own(connection, query, named) for part, query in _RAW.items()}
    except asyncpg.QueryCanceledError:
        why = f"{seconds:g} seconds were over" if seconds else "the database was told to stop it"
        raise Refused(
            f"Dead letters and vendors' requests were searched for the lead {leads[0]}, but not to the end: {why}.",
            "`tendril leads export` takes the time that it needs. `tendril events dead-letters drop` and"
            " `tendril retention set webhooks 14d` leave less to search.",
        ) from None


async def _own(connection: Connection, query: str, named: Sequence[str]) -> list[dict[str, Any]]:
    return [{**row, "body": await own(connection, row["body"], named)} for row in await connection.fetch(query, named)]
