"""What the database says of the whole deployment, for gauges: counts and how old the oldest is, no ids.

``often`` touches partial indexes only and takes a few milliseconds at any size. ``seldom`` reads the table of journeys
once (100,000 of them: about 0.1 s), and a day's mails.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.drift import KINDS
from storage.database import Connection

#: Only who holds this lock (of a session) surveys: several workers would all count the same.
_LOCK = 7346206
#: What is drift. Anything else that an audit notes, a newer build's kinds too, is for a person to know.
_DRIFT = [kind.value for kind, about in KINDS.items() if not about.notice]


class Counted(NamedTuple):
    """``what`` is counted, under up to two words; ``oldest`` is on the deployment's clock."""

    what: str
    one: str
    two: str
    number: float
    oldest: datetime | None


#: $1: a wake due before is overdue; $2: now. Both on the deployment's clock. $3: kinds of drift.
#: Of what audits found counts what they left, and what they found again: mending it did not help.
_OFTEN = """
select 'overdue' as what, '' as one, '' as two, count(*)::float8 as number, min(next_wake_at) as oldest
from journey where ended_at is null and paused_since is null and next_wake_at < $1
union all
select 'touches', status, channel, count(*), min(coalesce(claimed_at, planned_at))
from touch where status in ('planned', 'claimed', 'unknown') group by status, channel
union all
select 'handoffs', case when sla_at < $2 then 'breached' else 'open' end, '', count(*), min(sla_at)
from handoff where status = 'open' group by 2
union all
select 'dead_letters', '', '', count(*), min(received_at) from dead_letter
union all
select 'unreconciled', 'crm', case when refusals > 0 then 'refused' else 'waiting' end, count(*), min(changed_at)
from crm_record where pushed_version < version group by 3
union all
select 'unreconciled', network, case when refusals > 0 then 'refused' else 'waiting' end, count(*), null
from network_member where pushed_version < version group by 2, 3
union all
select 'unreconciled', 'audiences', 'unspread', count(*), min(changed_at)
from audience_member where spread_version < version
union all
select 'sending_paused', domain, '', (paused_at is not null)::int, paused_at from mail_identity
union all
select case when kind = any($3) then 'audit_drift' else 'audit_notices' end, kind, '', count(*), null
from audit_finding where gone_real_at is null and (outcome = '' or first_real_at < last_real_at) group by kind
union all
select 'audit_age', '', '', extract(epoch from now() - max(ended_real_at)), null
from audit_run having max(ended_real_at) is not null
"""
#: $1: mails claimed since. Of audiences the oldest change is read through the memberships that wait.
_SELDOM = """
select 'journeys' as what, status as one, stage as two, count(*)::float8 as number, null::timestamptz as oldest
from journey where ended_at is null group by status, stage
union all
select 'behind', '', '', count(*), null
from journey j join lead on lead.id = j.lead_id where j.ended_at is null and lead.inbox_position > j.cursor
union all
select 'unread', '', '', coalesce(sum(lead.inbox_position - j.cursor), 0)::float8, null
from journey j join lead on lead.id = j.lead_id where j.ended_at is null and lead.inbox_position > j.cursor
union all
select 'mail', sending_domain, case fate when '' then status else fate end, count(*), null
from touch where sending_domain <> '' and claimed_at > $1 group by 2, 3
union all
select 'database_bytes', '', '', pg_database_size(current_database()), null
"""


async def mine(connection: Connection) -> bool:
    """Whether this connection may survey. It may until it closes."""
    taken: bool = await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK)
    return taken


async def often(connection: Connection, overdue: datetime, now: datetime) -> Sequence[Counted]:
    return _counted(await connection.fetch(_OFTEN, overdue, now, _DRIFT))


async def seldom(connection: Connection, mail_since: datetime) -> Sequence[Counted]:
    return _counted(await connection.fetch(_SELDOM, mail_since))


def _counted(rows: Sequence[Any]) -> list[Counted]:
    return [Counted(*row) for row in rows]
