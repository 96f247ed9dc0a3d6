"""Journeys that do not go on by themselves, found by a few quick statements: since when, why, and what to do.

A look, not a proof: that every lead is well the audit shows (``storage.audit``). ``since`` is deployment time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from storage.database import Database
from storage.statement import Statement

#: Deployment time after which what should have happened at once is late.
LATE = timedelta(minutes=10)
_OPEN = "j.ended_at is null and j.paused_since is null"
_TYPES = {"late": "timestamptz", "now": "timestamptz", "most": "int"}
#: Kind → its statement: ``late`` is when it must have been due before.
_FOUND: Mapping[str, Statement] = {
    kind: Statement(statement.replace("/* open */", _OPEN) + " order by since limit :most", **_TYPES)
    for kind, statement in {
        "never_decided": """
            select j.lead_id, j.started_at as since, 'journey ' || j.cycle || ' was begun' as detail
            from journey j where /* open */ and j.decision_number = 0 and j.started_at < :late
        """,
        "overdue": """
            select j.lead_id, j.next_wake_at as since, j.next_wake_cause as detail
            from journey j where /* open */ and j.next_wake_at < :late
        """,
        "unread": """
            select j.lead_id, b.received_at as since, b.kind || ' at position ' || b.position as detail
            from journey j join lead l on l.id = j.lead_id and l.inbox_position > j.cursor
            join behaviour b on b.lead_id = j.lead_id and b.position = j.cursor + 1
            where /* open */ and j.decision_number > 0 and b.received_at < :late
        """,
        "touch_unknown": """
            select t.lead_id, coalesce(t.claimed_at, t.planned_at) as since, t.key || ': ' || t.reason as detail
            from touch t where t.status = 'unknown'
        """,
        "touch_waiting": """
            select t.lead_id, t.planned_at as since,
                t.key || ' (' || t.status || ' by ' || t.channel || ', ' || t.attempts || ' attempts)' as detail
            from touch t where t.status in ('planned', 'claimed') and t.planned_at < :late - interval '50 minutes'
        """,
        "handoff_late": """
            select h.lead_id, h.sla_at as since, h.reason as detail
            from handoff h where h.status = 'open' and h.sla_at < :now
        """,
        "sending_paused": """
            select '' as lead_id, m.paused_at as since, m.domain || ': ' || m.paused_why as detail
            from mail_identity m where m.paused_at is not null
        """,
        "hold": """
            select '' as lead_id, h.since,
                h.scope || ', by ' || h.by || coalesce(': ' || nullif(h.reason, ''), '') as detail
            from hold h where h.lifted_at is null
        """,
    }.items()
}
#: Kind → why it matters, and what to do.
_TOLD: Mapping[str, tuple[str, str]] = {
    "never_decided": ("enrolled, and no decision was ever made", "See that a worker runs: `tendril worker`."),
    "overdue": (
        "its next wake has passed and it has not decided",
        "See that Temporal and a worker run: the relay wakes it within minutes. Else look at it: `tendril ui LEAD`.",
    ),
    "unread": (
        "the lead did something that its journey has not read",
        "See that a relay runs (in every worker) and reaches Temporal.",
    ),
    "touch_unknown": (
        "an attempt was cut off, and nobody can tell whether the touch left",
        "Ask the vendor or the lead, then settle it with `tendril touches resolve KEY`.",
    ),
    "touch_waiting": (
        "planned an hour ago or earlier, and not sent yet",
        "See whether its vendor answers: `tendril connect VENDOR`, and the worker's log.",
    ),
    "handoff_late": ("sales has not answered in the time agreed", "Accept or reject it, or see to the seller's inbox."),
    "sending_paused": (
        "mail of this sender is paused for its bounces or complaints",
        "Find the cause, then let it go on with `tendril mail resume DOMAIN`.",
    ),
    "hold": ("an operator holds what is in its scope", "Lift it when its reason is gone."),
    "task_failing": (
        "Temporal reports that the journey's workflow task fails again and again",
        "Look at its history with `tendril ui LEAD`; a worker of the build before can go on meanwhile.",
    ),
}
KINDS = tuple(_TOLD)


class Stuck(BaseModel):
    """One journey that waits for somebody. ``kind`` is one of ``KINDS``; ``detail`` is about this one."""

    model_config = ConfigDict(frozen=True)

    kind: str
    lead_id: str
    since: datetime | None
    why: str
    detail: str
    remedy: str


async def stuck(db: Database, now: datetime, limit: int = 50) -> list[Stuck]:
    """Those that wait longest of each kind, at most ``limit`` of each. ``task_failing`` Temporal alone can tell."""
    values = {"late": now - LATE, "now": now, "most": limit}
    return [
        of(kind, **dict(row))
        for kind, statement in _FOUND.items()
        for row in await db.pool.fetch(statement.sql, *statement.arguments(values))
    ]


def of(kind: str, lead_id: str, since: datetime | None, detail: str) -> Stuck:
    """With why it matters and what to do."""
    why, remedy = _TOLD[kind]
    return Stuck(
        kind=kind, lead_id=lead_id, since=since, why=why, detail=detail, remedy=remedy.replace("LEAD", lead_id)
    )
