"""What audits found, kept: each finding from when it was first seen until it is gone, and for a while after."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.auditing import Finding
from domain.drift import KINDS, Drift
from storage.database import Connection, Database

#: How long what is gone, and runs, stay readable.
KEPT = timedelta(days=90)
_KEEP = """
insert into audit_finding (kind, subject, lead_id, detail, outcome, since_real_at, first_real_at, last_real_at)
select kind, subject, lead, detail, outcome, since, $7, $7
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
    as found (kind, subject, lead, detail, outcome, since)
on conflict (kind, subject) do update set lead_id = excluded.lead_id, detail = excluded.detail,
    outcome = excluded.outcome, since_real_at = excluded.since_real_at, last_real_at = excluded.last_real_at,
    first_real_at = case when audit_finding.gone_real_at is null then audit_finding.first_real_at
        else excluded.first_real_at end,
    gone_real_at = null
"""
_GONE = "update audit_finding set gone_real_at = $1 where gone_real_at is null and last_real_at < $1"
_TOLD = """
insert into audit_finding (kind, subject, lead_id, detail, since_real_at, first_real_at, last_real_at, gone_real_at)
select kind, subject, lead, detail, since, now(), now(), now()
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    as told (kind, subject, lead, detail, since)
on conflict (kind, subject) do nothing
"""
_RUN = """
insert into audit_run (by, began_real_at, ended_real_at, leads, running, suspects, repaired, "left")
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_LEFT = "select * from audit_finding where gone_real_at is null order by kind, subject limit $1"
_RECENT = """
select * from audit_finding where kind = any($1) and first_real_at > $2 order by kind, first_real_at, subject limit $3
"""
#: What is told once, when it is noticed, and never found again.
_ONCE = [Drift.RESTORED.value, Drift.BEHAVIOUR_LOST.value]


@dataclass(frozen=True, slots=True)
class Audited:
    """One audit in numbers, as ``storage.tables.AuditRun`` has them; times are real."""

    by: str
    began: datetime
    ended: datetime
    leads: int
    running: int
    suspects: int
    repaired: int
    left: int


async def keep(db: Database, audited: Audited, found: Sequence[tuple[Finding, str]]) -> None:
    """Write down an audit of everybody: (finding, what was done about it). What it did not find is gone."""
    async with db.pool.acquire() as connection, connection.transaction():
        if rows := [_row(finding, outcome) for finding, outcome in found]:
            await connection.execute(_KEEP, *map(list, zip(*rows, strict=True)), audited.began)
        await connection.execute(_GONE, audited.began)
        await connection.execute(
            _RUN,
            audited.by,
            audited.began,
            audited.ended,
            audited.leads,
            audited.running,
            audited.suspects,
            audited.repaired,
            audited.left,
        )
        await connection.execute("delete from audit_finding where gone_real_at < $1", audited.began - KEPT)
        await connection.execute("delete from audit_run where ended_real_at < $1", audited.began - KEPT)


async def tell(connection: Connection, told: Iterable[Finding]) -> None:
    """Note what was found and settled outside an audit: what a restored database had forgotten."""
    rows = [_row(one, "") for one in told]
    if rows:
        kinds, subjects, leads, details, _, since = zip(*rows, strict=True)
        await connection.execute(_TOLD, list(kinds), list(subjects), list(leads), list(details), list(since))


async def last(db: Database, limit: int, real_now: datetime) -> dict[str, Any]:
    """The last audit (``audit``, None before the first), what it left (``findings``), and what restores lost in the
    last 90 days (``told``); each finding with its kind's ``means``, ``remedy`` and ``notice``.
    """
    run = await db.pool.fetchrow("select * from audit_run order by id desc limit 1")
    found = await db.pool.fetch(_LEFT, limit)
    told = await db.pool.fetch(_RECENT, _ONCE, real_now - KEPT, limit)
    return {
        "audit": dict(run) if run else None,
        "findings": [explained(dict(row)) for row in found],
        "told": [explained(dict(row)) for row in told],
    }


def explained(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what its kind means. One that a newer build wrote is shown as it is."""
    kind = KINDS.get(row["kind"])
    words = (kind.means, kind.remedy, kind.notice) if kind else ("", "", True)
    return row | dict(zip(("means", "remedy", "notice"), words, strict=True))


def _row(finding: Finding, outcome: str) -> tuple[Any, ...]:
    return finding.kind.value, finding.subject, finding.lead, finding.detail, outcome, finding.since
