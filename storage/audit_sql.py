"""The statements of the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.drift import Drift

_RECORD = """
select j.lead_id, j.cycle, j.decision_number, j.status, j.stage, j.segment, j.phase, j.started_at, j.decided_at,
    j.ended_at, j.next_wake_at, j.paused_since is not null as paused, w.created_real_at as wake_since,
    w.attempts as wake_attempts, j.playbook_hash,
    j.ended_at is not null or exists (select from playbook_version v where v.hash = j.playbook_hash) as playbook_known,
    case when j.ended_at is null and l.inbox_position > j.cursor then (
        select b.received_at from behaviour b where b.lead_id = j.lead_id and b.position > j.cursor
        order by b.position limit 1
    ) end as unread_since,
    case j.cycle when 1 then (j.ended_at is null)::int else (
        select count(*)::int from journey o where o.lead_id = j.lead_id and o.ended_at is null
    ) end as open_cycles
from (/* latest */) as j join lead l on l.id = j.lead_id
left join pending_wake w on w.lead_id = j.lead_id and j.ended_at is null
order by j.lead_id
"""
#: ``$1`` is the last lead of the page before, ``$2`` how many to read.
RECORDS_FROM = _RECORD.replace(
    "/* latest */",
    "select distinct on (lead_id) * from journey where lead_id > $1 order by lead_id, cycle desc limit $2",
)
RECORDS_OF = _RECORD.replace(
    "/* latest */", "select distinct on (lead_id) * from journey where lead_id = any($1) order by lead_id, cycle desc"
)
KNOWN = "select id from lead where id = any($1)"


@dataclass(frozen=True, slots=True)
class Look:
    """A query that gives ``subject``, ``lead``, ``since`` and ``detail`` of what has been so since before ``$1``, which
    is ``patience`` (real time) ago: on the deployment's clock, or where its columns are, on the wall clock.

    What may count thousands is counted and not listed: one row says how many.
    """

    sql: str
    patience: timedelta = timedelta()
    wall_clock: bool = False


OTHERS: Mapping[Drift, Look] = {
    # while a journey tries a touch its claim is held for less than a minute at a time; the reconciler asks after ten
    Drift.CLAIM_OPEN: Look(
        """
        select key as subject, lead_id as lead, leased_until as since, channel as detail from touch
        where status = 'claimed' and leased_until < $1 order by key limit 1000
        """,
        timedelta(minutes=20),
        wall_clock=True,
    ),
    # a touch is tried for three days (workflows.lead_journey)
    Drift.TOUCH_FORGOTTEN: Look(
        """
        select t.key as subject, t.lead_id as lead, t.planned_at as since, t.channel as detail
        from touch t join journey j on j.lead_id = t.lead_id and j.cycle = t.cycle
        where t.status = 'planned' and t.planned_at < $1 and j.paused_since is null
            and not exists (select from hold h where h.lifted_at is null)
        order by t.key limit 1000
        """,
        timedelta(days=4),
    ),
    Drift.TOUCH_PARKED: Look(
        """
        select key as subject, lead_id as lead, coalesce(claimed_at, planned_at) as since, channel as detail from touch
        where status = 'unknown' and coalesce(claimed_at, planned_at) <= $1 order by key limit 1000
        """
    ),
    # the clock is the journey's own wake: without one the time to answer never runs out
    Drift.HANDOFF_WITHOUT_CLOCK: Look(
        """
        select h.id as subject, h.lead_id as lead, h.sla_at as since,
            case when j.lead_id is null then 'it has no journey'
                when j.ended_at is not null then 'its journey has ended'
                else 'its journey has no next wake' end as detail
        from handoff h left join journey j on j.lead_id = h.lead_id and j.cycle = h.cycle
        where h.status = 'open' and h.opened_at < $1
            and (j.lead_id is null or j.ended_at is not null or j.paused_since is null and j.next_wake_at is null)
        order by h.id limit 1000
        """,
        timedelta(minutes=2),
    ),
    Drift.AUDIENCE_BEHIND: Look(
        """
        select n.network || '/' || n.audience as subject, '' as lead, min(m.changed_at) as since,
            count(*) || ' memberships' as detail
        from network_member n join audience_member m using (audience, lead_id)
        where n.pushed_version < n.version and n.refused_version < n.version and m.changed_at < $1
        group by 1 order by 1
        """,
        timedelta(hours=1),
    ),
    Drift.AUDIENCE_REFUSED: Look(
        """
        select n.network || '/' || n.audience as subject, '' as lead, min(m.changed_at) as since,
            count(*) || ' memberships' as detail
        from network_member n join audience_member m using (audience, lead_id)
        where n.pushed_version < n.version and n.refused_version = n.version and m.changed_at <= $1
        group by 1 order by 1
        """
    ),
    Drift.CRM_BEHIND: Look(
        """
        select 'crm' as subject, '' as lead, min(changed_at) as since, count(*) || ' leads' as detail
        from crm_record where pushed_version < version and refused_version < version and changed_at < $1
        having count(*) > 0
        """,
        timedelta(hours=1),
    ),
    Drift.CRM_REFUSED: Look(
        """
        select 'crm' as subject, '' as lead, min(changed_at) as since, count(*) || ' leads' as detail
        from crm_record where pushed_version < version and refused_version = version and changed_at <= $1
        having count(*) > 0
        """
    ),
    Drift.NEWS_UNREAD: Look(
        """
        select vendor as subject, '' as lead, min(told_real_at) as since, count(*) || ' records' as detail
        from crm_news where told_real_at < $1 group by vendor order by vendor
        """,
        timedelta(hours=1),
        wall_clock=True,
    ),
    Drift.IMPORT_UNFINISHED: Look(
        """
        select left(id, 12) as subject, '' as lead, started_real_at as since, rows_done || ' rows done' as detail
        from import_run where not finished and started_real_at < $1 order by started_real_at limit 100
        """,
        timedelta(days=1),
        wall_clock=True,
    ),
    Drift.ERASURE_UNFINISHED: Look(
        """
        select lead_id as subject, lead_id as lead, at as since, '' as detail
        from erasure where finished_at is null and at < $1 order by lead_id limit 1000
        """,
        timedelta(days=3),  # a network may take a day to tell what became of a removal, and is asked now and then
    ),
    Drift.DEAD_LETTER: Look(
        """
        select source as subject, '' as lead, min(received_at) as since, count(*) || ' events' as detail
        from dead_letter where received_at <= $1 group by source order by source
        """
    ),
}
