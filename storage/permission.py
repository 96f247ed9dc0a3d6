"""May we write to this person? Suppression (by address, always wins) and consent (by channel).

Whoever forbids takes the turn (``FORBID``) that a claim shares, so no claim is granted once a refusal is committed: a
claim that began before is waited for, one that begins later sees the refusal. Take it last: who holds it waits for
nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from storage.addresses import domain_of, normalised
from storage.database import Connection, Database

#: Taken by a transaction that forbids contact, until it commits.
FORBID = "select pg_advisory_xact_lock(7346204)"
#: Taken by a claim before it asks whether contact is forbidden: a call, to be put among the columns of a query.
ASK = "pg_advisory_xact_lock_shared(7346204)"
#: An entry for every address at a domain is ``*@domain``.
ANYONE = "*@"
#: The one reason that is about an address. Every other is a person's word, and holds whatever their address becomes.
ABOUT_ADDRESS = "hard_bounced"
_OUTRANKS = "suppression.reason = 'hard_bounced' and excluded.reason <> 'hard_bounced'"
#: Ends every statement that writes entries: the first reason stays, but a person's word replaces one about the address,
#: which would be forgotten with it. An entry that was nobody's becomes the lead's.
ON_KNOWN = """on conflict (email) do update set
    reason = case when /* outranks */ then excluded.reason else suppression.reason end,
    source = case when /* outranks */ then excluded.source else suppression.source end,
    at = case when /* outranks */ then excluded.at else suppression.at end,
    lead_id = coalesce(case when /* outranks */ then excluded.lead_id end, suppression.lead_id, excluded.lead_id)
where /* outranks */ or suppression.lead_id is null and excluded.lead_id is not null
""".replace("/* outranks */", _OUTRANKS)
_SUPPRESS = """
insert into suppression (email, reason, source, lead_id, at)
select why.email, why.reason, $3, lead.id, $4
from unnest($1::text[], $2::text[]) as why (email, reason) left join lead on lead.email = why.email
order by why.email
/* on known */
""".replace("/* on known */", ON_KNOWN)
_SUPPRESS_LEADS = """
insert into suppression (email, reason, source, lead_id, at)
select lead.email, why.reason, $3, lead.id, $4
from unnest($1::text[], $2::text[]) as why (lead_id, reason) join lead on lead.id = why.lead_id
where lead.email is not null order by lead.email
/* on known */
""".replace("/* on known */", ON_KNOWN)

_FORBIDDEN = """coalesce(
        (select 'erased' from erasure where erasure.lead_id = lead.id),
        (
            select entry.reason from suppression entry
            where entry.email in (lead.email, '*@' || substring(lead.email from '[^@]*$'))
            order by entry.email = lead.email desc limit 1
        ),
        (
            -- what a merged lead said holds for the person; that an address of theirs is dead holds for that address
            select entry.reason from lead other join suppression entry
                on entry.email in (other.email, '*@' || substring(other.email from '[^@]*$'))
            where other.merged_into = lead.id and entry.reason <> 'hard_bounced' order by entry.at limit 1
        ),
        (
            -- so does what they said when they had another address, or while they were two
            select entry.reason from suppression entry
            where entry.lead_id = any(array(
                select lead.id union all select former.id from lead former where former.merged_into = lead.id
            )) and entry.reason <> 'hard_bounced' order by entry.at limit 1
        )
    )"""


def forbidden(lead: str) -> str:
    """SQL: why nobody may write to the lead of that alias, as things stand; null when one may."""
    return _FORBIDDEN.replace("lead.", f"{lead}.")


def everyone(lead: str) -> str:
    """SQL: the ids of the lead of that alias and of those that were merged into it, as an array."""
    return f"array(select {lead}.id union all select m.id from lead m where m.merged_into = {lead}.id)"  # noqa: S608 - an alias of ours


def one_reason(said: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of all that was said of each (name, reason), the reason that stays, as ``ON_KNOWN`` has it."""
    stays: dict[str, str] = {}
    for name, reason in said:
        if stays.get(name, ABOUT_ADDRESS) == ABOUT_ADDRESS:
            stays[name] = reason
    return stays


async def suppress(db: Database, email: str, reason: str, source: str, now: datetime) -> None:
    """Never write to this address again. The first reason stays (``ON_KNOWN``)."""
    async with db.pool.acquire() as connection, connection.transaction():
        await suppress_on(connection, {normalised(email): reason}, source, now)


async def suppress_on(connection: Connection, reasons: Mapping[str, str], source: str, now: datetime) -> None:
    """Never write to these addresses again (normalised address → reason). Takes the turn, as ``suppress_leads``."""
    await connection.execute(FORBID)
    await connection.execute(_SUPPRESS, list(reasons), list(reasons.values()), source, now)


async def suppress_leads(connection: Connection, reasons: Mapping[str, str], source: str, now: datetime) -> None:
    """Never write to these leads again (lead id → reason). Leads without an address are passed over.

    Takes the turn: everything else of the caller's transaction comes before.
    """
    await connection.execute(FORBID)
    await connection.execute(_SUPPRESS_LEADS, list(reasons), list(reasons.values()), source, now)


async def suppressed(db: Database, emails: Sequence[str]) -> dict[str, str]:
    """Which of these addresses are suppressed, by themselves or by their domain: normalised address → reason."""
    asked = {normalised(email) for email in emails}
    keys = asked | {ANYONE + domain_of(email) for email in asked}
    rows = await db.pool.fetch("select email, reason from suppression where email = any($1)", list(keys))
    reasons = {row["email"]: row["reason"] for row in rows}
    found = {email: reasons.get(email) or reasons.get(ANYONE + domain_of(email)) for email in asked}
    return {email: reason for email, reason in found.items() if reason}
